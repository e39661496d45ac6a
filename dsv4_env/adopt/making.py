"""How a test makes what it hands to a launch: by which statements, of which constants."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from dsv4_env.adopt.code import Code, Function, assigned
from dsv4_env.lang.python.syntax.trees import callee, walk_tree
from dsv4_env.model import is_flag
from dsv4_env.model.errors import shortened
from dsv4_env.model.secrets import masked
from dsv4_env.readers.python.commands import (
    ARGS_KEYS,
    ENV_KEYS,
    LAUNCHERS,
    MODEL_KEYS,
    PARAMETERS,
    SUBPROCESS,
)


@dataclass(slots=True, eq=False)
class Step:
    """A statement that makes or changes what a name holds, and the expression for it."""

    statement: ast.stmt
    kind: str  # "assign", "merge" (update, extend, += and |=), "item" (env[…] = …), "append"
    value: ast.expr | None
    key: str | None = None
    call: ast.Call | None = None


@dataclass(slots=True, eq=False)
class Making:
    """What names of a file hold, as far as its text tells plainly."""

    code: Code

    def history(self, node: ast.expr) -> list[Step] | None:
        """The steps that made what a name or ``cls.name`` holds where it is used.

        None where that isn't plain: it is set under a condition, or elsewhere.
        """
        code = self.code
        function = code.function(node)
        places: list[ast.AST] = []
        if isinstance(node, ast.Name):
            if code.owner(node.id, node) is not (function or code.tree):
                return None
            places = list(code.names.get(code.key(node.id, node), ()))
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            for each in walk_tree(function) if function is not None else ():
                if isinstance(each, ast.Attribute) and ast.unparse(each) == ast.unparse(node):
                    places.append(each)
            places.sort(key=lambda n: code.span(n)[0])
        steps: list[Step] = []
        known = False
        before = code.statement(node)
        for place in places:
            statement = code.statement(place)
            if statement is before or code.span(statement)[0] >= code.span(before)[0]:
                break
            if code.function(place) is not function:
                return None
            step = _step(statement, place)
            if step is None:
                continue
            if not self._always(statement, before):
                if step.kind == "assign":
                    known = False
                step.kind, step.value = "may", None
            elif step.kind == "assign":
                steps, known = [], True
            steps.append(step)
        return steps if known else None

    def _always(self, statement: ast.stmt, before: ast.stmt) -> bool:
        """Whether a statement has run wherever a later one runs."""
        block = self.code.block(statement)
        return any(
            s in block for s in (before, *self.code.above(before)) if isinstance(s, ast.stmt)
        )

    def constant(self, node: ast.expr) -> ast.expr | None:
        """The expression that a name is bound to once and for all; None where that isn't plain."""
        code = self.code
        if isinstance(node, ast.Name):
            places = code.names.get(code.key(node.id, node), [])
            owner = code.owner(node.id, node)
            if owner is not code.tree and owner is not code.function(node):
                return None
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            return self._of_class(node)
        else:
            return None
        stored = [p for p in places if not isinstance(p.ctx, ast.Load)]
        if len(stored) != 1 or any(_step(code.statement(p), p) for p in places if p not in stored):
            return None
        statement = code.parents[stored[0]]
        if assigned(statement) is not stored[0] or statement not in _body(owner):
            return None
        return getattr(statement, "value", None)

    def _of_class(self, node: ast.Attribute) -> ast.expr | None:
        """What ``cls.name`` is, where one class of the file alone says so."""
        code = self.code
        assert isinstance(node.value, ast.Name)
        every = [
            n for n in walk_tree(code.tree) if isinstance(n, ast.Attribute) and n.attr == node.attr
        ]
        if any(not isinstance(n.ctx, ast.Load) or _step(code.statement(n), n) for n in every):
            return None
        around = [a for a in code.above(node) if isinstance(a, ast.ClassDef)]
        own = around[0] if around and node.value.id in ("cls", "self", around[0].name) else None
        found = [
            (c, s) for c in walk_tree(code.tree) if isinstance(c, ast.ClassDef)
            for s in c.body if (t := assigned(s)) is not None and t.id == node.attr
        ]  # fmt: skip
        if own is None or len(found) != 1 or found[0][0] is not own:
            return None
        return getattr(found[0][1], "value", None)

    def alone(self, node: ast.expr) -> bool:
        """Whether a name is used here and nowhere else."""
        if not isinstance(node, ast.Name):
            return False
        places = self.code.names.get(self.code.key(node.id, node), [])
        return len(places) == 2 and node.id not in self.code.texts

    def word(self, node: ast.expr, depth: int = 4) -> str | None:
        """A word of a command line that an expression is; None where that isn't plain."""
        if isinstance(node, ast.Constant):
            value = node.value
            number = isinstance(value, int | float) and not isinstance(value, bool)
            return value if isinstance(value, str) else str(value) if number else None
        if isinstance(node, ast.JoinedStr):
            parts = [
                self.word(v.value, depth - 1) if isinstance(v, ast.FormattedValue)
                and v.conversion == -1 and v.format_spec is None
                else self.word(v, depth - 1) if isinstance(v, ast.Constant) else None
                for v in node.values
            ]  # fmt: skip
            return None if None in parts else "".join(p or "" for p in parts)
        if isinstance(node, ast.Call) and callee(node) == "str" and len(node.args) == 1:
            return self.word(node.args[0], depth - 1)
        if isinstance(node, ast.Name | ast.Attribute) and depth:
            held = self.constant(node)
            return self.word(held, depth - 1) if held is not None else None
        return None


