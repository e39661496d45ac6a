"""What GitHub makes of a workflow's scalars, expressions and matrices, as far as it's known.

Sources: docs.github.com, "Evaluate expressions in workflows and actions" and "Workflow syntax".
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from dsv4_env.lang.yaml import (
    Mapping as YamlMapping,
    Node,
    Offsets,
    Scalar,
    Sequence as YamlSequence,
)
from dsv4_env.model import Unknown, Value
from dsv4_env.model.budget import Budget
from dsv4_env.readers.embedded import PlacedText, size

MAX_COMBINATIONS = 256

# What follows ``${{``. Possessive: no character is looked at twice.
_REST = re.compile(r"((?:'[^']*+'|[^'}]|\}(?!\}))*+)\}\}")
_TOKEN = re.compile(
    r"\s*('(?:[^']|'')*'|[A-Za-z_][\w.-]*(?:\(\))?|-?\d+(?:\.\d+)?|==|!=|&&|\|\||!|[()])"
)
_CONTEXT = re.compile(r"\s*([A-Za-z_][\w-]*(?:\.[A-Za-z_][\w-]*)+)\s*")


@dataclass(frozen=True, slots=True)
class KnownValue:
    """A value of an expression: its *kind* (string, number, boolean, null) and its text."""

    kind: str
    text: str

    @property
    def true(self) -> bool:
        """Whether a condition of this value holds."""
        return self.text not in {"string": ("",), "number": ("0",)}.get(self.kind, ("false", ""))


@dataclass(slots=True)
class Properties:
    """What a matrix or a mapping in it holds, by GitHub's rules.

    Names are the same in capitals, and the first of several counts.
    """

    items: Mapping[str, Node]
    _table: dict[str, Node] | None = None
    _within: dict[str, Properties] = field(default_factory=dict)

    def find(self, path: Sequence[str], budget: Budget) -> Node | None:
        """The node that a path of names leads to, None where there is nothing."""
        if self._table is None:
            budget.step(None, len(self.items))
            self._table = {}
            for each, node in self.items.items():
                self._table.setdefault(each.lower(), node)
        name, *rest = (n.lower() for n in path)
        found = self._table.get(name)
        if not rest or found is None:
            return found
        if name not in self._within:
            self._within[name] = Properties(found.items if isinstance(found, YamlMapping) else {})
        return self._within[name].find(rest, budget)


@dataclass(frozen=True, slots=True)
class Contexts:
    """What expressions may refer to: the environment and one combination of the matrix."""

    env: Mapping[str, Value]
    matrix: Properties | None  # None: nothing is known of it
    budget: Budget = field(default_factory=Budget)


def github_scalar(node: Scalar) -> KnownValue | None:
    """A scalar as GitHub takes it: unquoted numbers and switches are written anew.

    ``3.10`` reaches a process as ``3.1``. None where how it is written isn't known.
    """
    text = node.text
    if not node.plain:
        return KnownValue("string", text)
    if node.null:
        return KnownValue("null", "")
    if text in ("true", "True", "TRUE", "false", "False", "FALSE"):
        return KnownValue("boolean", text.lower())
    if re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?", text):
        number = f"{float(text):.15g}"
        exact = len(re.sub(r"\D", "", text).strip("0")) <= 15
        if not exact or "e" in number or "n" in number or number == "-0":
            return None
        return KnownValue("number", number)
    if re.fullmatch(r"0[xo][\da-f]+|[-+]?[\d.]+(?:e[-+]?\d+)?|[-+]?\.(?:inf|nan)", text, re.I):
        return None
    return KnownValue("string", text)


def expand_expressions(node: Scalar, contexts: Contexts, *, run: bool = False) -> PlacedText:
    """A scalar with its expressions filled in where they're known; *run*: it's a script."""
    if not run and "${{" not in node.text:
        known = github_scalar(node)
        if known is None:
            why = "an unquoted number, which GitHub writes in its own way"
            unknown = Unknown(node.text, why, location=node.location)
            return PlacedText(((unknown, [node.start]),), node.lines)
        if known.text != node.text:
            return PlacedText(((known.text, [node.start]),), node.lines)
    text, offsets = node.text, node.offsets()
    contexts.budget.step(node.location, 2 + (len(text) >> 8))
    parts: list[tuple[Value, Offsets]] = []
    last = 0
    for start, end in expressions(text, contexts.budget):
        if start > last:
            parts.append((text[last:start], offsets[last:start]))
        inner = text[start + 3 : end - 2]
        contexts.budget.step(node.location, 2 + (len(inner) >> 3))
        value = _value(text[start:end], inner, contexts, node, offsets[start])
        contexts.budget.make(size(value), node.location)
        parts.append((value, [offsets[start]]))
        last = end
    if last < len(text) or not parts:
        parts.append((text[last:], offsets[last:] or [node.start]))
    return PlacedText(tuple(parts), node.lines)


def expressions(text: str, budget: Budget) -> Iterator[tuple[int, int]]:
    """Where each ``${{ … }}`` begins and ends."""
    last = text.rfind("}}")
    at = text.find("${{")
    while 0 <= at < last:
        rest = _REST.match(text, at + 3)
        if rest is None:  # a quote isn't closed
            budget.step(None, 1 + ((len(text) - at) >> 5))
            at = text.find("${{", at + 1)
        else:
            yield at, rest.end()
            at = text.find("${{", rest.end())


def _value(text: str, expression: str, contexts: Contexts, node: Scalar, offset: int) -> Value:
    m = re.fullmatch(r"\s*env\.([A-Za-z_]\w*)\s*", expression)
    if m and m[1] in contexts.env:
        return contexts.env[m[1]]
    known = evaluate_expression(expression, contexts)
    if known is not None:
        return known.text
    name = _CONTEXT.fullmatch(expression)
    root = name[1].partition(".")[0] if name else ""
    reason = {
        "secrets": "a secret of the repository",
        "vars": "a variable of the repository",
        "inputs": "an input of the workflow",
        "matrix": "the matrix doesn't say",
        "env": "not set in the workflow",
    }.get(root, "an expression that only GitHub evaluates")
    names = (name[1],) if name and root != "matrix" else ()
    return Unknown(text, reason, names, location=node.lines.place(offset))


def evaluate_expression(expression: str, contexts: Contexts) -> KnownValue | None:
    """The value of an expression, None where it isn't known."""
    tokens: list[str] = []
    pos, end = 0, len(expression.rstrip())
    while pos < end:
        m = _TOKEN.match(expression, pos)
        if m is None:
            return None
        tokens.append(m[1])
        pos = m.end()
    if not tokens or len(tokens) > 1000:
        return None
    try:
        parser = _Parser(tokens, contexts)
        value = parser.either()
    except (ValueError, RecursionError):
        return None
    return value if parser.at == len(tokens) else None


