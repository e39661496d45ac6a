"""The arguments of the server's parser, in the three layouts that SGLang has had.

To 0.5.13 ``ServerArgs.add_cli_args`` calls ``add_argument`` for each; from 0.5.14 most are
fields ``name: A[type, …]`` of ``ServerArgs``; from 0.5.20 those fields are spread over the
classes that ``_INPUT_NAMESPACES`` lists.
"""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dsv4_env.catalogue.checkout import SERVER_ARGS
from dsv4_env.catalogue.entries import Argument
from dsv4_env.catalogue.extract.env import FLAG_IN_TEXT, spelled_default
from dsv4_env.catalogue.extract.syntax import (
    CantResolve,
    SourceModule,
    dotted,
    parse_module,
    what_computes,
)
from dsv4_env.catalogue.extract.value_aliases import value_aliases
from dsv4_env.model.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsv4_env.catalogue.extract.evaluate import Evaluator


@dataclass(slots=True)
class Field:
    """A field of the record that the parser fills: its annotation, default and file."""

    name: str
    annotation: ast.expr
    default: ast.expr | None
    module: SourceModule


def fields_of(record: ast.ClassDef, module: SourceModule) -> Iterator[Field]:
    """The annotated fields of a class."""
    for s in record.body:
        if isinstance(s, ast.AnnAssign) and isinstance(s.target, ast.Name):
            yield Field(s.target.id, s.annotation, s.value, module)


def noted_when_given(module: SourceModule, fields: dict[str, Field]) -> set[str]:
    """Arguments of which SGLang remembers that they were given."""
    texts = {module.path: module.text} | {f.module.path: f.module.text for f in fields.values()}
    noted = {
        m[1].decode()
        for text in texts.values()
        for m in re.finditer(rb"\b_(\w+)_explicitly_set\b", text)
    }
    loose = [set(given.split("_")) for given in noted if given not in fields]
    module.source.budget.step(None, len(loose) * len(fields))
    return {n for n in fields if n in noted or any(w <= set(n.split("_")) for w in loose)}


def shape(node: ast.expr) -> tuple[str, list[str | None] | None, bool, bool]:
    """(type function, literal values, is a list, is a boolean) of an annotation."""
    inner = _without_none(node)
    match inner:
        case ast.Subscript(value=ast.Name(id="Literal"), slice=values):
            items = values.elts if isinstance(values, ast.Tuple) else [values]
            found = [spelled_default(v.value) for v in items if isinstance(v, ast.Constant)]
            first = items[0].value if items and isinstance(items[0], ast.Constant) else ""
            return _function(type(first).__name__), found, False, False
        case ast.Subscript(value=ast.Name(id="List" | "list"), slice=item):
            return _function(dotted(item)), None, True, False
        case ast.Name(id="List" | "list"):
            return "str", None, False, False
        case ast.Name(id=name):
            return _function(name), None, False, name == "bool"
    return "str", None, False, False


def _function(name: str) -> str:
    return name if name in {"int", "float"} else "str"


def _without_none(node: ast.expr) -> ast.expr:
    """X of ``Optional[X]``, ``X | None`` and ``Union[X, None]``; other unions as they are."""
    match node:
        case ast.Subscript(value=ast.Name(id="Optional"), slice=inner):
            return inner
        case ast.Subscript(value=ast.Name(id="Union"), slice=ast.Tuple(elts=elts)):
            some = [e for e in elts if not (isinstance(e, ast.Constant) and e.value is None)]
            return some[0] if len(some) == 1 and len(elts) > 1 else node
        case ast.BinOp(left=left, op=ast.BitOr(), right=ast.Constant(value=None)):
            return left
    return node


_DEPRECATED_HELP = re.compile(r"\W*(?:deprecated|removed)\b|Note: \S+ is deprecated", re.I)
_USE = re.compile(r"\b(?:use|for)\s+['`\"]?(--[a-z][a-z0-9-]*)", re.I)
_NONE = ast.Constant(None)


@dataclass(slots=True)
class Arguments:
    """What was found, in the parser's order."""

    arguments: list[Argument] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)


@dataclass(slots=True)
class _Reader:
    evaluator: Evaluator
    module: SourceModule
    fields: dict[str, Field]
    names: dict[str, Any] = field(default_factory=dict)
    partial: dict[str, list[str]] = field(default_factory=dict)

    def text(self, node: ast.expr | None, module: SourceModule | None = None) -> str | None:
        """The spelled value of an expression; raises CantResolve."""
        if node is None:
            return None
        return spelled_default(self.evaluator.value(node, module or self.module, self.names))


