"""The variables that ``sglang/srt/environ.py`` declares, renames and deprecates."""

from __future__ import annotations

import ast
import json
import re
from dataclasses import dataclass, field, replace
from typing import Any

from dsv4_env.catalogue.checkout import ENVIRON
from dsv4_env.catalogue.entries import DECLARED, Variable, VariableReading
from dsv4_env.catalogue.extract.evaluate import Evaluator, Member
from dsv4_env.catalogue.extract.source import PackageSource
from dsv4_env.catalogue.extract.syntax import (
    CantResolve,
    SourceModule,
    dotted,
    parse_module,
    what_computes,
)
from dsv4_env.model import ENV_NAME
from dsv4_env.model.errors import ReadError

FLAG_IN_TEXT = re.compile(r"--[a-z][a-z0-9-]*")
_KINDS = ("Bool", "Int", "Float", "Str", "Tuple", "JSON")


def spelled_default(value: Any) -> str | None:
    """A value as one would write it in a shell; None for None, JSON for lists of words."""
    if isinstance(value, Member):
        return spelled_default(value.value)
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, (list, tuple, set, frozenset)):
        items = [spelled_default(v) for v in value]
        return json.dumps(sorted(map(str, items)) if isinstance(value, (set, frozenset)) else items)
    if isinstance(value, dict):
        return json.dumps({str(k): spelled_default(v) for k, v in value.items()})
    raise CantResolve


@dataclass(slots=True)
class Declared:
    """What environ.py says: variables by name, rewritten prefixes, what couldn't be resolved."""

    variables: dict[str, Variable] = field(default_factory=dict)
    prefixes: list[tuple[str, str]] = field(default_factory=list)
    unresolved: list[str] = field(default_factory=list)

    def change(self, name: str, **facts: Any) -> None:
        """Add facts to the variable of that name."""
        self.variables[name] = replace(self.variables.get(name) or Variable(name), **facts)


def declared(source: PackageSource, evaluator: Evaluator) -> Declared:
    """Read environ.py. Raises ReadError where it can't be parsed or has no class ``Envs``."""
    module = evaluator.module(ENVIRON)
    tree = parse_module(module.text, source.budget) if module else None
    if module is None or tree is None:
        raise ReadError("can't be parsed as Python", where=f"{source.label}: {ENVIRON}")
    classes = {n.name: n for n in tree.body if isinstance(n, ast.ClassDef)}
    if "Envs" not in classes:
        raise ReadError(
            "no class Envs", where=f"{source.label}: {ENVIRON}", expected="SGLang 0.5.11 or newer"
        )
    found = Declared()
    for statement in classes["Envs"].body:
        match statement:
            case ast.Assign(targets=[ast.Name(id=name)], value=ast.Call() as call):
                _declare(found, name, call, classes, module, evaluator)
            case ast.AnnAssign(target=ast.Name(id=name), value=ast.Call() as call):
                _declare(found, name, call, classes, module, evaluator)
            case ast.Assign(targets=targets):
                names = [t.id for t in targets if isinstance(t, ast.Name)]
                found.unresolved += [f"variable {n}: how Envs declares it" for n in names]
    for node in ast.walk(tree):
        _deprecations(found, node)
    return found


def _kind(name: str, classes: dict[str, ast.ClassDef]) -> str:
    for kind in _KINDS:
        if name == f"Env{kind}":
            return kind.lower()
    node = classes.get(name)
    for base in node.bases if node else ():
        kind = _kind(dotted(base), classes)
        if kind in {k.lower() for k in _KINDS}:
            return kind
    return name.rpartition(".")[2].removeprefix("Env") or name