_TRUE, _FALSE = KnownValue("boolean", "true"), KnownValue("boolean", "false")


@dataclass(slots=True)
class _Parser:
    tokens: list[str]
    contexts: Contexts
    at: int = 0

    def next(self, *wanted: str) -> str:
        token = self.tokens[self.at] if self.at < len(self.tokens) else ""
        if wanted and token not in wanted:
            return ""
        self.at += 1
        return token

    def either(self) -> KnownValue | None:
        left = self.both()
        while self.next("||"):
            right = self.both()
            left = None if left is None else left if left.true else right
        return left

    def both(self) -> KnownValue | None:
        left = self.comparison()
        while self.next("&&"):
            right = self.comparison()
            if left is None:  # false on either side makes a false condition, but which isn't known
                continue
            left = right if left.true else left
        return left

    def comparison(self) -> KnownValue | None:
        left = self.one()
        while operator := self.next("==", "!="):
            right = self.one()
            if left is None or right is None:
                left = None
                continue
            same = _same(left, right)
            left = None if same is None else _TRUE if same is (operator == "==") else _FALSE
        return left

    def one(self) -> KnownValue | None:
        word = self.next()
        if word == "!":
            value = self.one()
            return None if value is None else _FALSE if value.true else _TRUE
        if word == "(":
            value = self.either()
            if not self.next(")"):
                raise ValueError
            return value
        if word.startswith("'"):
            return KnownValue("string", word[1:-1].replace("''", "'"))
        if word in ("true", "false"):
            return _TRUE if word == "true" else _FALSE
        if word == "null":
            return KnownValue("null", "")
        if re.fullmatch(r"-?(?:0|[1-9]\d{0,14})", word):
            return KnownValue("number", word)
        if word in ("always()", "success()"):  # a step runs where those before it succeeded
            return _TRUE
        if not re.match(r"[A-Za-z_]|-?\d", word):
            raise ValueError
        return self.context(word)

    def context(self, token: str) -> KnownValue | None:
        root, *path = token.split(".")
        if root == "env" and len(path) == 1:
            value = self.contexts.env.get(path[0])
            return KnownValue("string", value) if isinstance(value, str) else None
        if root != "matrix" or not path or self.contexts.matrix is None:
            return None
        node = self.contexts.matrix.find(path, self.contexts.budget)
        if node is None:  # what a known combination doesn't have is nothing
            return KnownValue("null", "")
        if not isinstance(node, Scalar) or "${{" in node.text:
            return None
        return github_scalar(node)