def copied(node: ast.expr) -> ast.expr | None:
    """What ``list(X)``, ``dict(X)``, ``X.copy()`` and ``copy.deepcopy(X)`` copy."""
    if not isinstance(node, ast.Call) or node.keywords:
        return None
    func = node.func
    if isinstance(func, ast.Attribute) and func.attr == "copy" and not node.args:
        return func.value
    name = callee(node)
    if name in ("list", "tuple", "dict", "deepcopy", "copy") and len(node.args) == 1:
        return node.args[0] if not isinstance(node.args[0], ast.Starred) else None
    return None


def members_of(
    node: ast.Dict | ast.Call,
) -> list[tuple[str | ast.expr | None, ast.expr]] | None:
    """The keys and values of a dict or of what makes one, without a key where more are laid in.

    None where that isn't plain.
    """
    if isinstance(node, ast.Dict):
        return list(zip(node.keys, node.values, strict=True))
    if len(node.args) > 1 or any(isinstance(a, ast.Starred) for a in node.args):
        return None
    return [*((None, a) for a in node.args), *((k.arg, k.value) for k in node.keywords)]


def _body(node: ast.AST) -> Iterable[ast.AST]:
    return getattr(node, "body", ()) if isinstance(node, ast.Module | Function) else ()


def _step(statement: ast.stmt, place: ast.AST) -> Step | None:
    """What a statement does to what a name holds; None where it only uses it."""
    if isinstance(statement, ast.Assign) and len(statement.targets) == 1:
        target = statement.targets[0]
        if target is place:
            return Step(statement, "assign", statement.value)
        if isinstance(target, ast.Subscript) and target.value is place:
            key = target.slice.value if isinstance(target.slice, ast.Constant) else None
            known = key if isinstance(key, str) else None
            return Step(statement, "item", statement.value if known else None, known)
    if isinstance(statement, ast.AnnAssign) and statement.target is place and statement.value:
        return Step(statement, "assign", statement.value)
    if isinstance(statement, ast.AugAssign) and statement.target is place:
        return Step(statement, "merge", statement.value)
    if isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Call):
        call = statement.value
        func = call.func
        if isinstance(func, ast.Attribute) and func.value is place:
            return _method_step(statement, call, func.attr)
    if not isinstance(getattr(place, "ctx", None), ast.Load):
        return Step(statement, "assign", None)
    return None


def _method_step(statement: ast.stmt, call: ast.Call, name: str) -> Step | None:
    if name == "update":
        return Step(statement, "merge", None, call=call)
    if name == "extend" and len(call.args) == 1:
        return Step(statement, "merge", call.args[0])
    if name == "append" and len(call.args) == 1:
        return Step(statement, "append", call.args[0])
    if name == "setdefault" and len(call.args) == 2 and isinstance(call.args[0], ast.Constant):
        return Step(statement, "item", call.args[1], str(call.args[0].value))
    if name in ("insert", "remove", "pop", "clear", "sort", "reverse", "popitem"):
        return Step(statement, "may", None)
    return None


@dataclass(frozen=True, slots=True)
class Given:
    """What a call that launches is given; *exact*: no environment lies under its *env*."""

    args: ast.expr | None
    env: ast.expr | None
    model: ast.expr | None
    timeout: ast.expr | None
    exact: bool = False
    entry: bool = False


def given_to(call: ast.Call) -> Given:
    """What a call gives to a launcher, a process or the entry of a list of launches."""
    name = callee(call)
    keywords = {k.arg: k.value for k in call.keywords if k.arg}
    if name.endswith(LAUNCHERS):
        given = dict(zip(PARAMETERS, call.args, strict=False)) | keywords
        model = next((given[k] for k in MODEL_KEYS if k in given), None)
        return Given(given.get("other_args"), given.get("env"), model, given.get("timeout"))
    if name in SUBPROCESS:
        first = call.args[0] if call.args else keywords.get("args")
        return Given(first, keywords.get("env"), None, None, exact=True)
    args = next((keywords[k] for k in ARGS_KEYS if k in keywords), None)
    env = next((keywords[k] for k in ENV_KEYS if k in keywords), None)
    return Given(args, env, None, None, entry=True)


def by_flag(words: Sequence[str | None]) -> list[list[str | None]]:
    """Words by the flags that they belong to; what isn't known belongs to none."""
    found: list[list[str | None]] = []
    for word in words:
        if found and word is not None and not is_flag(word):
            found[-1].append(word)
        else:
            found.append([word])
    return found


def shown_words(words: Sequence[str | None]) -> str:
    """Words as a message shows them, with nothing that is secret."""
    text = " ".join(w or "…" for w in words)
    return f"`{shortened(masked(words[0] or '', text), 200)}`"
