"""What statements make of what: how names depend on each other, told by a module's text.

An attribute has a dot before its name, whatever object has it. Of each function there are some
things besides, told by a sign behind its name and its position or parameter: ``f(0`` is what its
calls give it, ``f)`` what it gives, ``f>0`` what it may do to what it is given, ``f!`` what it
changes besides, and ``f.`` the objects that it is a method of. The position ``*`` is all of them,
``...`` any; what is put into the object that a name stands for is ``name+``.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from dsv4_env.lang.python.syntax.effects import OWN_NAMES, READS, SPEAKS, changes_of
from dsv4_env.lang.python.syntax.names import FUNCTIONS, Block, ModuleNames, parameters, text_of
from dsv4_env.lang.python.syntax.trees import (
    callee,
    children,
    handed,
    last_name,
    may_be,
    remembered,
    walk_tree,
)

Keys = Mapping[ast.AST, str]
Names = frozenset[str]

_ANY = "*"  # a function that is handed on, or has a name of a function's own
# What Python's own functions and methods give holds what they are given, or is it.
_SHARING = frozenset(
    "list tuple dict set sorted reversed copy zip enumerate map filter next iter getattr get "
    "setdefault pop items values chain".split()
)
READING = READS | frozenset(dir(str)) - {"__init__", "__setattr__", "__delattr__"}
"""Names of methods that don't change their object."""
HARMLESS = READING | SPEAKS | frozenset(dir(builtins)) - {"next", "setattr", "exec", "eval"}
"""Names of functions that aren't read and don't change what they are given."""


@dataclass(frozen=True, slots=True)
class Flow:
    """Where one of *targets* is asked for, all *parts* are.

    *texts* are a part, too; *through*: only if that is a function that was read.
    """

    targets: Names
    parts: Names
    texts: tuple[str, ...] = ()
    through: str | None = None
    changing: Names = frozenset()  # only if one of these objects is changed


@dataclass(frozen=True, slots=True)
class Choice:
    """A test or loop, and what decides it."""

    parts: Names
    block: Block
    leaves: bool  # it may end the function, or a round of a loop
    calls: frozenset[ast.AST]  # within it


@dataclass(slots=True)
class BlockFlows:
    """The flows of a block.

    By *makes* values are made, by *puts* they get into something that a function is given; by
    *matters* something is changed, or isn't, depending on others.
    """

    makes: list[Flow] = field(default_factory=list)
    puts: list[Flow] = field(default_factory=list)
    matters: list[Flow] = field(default_factory=list)
    choices: list[Choice] = field(default_factory=list)
    changed: set[str] = field(default_factory=set)  # what something is put into
    handed: set[tuple[str, str]] = field(default_factory=set)  # to a function, and what it does


_LEAVING = (ast.Return, ast.Raise, ast.Break, ast.Continue)
Apart = Callable[[ast.Call], bool]


@remembered(4096)
def flows_of(block: Block, names: ModuleNames, apart: Apart) -> BlockFlows:
    """The flows of a block; *apart*: what a call gives isn't made of what it is given."""
    at = BlockFlows()
    text = _Text(names, names.keys, apart)
    for node in block.statements:
        own = block
        if isinstance(node, FUNCTIONS) and block.around is not None:
            own = block.around
        if (make := _FLOWS.get(node.__class__)) is not None:
            make(at, node, own, text)
    known: dict[ast.AST, _Within] = {}
    for node in reversed(block.statements):  # those within others first
        if (choose := _CHOICES.get(node.__class__)) is not None:
            parts = identifiers(choose(node), names.keys)
            inner = known[node] = _within(node, names.keys, known)
            at.choices.append(Choice(parts, block, inner.leaves, frozenset(inner.calls)))
            at.matters.append(Flow(frozenset(inner.changed), parts))
    at.changed = {t for flow in at.makes for t in flow.targets if t.endswith("+")}
    for part in {p for flow in at.puts for p in flow.parts}:
        function, does, _ = part.partition(">")
        if does and function not in HARMLESS and not function.startswith("assert"):
            at.handed.add((function, part))
    return at