def arguments(evaluator: Evaluator) -> Arguments:
    """Every argument of the server's parser. Raises ReadError for another layout."""
    module = evaluator.module(SERVER_ARGS)
    tree = parse_module(module.text, evaluator.source.budget) if module else None
    where = f"{evaluator.source.label}: {SERVER_ARGS}"
    if module is None or tree is None:
        raise ReadError("can't be parsed as Python", where=where)
    record = next(
        (n for n in tree.body if isinstance(n, ast.ClassDef) and n.name == "ServerArgs"), None
    )
    methods = record.body if record else []
    adder = next(
        (n for n in methods if isinstance(n, ast.FunctionDef) and n.name == "add_cli_args"), None
    )
    if record is None or adder is None:
        raise ReadError(
            "no ServerArgs.add_cli_args", where=where, expected="SGLang 0.5.11 or newer"
        )
    fields = {f.name: f for f in fields_of(record, module)}
    for node in tree.body:
        match node:
            case ast.Assign(
                targets=[ast.Name(id="_INPUT_NAMESPACES")], value=ast.List(elts=namespaces)
            ):
                for item in namespaces:
                    statement, there = evaluator.lookup(dotted(item), module)
                    if isinstance(statement, ast.ClassDef):
                        fields.update((f.name, f) for f in fields_of(statement, there))
    reader = _Reader(evaluator, module, fields)
    found = Arguments()
    explicit = noted_when_given(module, fields)
    for argument in (*_annotated(reader), *_added(reader, adder)):
        found.unresolved += [f"argument {argument.flag}: {what}" for what in argument.unresolved]
        found.arguments.append(replace(argument, explicit=argument.dest in explicit))
    aliases, unclear = value_aliases(evaluator)
    found.unresolved += unclear
    found.arguments = [
        replace(a, value_aliases=tuple(sorted(aliases.get(a.dest, {}).items())))
        for a in found.arguments
    ]
    return found


def _annotated(reader: _Reader) -> Iterator[Argument]:
    for f in reader.fields.values():
        match f.annotation:
            case ast.Subscript(
                value=ast.Name(id="A" | "Annotated"), slice=ast.Tuple(elts=[inner, *metadata])
            ):
                for item in metadata:
                    if isinstance(item, ast.Call) and dotted(item.func) == "Arg":
                        known = {k.arg: k.value for k in item.keywords if k.arg}
                        if item.args:
                            known.setdefault("help", item.args[0])
                        yield from _from_field(reader, f, inner, known)
                        break
                    if isinstance(item, ast.Constant) and isinstance(item.value, str):
                        yield from _from_field(reader, f, inner, {"help": item})
                        break


def _from_field(
    reader: _Reader, f: Field, inner: ast.expr, known: dict[str, ast.expr]
) -> Iterator[Argument]:
    """What ``add_cli_args_from_dataclass`` makes of a field."""
    if _truth(known.get("no_cli")):
        return
    unresolved: list[str] = []

    def text(key: str) -> str | None:
        try:
            return reader.text(known.get(key), f.module)
        except CantResolve:
            unresolved.append(key)
            return None

    flag = text("cli_name") or "--" + f.name.replace("_", "-")
    aliases = tuple(_words(reader, known.get("aliases"), f.module, unresolved, "aliases") or ())
    default, computed = _field_default(reader, f)
    action_kwargs = known.get("action_kwargs")
    extra: dict[str, ast.expr] = {}
    if isinstance(action_kwargs, ast.Dict):
        extra = {
            str(k.value): v
            for k, v in zip(action_kwargs.keys, action_kwargs.values, strict=True)
            if isinstance(k, ast.Constant)
        }
    if "action" in known:
        yield _finish(
            reader,
            Argument(flag, aliases, f.name, default=default, computed=computed),
            {"action": known["action"], "help": known.get("help", _NONE), **extra},
            f.module,
            unresolved,
        )
        return
    kind, literals, listed, boolean = shape(inner)
    choices = _words(reader, known.get("choices"), f.module, unresolved, "choices")
    if choices is None and literals and "choices" not in unresolved:
        choices = [v for v in literals if v is not None]
    parser = dotted(known["type_parser"]) if "type_parser" in known else None
    argument = Argument(
        flag,
        aliases,
        f.name,
        type=parser or kind,
        nargs=text("nargs") or ("+" if listed and not parser and not literals else None),
        choices=None if choices is None else tuple(choices),
        default=default,
        const=text("const"),
        computed=computed,
    )
    if boolean and not literals:
        argument = Argument(
            flag, aliases, f.name, None, "0", None, default, "true", computed, "store_true"
        )
    elif not literals and not listed:
        required = known.get("required")
        absent = f.default is None and (required is None or dotted(required) == "None")
        argument = replace(argument, required=_truth(required) or absent)
    yield _finish(reader, argument, {"help": known.get("help", _NONE)}, f.module, unresolved)


