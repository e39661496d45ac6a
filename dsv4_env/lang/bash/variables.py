"""Reading and setting variables, as bash does and with what isn't known kept apart."""

from __future__ import annotations

from dataclasses import replace

from dsv4_env.lang.bash.arith import wrap
from dsv4_env.lang.bash.layers import Elements
from dsv4_env.lang.bash.lookup import DEFAULTS, find, highest, ragged_array, settle, target
from dsv4_env.lang.bash.state import MAX_TEXT, Event, FatalError, Run, State, Var, refused
from dsv4_env.model import Location, Note, Unknown, Value


def assign(
    state: State,
    run: Run,
    name: str,
    value: Value,
    *,
    append: bool = False,
    location: Location | None = None,
    spelled: str | None = None,
) -> None:
    """``name=value`` or ``name+=value``."""
    name = target(state, name)
    if not name:
        return
    var = state.vars.get(name)
    if var is not None and var.readonly:
        raise FatalError(discard=True, readonly=True)
    if var is not None and var.kind in ("a", "A"):
        assign_item(state, run, name, "0", value, append=append)
        return
    old = var
    if var is not None and var.vague:
        state.seq += 1
        key = ("vague", name, state.seq)
        value = run.unknown(f"${{{name}}}", "it may be readonly or an integer there", key)
    if append and var is None:
        var = find(state, run, name)
    value = converted(run, state, var, value)
    if append and var is not None and var.kind == "s":
        value = appended(run, state, var, settle(state, var.value), value)
    value = _sized(run, state, value, location)
    store(state, name, old, value, location, spelled)


def _sized(run: Run, state: State, value: Value, place: Location | None) -> Value:
    """The value, left unknown where it's too long."""
    if isinstance(value, str) and len(value) > MAX_TEXT:
        why = f"a variable grows beyond {MAX_TEXT:,} characters"
        run.skipped.append(Note(why, place or Location(state.source.path)))
        return run.long([value])
    return value


def appended(run: Run, state: State, var: Var, before: Value, value: Value) -> Value:
    """What ``+=`` gives of a value that is as the variable's attributes make it."""
    if not var.integer:
        return value if before == "" else converted(run, state, var, run.join([before, value]))
    left = converted(run, state, var, before)
    if isinstance(left, str) and isinstance(value, str):
        return str(wrap(int(left) + int(value)))
    return run.unknown(f"$(({left} + {value}))", "arithmetic", ("sum", str(left), str(value)))


def converted(run: Run, state: State, var: Var | None, value: Value) -> Value:
    """The value as the variable's attributes make it; an integer's may be no expression."""
    if var is None or not (var.integer or var.case):
        return value
    if isinstance(value, Unknown):
        return run.derived(value.text, [value, "converted"])
    if var.integer:
        return integer(run, state, value)
    return value.upper() if var.case == "u" else value.lower()


def integer(run: Run, state: State, value: str) -> Value:
    """What a text is as the value of an integer variable."""
    from dsv4_env.lang.bash.words import evaluated

    try:
        return evaluated(run, state, value, f"$(({value}))")
    except FatalError as fatal:
        fatal.whole = fatal.discard
        raise


def store(
    state: State,
    name: str,
    old: Var | None,
    value: Value,
    location: Location | None,
    spelled: str | None,
) -> None:
    """Give a scalar variable a value, and remember when and where."""
    state.seq += 1
    before = old.event if old is not None else None
    text = spelled if spelled is not None else (value if isinstance(value, str) else value.text)
    event = Event(state.seq, value, location, text, before)
    exported = "allexport" in state.opts
    if old is None:
        # Asked for from outside, it's likely to be there: then it's exported, and stays so.
        asked = not exported and state.open and name in state.asked
        perhaps = f"{name} is set outside" if asked else ""
        state.vars[name] = Var("s", value, exported=exported, event=event, perhaps=perhaps)
    else:
        state.vars[name] = Var(
            "s",
            value,
            None,
            old.exported or exported,
            old.readonly,
            old.integer,
            old.case,
            False,
            event,
            old.perhaps,
            old.vague,
        )