@dataclass(frozen=True, slots=True)
class _Text:
    """A module's text."""

    names: ModuleNames
    keys: Keys
    apart: Apart

    def made_of(self, value: ast.AST) -> tuple[Names, tuple[str, ...]]:
        """The names and texts that a value is made of."""
        return made_of(value, self.keys, self.apart, self.names.functions)


def made_of(
    value: ast.AST, keys: Keys, apart: Apart, read: Container[str] = ()
) -> tuple[Names, tuple[str, ...]]:
    """The names and texts that a value is made of, without those of calls that are *apart*.

    What a function of *read* makes of what it is given, its own text tells.
    """
    found: set[str] = set()
    texts: list[str] = []
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, ast.Constant):
            if isinstance(node.value, str | bytes):
                texts.append(text_of(node.value))
        elif isinstance(node, ast.Name):
            if node.id not in OWN_NAMES:
                found.add(keys.get(node, node.id))
        elif isinstance(node, ast.Call) and apart(node):
            continue
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in read:
            found |= _results(node, keys)
        else:
            if isinstance(node, ast.Attribute):
                found.add(f".{node.attr}")
            elif isinstance(node, ast.Call):
                found |= _results(node, keys)
            pending += children(node)
    return frozenset(found) - OWN_NAMES - {""}, tuple(texts)


_CHOICES: dict[type[ast.AST], Callable[..., ast.expr]] = {
    ast.If: lambda n: n.test,
    ast.IfExp: lambda n: n.test,
    ast.While: lambda n: n.test,
    ast.For: lambda n: n.iter,
    ast.AsyncFor: lambda n: n.iter,
    ast.Match: lambda n: n.subject,
}


@dataclass(slots=True)
class _Within:
    """What is within a test or loop: what may be changed, calls, and whether it is left."""

    changed: set[str] = field(default_factory=set)
    calls: set[ast.AST] = field(default_factory=set)
    leaves: bool = False


def _within(top: ast.AST, keys: Keys, known: Mapping[ast.AST, _Within]) -> _Within:
    """What is within a node; *known*: of nodes within it."""
    found = _Within()
    pending = [top]
    while pending:
        node = pending.pop()
        if (inner := known.get(node)) is not None:
            found.changed |= inner.changed
            found.calls |= inner.calls
            found.leaves = found.leaves or inner.leaves
            continue
        if isinstance(node, ast.Call):
            owner = [node.func.value] if isinstance(node.func, ast.Attribute) else []
            for value in (*arguments(node), *owner):
                for names, _ in _shared(value, keys):
                    found.changed |= names
            found.changed.add(f"{callee_key(node, keys)}!")
            found.calls.add(node)
        elif isinstance(getattr(node, "ctx", None), ast.Store | ast.Del):
            found.changed |= identifiers(node, keys)
        elif isinstance(node, _LEAVING):
            found.leaves = True
        pending += children(node)
    return found


def _of_call(at: BlockFlows, node: ast.Call, block: Block, text: _Text) -> None:
    keys = text.keys
    key = callee_key(node, keys)
    values = arguments(node)
    at.matters.append(Flow(frozenset({f"{key}!"}), identifiers(node.func, keys)))
    for place, value in placed_arguments(node):
        _give(at, key, place, _Given.of([value], text))
        if place not in _OF_THREADS and (callee(node)[:1].isupper() or callee(node) == "replace"):
            at.makes.append(Flow(frozenset({f".{place}"}), *text.made_of(value)))  # a field of it
    if isinstance(node.func, ast.Attribute):
        owner = identifiers(node.func.value, keys)
        at.matters.append(Flow(frozenset({f"{key}."}), owner))
        if callee(node) not in READING:
            at.matters.append(Flow(owner, frozenset({f"{key}!"}), through=key))
            for value in values:
                _change(at, owner, value, text)
    if callee(node) == "setattr" and len(values) == 3:
        for name in text.made_of(values[1])[1]:
            _set(at, [ast.Attribute(values[0], name, ast.Store())], values[2], text)
    other: list[tuple[str, str | None]] = [(last_name(h), last_name(h)) for h in handed(node)]
    if not callee(node):
        other += [(last_name(f), None) for f in may_be(node.func)]
    if keys.get(node.func) or not callee(node):
        other.append((_ANY, None))
    given = _Given.of(values, text)
    for name, through in other:
        _give(at, name, "*", given, through)
        effects = frozenset({f"{name}!"})
        at.matters.append(Flow(effects, frozenset({f"{key}!"}), through=through))
        if through:  # it may be called by the name of a parameter
            _same_function(at, name, _ANY)
    functions = [v for v in (node.func, *values) if isinstance(v, ast.Lambda)]
    for function in functions:
        mine = frozenset(map(text.names.blocks[function].key, parameters(function)))
        if len(functions) > _FEW:
            at.makes.append(Flow(mine, given.made, given.texts))
            continue
        for value in (v for v in values if v is not function):
            at.makes.append(Flow(mine, *text.made_of(value)))


