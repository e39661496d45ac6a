"""``dataclasses`` and ``re.compile`` for start-up: what they make is made when it is first used.

The standard decorator compiles six functions for every class that is imported, and imports
``inspect`` for it: a third of the time that ``dsv4-env check`` took, most of it for classes of
which a run makes no object. To type checkers, and to whoever asks ``dataclasses`` about one of
these classes, they are dataclasses with slots; tests hold them to it. A ``regexp`` has the
methods of a compiled one, and is for those that many runs have no use for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

__all__ = ["MISSING", "dataclass", "field", "fields", "is_dataclass", "regexp", "replace"]

if TYPE_CHECKING:
    from dataclasses import MISSING, dataclass, field, fields, is_dataclass, replace
    from re import compile as regexp
else:

    class regexp:  # noqa: N801  # it stands for the function ``re.compile``
        """A regular expression that is compiled when it is first asked something."""

        def __init__(self, text, flags=0):
            self._made_of = (text, flags)

        def __getattr__(self, name):
            if name.startswith("_"):
                raise AttributeError(name)
            import re

            value = getattr(re.compile(*self._made_of), name)
            setattr(self, name, value)
            return value

    MISSING = object()
    _ORDER = {"__lt__": "<", "__le__": "<=", "__gt__": ">", "__ge__": ">="}

    class _Field:
        """What is known of a field, under the names that ``dataclasses.Field`` has."""

        __slots__ = ("compare", "default", "default_factory", "init", "name", "repr")

        def __init__(self, **known):
            for name, value in known.items():
                setattr(self, name, value)

    def field(*, default=MISSING, default_factory=MISSING, init=True, repr=True, compare=True):
        """A field of which more is to be said than its default."""
        return _Field(
            default=default, default_factory=default_factory, init=init, repr=repr, compare=compare
        )

    def fields(one):
        """The fields of a record, or of its class."""
        return one.__record__

    def is_dataclass(one):
        """Whether it is a record, or the class of one."""
        return hasattr(one, "__record__")

    def replace(one, /, **changes):
        """The same record with other values for some fields."""
        cls = one.__class__
        names = cls.__match_args__
        values = [changes.pop(n) if n in changes else getattr(one, n) for n in names]
        return cls(*values, **changes)

    def dataclass(*, slots, frozen=False, eq=True, order=False):
        """Make a class a record. Of the standard decorator's options, those that are in use."""
        assert slots
        return lambda cls: _record(cls, frozen=frozen, eq=eq, order=order)

    def _record(cls, *, frozen, eq, order):
        known = {f.name: f for b in cls.__mro__[:0:-1] for f in b.__dict__.get("__record__", ())}
        inherited = set(known)
        space = dict(cls.__dict__)
        own = tuple(cls.__annotations__)
        for name in own:
            given = space.pop(name, MISSING)
            known[name] = given if isinstance(given, _Field) else field(default=given)
            known[name].name = name
        for name in ("__dict__", "__weakref__"):
            space.pop(name, None)

        def late(name, text):
            """Have a method compiled, from what *text* returns, when it is first called."""

            def first(self, /, *args, **kwargs):
                method = _compiled(made, name, text())
                return method(self, *args, **kwargs)

            first.__name__, first.__qualname__ = name, f"{cls.__qualname__}.{name}"
            space.setdefault(name, first)

        late("__init__", lambda: _init(made, frozen=frozen))
        if eq:
            late("__eq__", lambda: _comparing(made, "=="))
            if frozen:
                late("__hash__", lambda: f"(self):\n return hash({_values(made)})")
            else:
                space.setdefault("__hash__", None)
        for name, sign in _ORDER.items() if order else ():
            late(name, lambda sign=sign: _comparing(made, sign))
        space = {
            "__repr__": _repr,
            "__replace__": replace,
            **(_FROZEN if frozen else {}),
            **space,
            "__slots__": tuple(n for n in own if n not in inherited),
            "__record__": tuple(known.values()),
            "__match_args__": tuple(f.name for f in known.values() if f.init),
            "__dataclass_fields__": _Late(lambda owner: _standard(made).__dataclass_fields__),
            "__signature__": _Late(_signature),
        }
        made = type(cls)(cls.__name__, cls.__bases__, space)
        made.__qualname__ = cls.__qualname__
        return made

    def _compiled(cls, name, text):
        """A method of a class, compiled and put in the place of the one that stood for it."""
        space = {f"_set_{n}": d.__set__ for n, d in _slots(cls)}
        space |= {f"_default_{f.name}": f.default for f in cls.__record__}
        space |= {f"_make_{f.name}": f.default_factory for f in cls.__record__}
        exec(f"def {name}{text}", space)  # noqa: S102  # of nothing but names of fields
        method = space[name]
        method.__qualname__ = f"{cls.__qualname__}.{name}"
        method.__module__ = cls.__module__
        setattr(cls, name, method)
        return method

    def _slots(cls):
        return ((f.name, getattr(cls, f.name)) for f in cls.__record__)

    def _init(cls, *, frozen):
        words, lines = ["self"], []
        for f in cls.__record__:
            value = f.name
            if f.default_factory is not MISSING:
                value = f"_make_{f.name}()"
                if f.init:
                    words.append(f"{f.name}=_make_{f.name}")
                    value = f"{value} if {f.name} is _make_{f.name} else {f.name}"
            elif f.init:
                words.append(f.name if f.default is MISSING else f"{f.name}=_default_{f.name}")
            elif f.default is MISSING:
                continue
            else:
                value = f"_default_{f.name}"
            # A slot's own setter passes by what keeps others from setting it.
            lines.append(
                f" _set_{f.name}(self, {value})" if frozen else f" self.{f.name} = {value}"
            )
        if hasattr(cls, "__post_init__"):
            lines.append(" self.__post_init__()")
        return f"({', '.join(words)}):\n" + "\n".join(lines or [" pass"])

    def _values(cls, one="self"):
        return f"({''.join(f'{one}.{f.name}, ' for f in cls.__record__ if f.compare)})"

    def _comparing(cls, sign):
        return (
            "(self, other):\n if other.__class__ is self.__class__:\n"
            f"  return {_values(cls)} {sign} {_values(cls, 'other')}\n return NotImplemented"
        )

    def _repr(self):
        shown = ", ".join(f"{f.name}={getattr(self, f.name)!r}" for f in fields(self) if f.repr)
        return f"{self.__class__.__qualname__}({shown})"

    def _fixed(_self, name, *value):
        from dataclasses import FrozenInstanceError

        raise FrozenInstanceError(f"cannot {'assign to' if value else 'delete'} field {name!r}")

    def _state(self):
        return [getattr(self, f.name) for f in fields(self)]

    def _set_state(self, state):
        for f, value in zip(fields(self), state, strict=True):
            object.__setattr__(self, f.name, value)

    # A frozen object is copied and pickled by its values: its slots can't be set from outside.
    _FROZEN = {
        "__setattr__": _fixed,
        "__delattr__": _fixed,
        "__getstate__": _state,
        "__setstate__": _set_state,
    }

    class _Late:
        """An attribute of a class that is made when it is asked for."""

        __slots__ = ("make",)

        def __init__(self, make):
            self.make = make

        def __get__(self, one, owner):
            return self.make(owner)

    def _standard(cls):
        """The same class as ``dataclasses`` makes it, for those who ask about it."""
        import dataclasses

        if "__record__" not in cls.__dict__:
            raise AttributeError(cls.__name__)  # a subclass may have an __init__ of its own
        space = {"__annotations__": {}}
        for base in cls.__mro__[::-1]:
            if "__record__" in base.__dict__:
                space["__annotations__"] |= base.__annotations__
        for f in cls.__record__:
            given = {"default": f.default, "default_factory": f.default_factory}
            given = {n: v for n, v in given.items() if v is not MISSING}
            space[f.name] = dataclasses.field(**given, init=f.init, repr=f.repr, compare=f.compare)
        return dataclasses.dataclass(repr=False, eq=False)(type(cls.__name__, (), space))

    def _signature(cls):
        import inspect

        return inspect.signature(_standard(cls))