def _declare(
    found: Declared,
    name: str,
    call: ast.Call,
    classes: dict[str, ast.ClassDef],
    module: SourceModule,
    evaluator: Evaluator,
) -> None:
    keywords = {k.arg: k.value for k in call.keywords if k.arg}
    kind = _kind(dotted(call.func), classes)
    node = call.args[0] if call.args else keywords.get("default")
    default, computed = _default(node, kind, module, evaluator)
    secret = keywords.get("secret")
    alias = keywords.get("deprecated_name")
    if alias is None and dotted(call.func).endswith("WithAlias") and len(call.args) > 1:
        alias = call.args[1]
    found.change(
        name,
        readings=(VariableReading(DECLARED, kind, default, computed),),
        secret=isinstance(secret, ast.Constant) and bool(secret.value),
    )
    if isinstance(alias, ast.Constant) and isinstance(alias.value, str):
        found.change(name, aliases=(alias.value,))
        found.change(alias.value, deprecated=True, renamed_to=name, wins="new")
    elif alias is not None:
        found.unresolved.append(f"variable {name}: its old name")


def _default(
    node: ast.expr | None, kind: str, module: SourceModule, evaluator: Evaluator
) -> tuple[str | None, str | None]:
    if node is None:
        return None, "unknown"
    if isinstance(node, ast.Lambda):
        inner = node.body
        return None, dotted(inner.func) if isinstance(inner, ast.Call) else "lambda"
    try:
        value = evaluator.value(node, module)
        text = spelled_default(value)
    except CantResolve:
        return None, what_computes(node)
    if kind == "tuple" and text is not None and not isinstance(value, str):
        text = ",".join(str(spelled_default(v)) for v in value)
    if kind == "float" and isinstance(value, int) and not isinstance(value, bool):
        text = repr(float(value))
    return text, None


def _deprecations(found: Declared, node: ast.AST) -> None:
    match node:
        case ast.Call(
            func=ast.Attribute(attr="replace"),
            args=[ast.Constant(value=str(old)), ast.Constant(value=str(new)), *_],
        ) if old.endswith("_") and new.endswith("_"):
            found.prefixes.append((old, new))
        case ast.Call(func=ast.Name(id=function), args=[ast.Constant(value=str(old)), *rest]) if (
            "deprecated" in function.lower()
        ):
            _deprecate(found, old, rest[0] if rest else None, None, None)
        case (
            ast.Assign(targets=[ast.Name(id=table)], value=ast.Dict() as entries)
            | ast.AnnAssign(target=ast.Name(id=table), value=ast.Dict() as entries)
        ) if "deprecated" in table.lower():
            for key, value in zip(entries.keys, entries.values, strict=True):
                if not (isinstance(key, ast.Constant) and isinstance(key.value, str)):
                    found.unresolved.append(f"{table}: a computed name")
                elif isinstance(value, ast.Call):
                    facts = dict(
                        zip(("replacement", "transform", "note"), value.args, strict=False)
                    )
                    facts |= {k.arg: k.value for k in value.keywords if k.arg}
                    transform = facts.get("transform")
                    how = _transform(dotted(transform)) if transform is not None else None
                    _deprecate(found, key.value, facts.get("replacement"), how, facts.get("note"))
                else:
                    how = "ms_to_s" if "ms_to_s" in table else None
                    _deprecate(found, key.value, value, how, None)


def _transform(function: str) -> str:
    for known in ("ms_to_s", "invert_bool"):
        if known in function:
            return known
    return "computed"


def _deprecate(
    found: Declared, old: str, new: ast.expr | None, transform: str | None, note: ast.expr | None
) -> None:
    """The table forwards the old value over the new one, so the old name wins."""
    found.change(old, deprecated=True)
    text = new.value if isinstance(new, ast.Constant) else None
    if isinstance(text, str) and ENV_NAME.fullmatch(text):
        found.change(old, renamed_to=text, transform=transform, wins="old")
        target = found.variables.get(text)
        aliases = target.aliases if target else ()
        if old not in aliases:
            found.change(text, aliases=tuple(sorted((*aliases, old))))
    elif text is None and isinstance(note, ast.Constant) and isinstance(note.value, str):
        text = note.value
    flag = FLAG_IN_TEXT.search(text) if isinstance(text, str) else None
    if flag:
        found.change(old, replaced_by=flag[0])