def _truth(node: ast.expr | None) -> bool:
    return isinstance(node, ast.Constant) and node.value is True


def _words(
    reader: _Reader, node: ast.expr | None, module: SourceModule, unresolved: list[str], what: str
) -> list[str] | None:
    if node is None or (isinstance(node, ast.Constant) and node.value is None):
        return None
    try:
        value = reader.evaluator.value(node, module, reader.names)
        items = sorted(value, key=str) if isinstance(value, (set, frozenset)) else list(value)
        texts = [spelled_default(v) for v in items]
    except (CantResolve, TypeError):
        unresolved.append(what)
        return None
    if isinstance(node, ast.Name) and node.id in reader.partial:
        unresolved += [f"{what}: {v} on a condition" for v in reader.partial[node.id]]
    return [t for t in texts if t is not None]


def _field_default(reader: _Reader, f: Field) -> tuple[str | None, str | None]:
    node: ast.expr | None = f.default
    match node:
        case ast.Call(func=func, keywords=keywords) if dotted(func).endswith("field"):
            facts = {k.arg: k.value for k in keywords}
            node = facts.get("default")
            factory = facts.get("default_factory")
            if isinstance(factory, ast.Lambda):
                node = factory.body
            elif isinstance(factory, ast.Name) and factory.id in {"list", "dict"}:
                node = ast.List([], ast.Load()) if factory.id == "list" else ast.Dict([], [])
            elif factory is not None:
                return None, what_computes(factory)
    try:
        return reader.text(node, f.module), None
    except CantResolve:
        return None, what_computes(node)


def _added(reader: _Reader, adder: ast.FunctionDef) -> Iterator[Argument]:
    """The ``add_argument`` calls of ``add_cli_args``, with the locals they use."""
    for node in _in_order(adder):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=node_value):
                try:
                    reader.names[name] = reader.evaluator.value(
                        node_value, reader.module, reader.names
                    )
                except CantResolve:
                    reader.names.pop(name, None)
            case ast.Call(
                func=ast.Attribute(value=ast.Name(id=name), attr="add" | "append"),
                args=[ast.Constant(value=str(text))],
            ) if name in reader.names:
                reader.evaluator.source.budget.step(None, len(reader.names[name]))
                reader.names[name] = [*sorted(reader.names[name]), text]
                reader.partial.setdefault(name, []).append(text)
            case ast.Call(func=ast.Attribute(attr="add_argument")):
                yield from _from_call(reader, node)


def _in_order(node: ast.AST) -> Iterator[ast.AST]:
    for child in ast.iter_child_nodes(node):
        yield child
        yield from _in_order(child)


def _from_call(reader: _Reader, call: ast.Call) -> Iterator[Argument]:
    known = {k.arg: k.value for k in call.keywords if k.arg}
    unresolved: list[str] = []
    options: list[str] = []
    for node in call.args:
        try:
            options.append(str(reader.text(node)))
        except CantResolve:
            unresolved.append("an option string")
    if not options or not options[0].startswith("-"):
        return
    flag = next((o for o in options if o.startswith("--")), options[0])
    dest = flag.lstrip("-").replace("-", "_")
    if isinstance(known.get("dest"), ast.Constant):
        dest = str(reader.text(known["dest"]))
    argument = Argument(
        flag,
        tuple(o for o in options if o != flag),
        dest,
        type=(dotted(known["type"]) or "expression") if "type" in known else None,
        required=_truth(known.get("required")),
    )
    choices = _words(reader, known.get("choices"), reader.module, unresolved, "choices")
    try:
        const = reader.text(known.get("const") or known.get("const_value"))
    except CantResolve:
        const = None
        unresolved.append("const")
    default, computed = _call_default(reader, known.get("default"))
    argument = replace(
        argument,
        choices=None if choices is None else tuple(choices),
        const=const,
        default=default,
        computed=computed,
    )
    yield _finish(reader, argument, known, reader.module, unresolved)