_OF_THREADS = ("target", "args", "kwargs")  # what a thread runs, and what that is given


_FEW = 20  # functions without a name that one call is given, each told from its other arguments


@dataclass(frozen=True, slots=True)
class _Given:
    """What a function is given, all of it at one place: a call may hand it to each of thousands.

    *shared* are the names whose very objects are given, by the function that they come through.
    """

    made: Names
    texts: tuple[str, ...]
    named: Names
    shared: dict[str | None, tuple[Names, Names]]  # and these with what is put into them

    @classmethod
    def of(cls, values: list[ast.expr], text: _Text) -> _Given:
        """What some values are made of."""
        made = [text.made_of(value) for value in values]
        shared: dict[str | None, set[str]] = {}
        for value in values:
            for parts, through in _shared(value, text.keys):
                shared.setdefault(through, set()).update(parts)
        return cls(
            frozenset().union(*(names for names, _ in made)),
            tuple(dict.fromkeys(t for _, texts in made for t in texts)),
            _all(values, text.keys),
            {t: (frozenset(p), frozenset(p | _inside(frozenset(p)))) for t, p in shared.items()},
        )


def _give(at: BlockFlows, key: str, place: str, given: _Given, through: str | None = None) -> None:
    """Note what a function is given."""
    targets = frozenset({f"{key}({place}", f"{key}(..."})
    does = frozenset({f"{key}>{place}", f"{key}>..."})
    at.makes.append(Flow(targets, given.made, given.texts, through))
    at.matters.append(Flow(targets, given.named, through=through))
    for other, (parts, whole) in given.shared.items():
        at.puts.append(Flow(whole, does, through=through or other))
        at.matters.append(Flow(parts, does, through=through or other, changing=does))


def _inside(names: Names) -> Names:
    """What is put into the objects that names stand for."""
    return frozenset(f"{n}+" for n in names)


def _same_function(at: BlockFlows, name: str, other: str) -> None:
    """Note that a function may be called by another name, too."""

    def flow(target: str, part: str) -> Flow:
        return Flow(frozenset({target}), frozenset({part}), through=name)

    at.makes += [flow(f"{name}(*", f"{other}(..."), flow(f"{name}(...", f"{other}(...")]
    at.makes.append(flow(f"{other})", f"{name})"))
    at.puts.append(flow(f"{other}>...", f"{name}>*"))
    at.matters.append(flow(f"{other}>...", f"{name}>*"))
    at.matters += [flow(f"{name}.", f"{other}."), flow(f"{name}!", f"{other}!")]


def _change(at: BlockFlows, changed: Names, value: ast.expr, text: _Text) -> None:
    """Note that a value gets into objects that names stand for."""
    at.makes.append(Flow(changed | _inside(changed), *text.made_of(value)))
    at.matters.append(Flow(changed, identifiers(value, text.keys)))


def _place(at: BlockFlows, target: ast.expr, text: _Text) -> None:
    """Note what says which item of an object is changed."""
    for part in (n for n in walk_tree(target) if isinstance(n, ast.Subscript)):
        _change(at, with_attributes(identifiers(part.value, text.keys)), part.slice, text)