def _same(left: KnownValue, right: KnownValue) -> bool | None:
    if left.kind != right.kind:
        return None  # GitHub makes numbers of both
    if left.text.isascii() and right.text.isascii():
        return left.text.lower() == right.text.lower()
    return True if left.text == right.text else None


def combinations(matrix: Node | None, budget: Budget | None = None) -> list[dict[str, Node]] | None:
    """The combinations of a matrix, None where they aren't known or there are too many."""
    budget = budget or Budget()
    if matrix is None:
        return [{}]
    if not isinstance(matrix, YamlMapping):
        return None
    axes = {n: v for n, v in matrix.items.items() if n not in ("include", "exclude")}
    if not all(isinstance(v, YamlSequence) for v in axes.values()):
        return None
    lists = [v.items for v in axes.values() if isinstance(v, YamlSequence)]
    total = 1
    for items in lists:
        total *= len(items)
    if total > MAX_COMBINATIONS:
        return None
    found = [dict(zip(axes, values, strict=True)) for values in product(*lists)] if axes else []
    include, exclude = _rows(matrix.get("include")), _rows(matrix.get("exclude"))
    if include is None or exclude is None:
        return None
    budget.step(matrix.location, len(found) * (len(axes) + 1))
    for row in exclude:
        budget.step(matrix.location, 6 * len(found) + len(row))
        found = [c for c in found if not _matches(row, c)]
    extra: list[dict[str, Node]] = []
    original = [set(c) for c in found]
    for row in include:
        budget.step(matrix.location, 6 * len(found) + len(row))
        joined = False
        for combination, own in zip(found, original, strict=True):
            if all(n not in own or _equal(v, combination[n]) for n, v in row.items()):
                budget.step(matrix.location, len(row))
                combination.update(row)
                joined = True
        if not joined:
            extra.append(dict(row))
    found += extra
    return found if len(found) <= MAX_COMBINATIONS else None


def _rows(node: Node | None) -> list[dict[str, Node]] | None:
    if node is None:
        return []
    if not isinstance(node, YamlSequence):
        return None
    rows = [n.items for n in node.items if isinstance(n, YamlMapping)]
    return rows if len(rows) == len(node.items) else None


def _matches(row: dict[str, Node], combination: dict[str, Node]) -> bool:
    return all(n in combination and _equal(v, combination[n]) for n, v in row.items())


def _equal(one: Node, two: Node) -> bool:
    if isinstance(one, Scalar) and isinstance(two, Scalar):
        known = github_scalar(one)
        return one.text == two.text if known is None else known == github_scalar(two)
    if isinstance(one, YamlSequence) and isinstance(two, YamlSequence):
        return len(one.items) == len(two.items) and all(map(_equal, one.items, two.items))
    if isinstance(one, YamlMapping) and isinstance(two, YamlMapping):
        return one.items.keys() == two.items.keys() and all(
            _equal(v, two.items[n]) for n, v in one.items.items()
        )
    return False


def described(combination: Mapping[str, Node]) -> Iterator[str]:
    """What a combination is told by: its scalars."""
    for name, node in combination.items():
        if isinstance(node, Scalar):
            yield f"{name}={node.text}"
        elif isinstance(node, YamlMapping) and isinstance(first := node.get("name"), Scalar):
            yield f"{name}={first.text}"