def _call_default(reader: _Reader, node: ast.expr | None) -> tuple[str | None, str | None]:
    match node:
        case ast.Attribute(value=ast.Name(id="ServerArgs"), attr=name) if name in reader.fields:
            return _field_default(reader, reader.fields[name])
        case ast.Call(
            func=ast.Name(id="_declared_default"), args=[ast.Constant(value=str(name))]
        ) if name in reader.fields:
            return _field_default(reader, reader.fields[name])
        case ast.Attribute(attr="SUPPRESS"):
            return None, None
    try:
        return reader.text(node), None
    except CantResolve:
        return None, what_computes(node)


_PLAIN = {"store", "store_true", "store_false", "store_const", "append", "count", "extend"}


def _finish(
    reader: _Reader,
    argument: Argument,
    known: dict[str, ast.expr],
    module: SourceModule,
    unresolved: list[str],
) -> Argument:
    """Add what the action, ``nargs`` and the help imply."""
    action = known.get("action")
    name = argument.action
    if action is not None:
        name = str(action.value) if isinstance(action, ast.Constant) else dotted(action)
        name = name.rpartition(".")[2] or "expression"
    facts: dict[str, Any] = {"action": name}
    if "nargs" in known:
        value = known["nargs"]
        facts["nargs"] = None if _is_none(value) else str(reader.text(value, module))
    if "type" in known and argument.type is None:
        facts["type"] = dotted(known["type"]) or "expression"
    if name in {"store_true", "store_false"}:
        default = "true" if name == "store_false" else "false"
        if "default" not in known and argument.default is None and argument.computed is None:
            facts["default"] = default
        facts |= {"nargs": "0", "const": "false" if name == "store_false" else "true"}
    elif name == "BooleanOptionalAction":
        facts |= {"nargs": "0", "const": "true"}
        facts["aliases"] = tuple(
            dict.fromkeys(
                (
                    *argument.aliases,
                    *("--no-" + o[2:] for o in argument.flags if o.startswith("--")),
                )
            )
        )
    elif name not in _PLAIN and action is not None:
        facts |= _custom(reader, name, module, known, argument)
    text = " ".join(str(v) for k in ("error_message", "help") if (v := _text(known.get(k))))
    new_flag = _text(known.get("new_flag"))
    if name.startswith("Deprecated") or _DEPRECATED_HELP.match(text):
        flag = FLAG_IN_TEXT.match(new_flag) if new_flag else None
        used = _USE.search(text)
        target = new_flag.split(" ")[0] if flag and new_flag else used[1] if used else None
        facts |= {"deprecated": True, "replacement": target}
        facts["refused"] = "error_message" in known
    return replace(argument, **facts, unresolved=tuple(unresolved))


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None


def _text(node: ast.expr | None) -> str | None:
    """The literal text of a string, an f-string's literal parts included."""
    match node:
        case ast.Constant(value=str(text)):
            return text
        case ast.JoinedStr(values=values):
            return "".join(str(v.value) for v in values if isinstance(v, ast.Constant))
    return None


def _custom(
    reader: _Reader,
    action: str,
    module: SourceModule,
    known: dict[str, ast.expr],
    argument: Argument,
) -> dict[str, Any]:
    """What an action class sets by itself: the defaults of its ``__init__``."""
    try:
        statement, there = reader.evaluator.lookup(action, module)
    except CantResolve:
        return {"unresolved": (*argument.unresolved, "action")}
    facts: dict[str, Any] = {}
    for s in statement.body if isinstance(statement, ast.ClassDef) else ():
        if isinstance(s, ast.FunctionDef) and s.name == "__init__":
            names = [a.arg for a in s.args.args][-len(s.args.defaults) :] if s.args.defaults else []
            for name, node in zip(names, s.args.defaults, strict=True):
                if name in {"nargs", "default", "const"} and name not in known:
                    value = reader.text(node, there)
                    if value is not None and (name == "nargs" or getattr(argument, name) is None):
                        facts[name] = value
    return facts