def with_attributes(names: Names) -> Names:
    """Names, with the attributes of a module or class that those may be that are everybody's."""
    return names | {f".{n}" for n in names if " " not in n and n[0] != "."}


def _set(at: BlockFlows, targets: list[ast.expr], value: ast.expr, text: _Text) -> None:
    keys = text.keys
    named = with_attributes(_all(targets, keys))
    at.makes.append(Flow(named, *text.made_of(value)))
    at.matters.append(Flow(named, identifiers(value, keys)))
    for part in targets:
        if not isinstance(part, ast.Name):  # what it is a part of is changed
            _change(at, identifiers(part, keys), value, text)
            _place(at, part, text)
    if len(targets) > 1:  # a = b = []: the same object
        at.puts.append(Flow(named | _inside(named), _inside(named)))
        at.matters.append(Flow(named, named, changing=_inside(named)))
    for shared, through in _shared(value, keys):
        at.puts.append(Flow(shared | _inside(shared), _inside(named), through=through))
        at.matters.append(Flow(shared, named, through=through, changing=_inside(named)))
    for each in (n for n in walk_tree(value) if isinstance(n, ast.Lambda)):
        mine = frozenset(map(text.names.blocks[each].key, parameters(each)))
        at.makes.append(Flow(mine, frozenset(f"{n.lstrip('.')}(..." for n in named)))
        results = frozenset(f"{n.lstrip('.')})" for n in named)
        at.makes.append(Flow(results, frozenset({f"{_ANY})"})))
    for function in (f for f in may_be(value) if f not in keys):
        for target in {n.lstrip(".") for n in named}:
            _same_function(at, last_name(function), target)


def _is_text(node: ast.AST) -> bool:
    return isinstance(node, ast.JoinedStr) or (
        isinstance(node, ast.Constant) and isinstance(node.value, str)
    )


_HOLDING = ast.Subscript | ast.Starred | ast.NamedExpr | ast.Await | ast.DictComp


def _shared(value: ast.expr, keys: Keys) -> Iterator[tuple[Names, str | None]]:
    """The names whose very objects a value may be or hold, and through which function."""
    pending: list[tuple[ast.AST | None, str | None]] = [(value, None)]
    while pending:
        node, through = pending.pop()
        if isinstance(node, ast.Name | ast.Attribute):
            yield identifiers(node, keys), through
        elif isinstance(node, ast.Call):
            if callee(node) not in _SHARING:
                through = through or callee_key(node, keys)
            owner = node.func.value if isinstance(node.func, ast.Attribute) else None
            pending += [(a, through) for a in (*arguments(node), owner)]
        elif isinstance(node, ast.Dict):
            pending += [(v, through) for v in node.values]
        elif isinstance(node, ast.List | ast.Tuple | ast.Set):
            pending += [(v, through) for v in node.elts]
        elif isinstance(node, ast.IfExp):
            pending += [(node.body, through), (node.orelse, through)]
        elif isinstance(node, ast.BoolOp):
            pending += [(v, through) for v in node.values]
        elif isinstance(node, ast.BinOp) and not any(map(_is_text, (node.left, node.right))):
            pending += [(node.left, through), (node.right, through)]
        elif isinstance(node, _HOLDING):
            pending.append((node.value, through))
        elif isinstance(node, ast.ListComp | ast.SetComp | ast.GeneratorExp):
            pending.append((node.elt, through))


def _of_assign(at: BlockFlows, node: ast.Assign, block: Block, text: _Text) -> None:
    _set(at, node.targets, node.value, text)
    if isinstance(node.value, ast.Call) and callee(node.value) == "namedtuple":
        words = [str(n.value) for n in walk_tree(node.value) if isinstance(n, ast.Constant)]
        fields = frozenset(f".{w}" for w in " ".join(words).replace(",", " ").split())
        made = [last_name(t) for t in node.targets]
        at.makes.append(Flow(fields, frozenset(f"{m}(..." for m in made)))


def _of_delete(at: BlockFlows, node: ast.Delete, block: Block, text: _Text) -> None:
    for target in node.targets:
        _place(at, target, text)