def assign_item(
    state: State,
    run: Run,
    name: str,
    key: str | Unknown,
    value: Value,
    *,
    append: bool = False,
) -> None:
    """``name[key]=value``."""
    name = target(state, name)
    var = state.vars.get(name)
    if var is not None and var.readonly:
        raise FatalError(discard=True, readonly=True)
    value = converted(run, state, var, value)
    if var is None:
        var = Var("a", items={})
        if state.open and name not in DEFAULTS:
            # An outside scalar becomes element 0.
            var = Var("a", items={})
    elif var.kind == "":
        var = replace(var, kind="a", items={})
    elif var.kind == "s":
        var = replace(var, kind="a", items={0: var.value}, value="")
    if (
        isinstance(key, Unknown)
        or var.items is None
        or var.vague
        or (var.kind == "a" and ragged_array(var))
    ):
        state.seq += 1
        unknown = run.unknown(
            f"${{{name}[@]}}",
            "an element of unknown index was set",
            ("array", name, state.seq),
            splits=True,
        )
        state.vars[name] = replace(var, items=None, value=unknown)
        return
    real: int | str = key
    if var.kind == "a":
        real = int(key)
        if real < 0:
            real += highest(var.items) + 1
            if real < 0:
                raise refused(state)
    if append:
        value = appended(run, state, var, var.items.get(real, ""), value)
    state.seq += 1
    items = var.items if isinstance(var.items, Elements) else Elements(var.items)
    if real in items:  # all of it is copied
        run.budget.step(state.source, len(items) >> 5)
    state.vars[name] = replace(var, items=items.plus(real, value))


def restore(state: State, before: dict[str, Var | None]) -> None:
    """Undo temporary assignments."""
    for name, old in before.items():
        if old is None:
            state.vars.pop(name, None)
        else:
            state.vars[name] = old


MARKS = "=-!"
"""What the names in a scope begin with that stand for what was done with others (see State)."""


def unset(state: State, name: str) -> None:
    """``unset name``."""
    var = state.vars.get(name)
    if var is not None and var.readonly:
        return
    scope = state.scopes[-1] if state.scopes else {}
    if name not in scope or (f"={name}" in scope and f"-{name}" not in scope):
        for around in reversed(state.scopes):
            if name in around:  # an assignment before the call or a caller's local: it's undone
                restore(state, {name: around.pop(name)})
                for mark in MARKS:
                    around.pop(mark + name, None)
                return
    state.vars[name] = Var("")  # a local stays local, without a value


def forget(
    state: State,
    run: Run,
    names: list[str],
    reason: str,
    *,
    default: bool = False,
    deciders: tuple[str, ...] = (),
    quiet: bool = False,
) -> None:
    """Make variables unknown; *default*: with what they are now as the default.

    *deciders* are outside names that decide them. *quiet*: a variable that only came from outside
    isn't said to be set here.
    """
    run.budget.step(count=8 * len(names))
    for name in names:
        var = find(state, run, name)
        if var is not None and var.readonly:
            continue
        state.seq += 1
        if var is not None and var.kind in ("a", "A"):
            array = run.unknown(f"${{{name}[@]}}", reason, ("lost", name, state.seq), splits=True)
            state.vars[name] = replace(var, items=None, value=array)
            continue
        before = settle(state, var.value) if var is not None and var.kind else None
        initial = before if isinstance(before, str) else None
        names_ = (*deciders, *(before.names if isinstance(before, Unknown) else ()))
        if isinstance(before, Unknown):
            initial = before.default
        value = run.unknown(
            f"${{{name}}}",
            reason,
            ("lost", name, state.seq),
            names=names_,
            default=initial if default else None,
        )
        maybe = var is None or var.kind == "" or var.maybe
        state.vars[name] = replace(
            var or Var("s"),
            kind="s",
            value=value,
            maybe=maybe,
            event=_lost(state, var, value, quiet=quiet),
        )


def _lost(state: State, var: Var | None, value: Value, *, quiet: bool) -> Event | None:
    """An exported variable that may have been changed: the place it was last set at stays."""
    before = var.event if var is not None else None
    if before is None:
        text = value if isinstance(value, str) else value.text
        return None if quiet else Event(state.seq, value, None, text)
    return Event(state.seq, value, before.location, before.spelled, before)