def _of_one(
    at: BlockFlows,
    node: ast.AnnAssign | ast.AugAssign | ast.NamedExpr,
    block: Block,
    text: _Text,
) -> None:
    named = with_attributes(identifiers(node.target, text.keys))
    if node.value is not None:
        _set(at, [node.target], node.value, text)
        if isinstance(node, ast.AugAssign):
            _change(at, named, node.value, text)
    if isinstance(block.node, ast.ClassDef):  # of a dataclass
        at.makes.append(Flow(named, frozenset({f"{block.name}(..."})))


def _of_round(
    at: BlockFlows,
    node: ast.For | ast.AsyncFor | ast.comprehension,
    block: Block,
    text: _Text,
) -> None:
    _set(at, [node.target], node.iter, text)


def _of_with(at: BlockFlows, node: ast.withitem, block: Block, text: _Text) -> None:
    if node.optional_vars is not None:
        _set(at, [node.optional_vars], node.context_expr, text)


def _of_match(at: BlockFlows, node: ast.Match, block: Block, text: _Text) -> None:
    found: set[str] = set()
    for each in walk_tree(node):
        name = getattr(each, "name", None) or getattr(each, "rest", None)
        if isinstance(name, str) and isinstance(each, ast.pattern):
            found.add(block.key(name))
    at.makes.append(Flow(frozenset(found), *text.made_of(node.subject)))
    at.matters.append(Flow(frozenset(found), identifiers(node.subject, text.keys)))


def _of_alias(at: BlockFlows, node: ast.alias, block: Block, text: _Text) -> None:
    if node.asname:
        name = node.name.rpartition(".")[2]
        mine, other = frozenset({node.asname}), frozenset({name})
        at.makes.append(Flow(mine, other))
        at.puts.append(Flow(other | _inside(other), _inside(mine)))
        at.matters.append(Flow(other, mine, changing=_inside(mine)))
        _same_function(at, name, node.asname)


def _of_return(
    at: BlockFlows,
    node: ast.Return | ast.Yield | ast.YieldFrom,
    block: Block,
    text: _Text,
) -> None:
    if node.value is not None:
        mine = frozenset(f"{n})" for n in block.names() or [_ANY])
        at.makes.append(Flow(mine, *text.made_of(node.value)))
        at.matters.append(Flow(mine, identifiers(node.value, text.keys)))


def _of_lambda(at: BlockFlows, node: ast.Lambda, block: Block, text: _Text) -> None:
    mine = frozenset(map(text.names.blocks[node].key, parameters(node)))
    at.makes.append(Flow(mine, frozenset({f"{_ANY}(..."})))
    result = frozenset({f"{_ANY})"})
    at.makes.append(Flow(result, *text.made_of(node.body)))
    at.matters.append(Flow(result, identifiers(node.body, text.keys)))


def _of_function(
    at: BlockFlows,
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    block: Block,
    text: _Text,
) -> None:
    inner, keys = text.names.blocks[node], text.keys
    mine = inner.names()
    decorators = [d for d in node.decorator_list if isinstance(d, ast.Call)]
    plain = [a.arg for a in (*node.args.posonlyargs, *node.args.args)]
    rest = {a.arg for a in (node.args.vararg, node.args.kwarg) if a is not None}
    for name in (p for p in parameters(node) if p not in OWN_NAMES):
        key = frozenset({inner.key(name)})
        places = {name, "*"}
        if name in plain:
            position = plain.index(name)
            places |= {str(position), str(position - inner.is_method)}
        elif name in rest:
            places = {"..."}
        given = {f"{n}({p}" for n in mine for p in places}
        at.makes.append(Flow(key, frozenset({f"{name})", *given})))  # of that name: a fixture
        for value in (*_default(node.args, name), *decorators):
            at.makes.append(Flow(key, *text.made_of(value)))
        does = frozenset(f"{n}>{p}" for n in mine for p in places)
        at.puts.append(Flow(does, _inside(key)))
        at.matters.append(Flow(does, key))
    for name in mine:
        result = frozenset({f"{name})"})
        at.matters.append(Flow(result, frozenset({f"{name}."})))
        if node.decorator_list:  # a property, say
            at.makes.append(Flow(frozenset({f".{name}"}), result))
    changed = changes_of(tuple(node.body))
    touched = _all([*changed.objects, *changed.attributes], keys) | inner.globals | inner.nonlocals
    calls = [n for n in walk_tree(node) if isinstance(n, ast.Call) and callee(n) not in SPEAKS]
    touched |= {f"{callee_key(c, keys)}!" for c in calls}
    touched |= {f"{_ANY}!" for c in calls if keys.get(c.func) or not callee(c)}
    at.matters.append(Flow(touched, frozenset(f"{n}!" for n in mine)))


def _default(spec: ast.arguments, name: str) -> list[ast.expr]:
    plain = [a.arg for a in (*spec.posonlyargs, *spec.args)][::-1]
    found = dict(zip(plain, spec.defaults[::-1], strict=False))
    named = zip((a.arg for a in spec.kwonlyargs), spec.kw_defaults, strict=True)
    found.update((n, value) for n, value in named if value is not None)
    return [found[name]] if name in found else []


def _of_class(at: BlockFlows, node: ast.ClassDef, block: Block, text: _Text) -> None:
    for base in node.bases:
        bases = identifiers(base, text.keys)
        at.makes.append(Flow(frozenset({node.name, f".{node.name}"}), bases))
        for each in (
            b.lstrip(".") for b in bases
        ):  # who makes one of these makes one of those, too
            _same_function(at, each, node.name)


_FLOWS: dict[type[ast.AST], Callable[..., None]] = {
    ast.Call: _of_call,
    ast.Assign: _of_assign,
    ast.Delete: _of_delete,
    ast.AnnAssign: _of_one,
    ast.AugAssign: _of_one,
    ast.NamedExpr: _of_one,
    ast.For: _of_round,
    ast.AsyncFor: _of_round,
    ast.comprehension: _of_round,
    ast.withitem: _of_with,
    ast.Match: _of_match,
    ast.alias: _of_alias,
    ast.Return: _of_return,
    ast.Yield: _of_return,
    ast.YieldFrom: _of_return,
    ast.Lambda: _of_lambda,
    ast.FunctionDef: _of_function,
    ast.AsyncFunctionDef: _of_function,
    ast.ClassDef: _of_class,
}


def arguments(node: ast.Call) -> list[ast.expr]:
    """All that a call is given."""
    return [*node.args, *(k.value for k in node.keywords)]


def placed_arguments(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    """What a call is given, each with its position or name; ``*`` where that can't be told."""
    known = True
    for at, value in enumerate(node.args):
        known = known and not isinstance(value, ast.Starred)
        yield str(at) if known else "*", value
    for keyword in node.keywords:
        yield keyword.arg or "*", keyword.value


def callee_key(node: ast.Call, keys: Keys) -> str:
    """What a call calls; a function's own names are told apart."""
    return keys.get(node.func) or callee(node)


def _all(nodes: Iterable[ast.AST], keys: Keys) -> Names:
    return frozenset(i for n in nodes for i in identifiers(n, keys))


def identifiers(node: ast.AST, keys: Keys) -> Names:
    """The names and attributes within a node, and the functions whose results are."""
    found: set[str] = set()
    for each in walk_tree(node):
        kind = each.__class__
        if kind is ast.Name:
            name: str = each.id  # type: ignore[attr-defined]
            if name not in OWN_NAMES:
                found.add(keys.get(each, name))
        elif kind is ast.Attribute:
            found.add(f".{each.attr}")  # type: ignore[attr-defined]
        elif isinstance(each, ast.Call):
            found |= _results(each, keys)
    return frozenset(found) - OWN_NAMES - {""}


def _results(node: ast.Call, keys: Keys) -> set[str]:
    """What a call gives: what its function does, and any that it may stand for."""
    found = {f"{callee_key(node, keys)})"}
    if keys.get(node.func) or not callee(node):
        found.add(f"{_ANY})")
    return found
