"""No pattern takes the square of a text, or worse: a file of blanks or of one long word ends soon.

Each pattern of the package is tried, by the methods it is used with, on what its own repetitions
match, thousands of times over, with an end that doesn't fit. One that is linear takes
milliseconds for that; the limit is one that only another kind of pattern meets.
"""

from __future__ import annotations

import ast
import importlib
import re
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from re import _constants as codes, _parser  # type: ignore[attr-defined]
from types import FrameType
from typing import Any

import pytest

import dsv4_env
from dsv4_env.readers import _FOREIGN, KINDS

PACKAGE = Path(dsv4_env.__file__).parent
SHORTER, SUSPECT = 4_000, 0.004  # a first look, and what it takes where a second one is worth it
LENGTH = 120_000
SECONDS = 1.5  # of the processor, for one text
METHODS = {"match", "fullmatch", "search", "finditer", "findall", "sub", "split"}
SEARCHING = METHODS - {"match", "fullmatch"}
NO_MODULES = ("__main__", "runner", "supervisor")  # they run where they are imported
# Patterns of texts that are short, or that the package itself wrote.
SHORT = {
    "catalogue.extract": "the source of SGLang itself",
    "catalogue.resolution": "names of functions of SGLang",
    "cli.build": "a release, given as an option",
    "guard.git": "what git says of its release",
    "readers.bash.profiles": "messages of dsv4-env",
    "model.secrets.text._COMMAND": "80 characters",
    "catalogue.tags._RELEASE": "a tag, of at most 128 characters",
    "catalogue.tags._OWN": "an image, of at most 1,000 characters",
    "drift.waivers._COMMENT": "the whole of a comment, which has no line break",
}
SAMPLES = "xX0_ \n\t-.:=/\\$'\"{}()[]#,;@%&|<>*+~^!`é"


class TooLongError(Exception):
    """A pattern took longer than any linear one does."""


def modules() -> Iterator[tuple[str, ast.Module, Any]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        name = ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")
        if not name.endswith(NO_MODULES):
            imported = "dsv4_env" if name == "__init__" else f"dsv4_env.{name}"
            yield name, ast.parse(path.read_text()), importlib.import_module(imported)


def is_compile(node: ast.AST | None) -> bool:
    return isinstance(node, ast.Call) and ast.unparse(node.func) == "re.compile"


def used() -> dict[tuple[str, str], tuple[re.Pattern[Any], set[str]]]:
    """The patterns that have a name, by module and name, with the methods that are called."""
    found: dict[tuple[str, str], tuple[re.Pattern[Any], set[str]]] = {}
    read = list(modules())
    for name, tree, module in read:
        for statement in tree.body:
            if isinstance(statement, ast.Assign) and is_compile(statement.value):
                target = statement.targets[0]
                if isinstance(target, ast.Name):
                    found[name, target.id] = getattr(module, target.id), set()
    for name, tree, _ in read:
        mine = {n: (m, n) for m, n in found if m == name}
        for node in ast.walk(tree):
            if isinstance(node, ast.ImportFrom):
                source = (node.module or "").removeprefix("dsv4_env.")
                mine |= {a.asname or a.name: (source, a.name) for a in node.names}
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                key = mine.get(node.value.id)
                if key is not None and key in found and node.attr in METHODS:
                    found[key][1].add(node.attr)
    return found


def written() -> dict[tuple[str, str], tuple[re.Pattern[Any], set[str]]]:
    """The patterns that stand where they are used."""
    found: dict[tuple[str, str], tuple[re.Pattern[Any], set[str]]] = {}
    for name, tree, _ in modules():
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                continue
            call, method = node, node.func.attr
            if is_compile(node.func.value):
                call = node.func.value  # type: ignore[assignment]
            elif ast.unparse(node.func.value) != "re":
                continue
            if method in METHODS and call.args and isinstance(call.args[0], ast.Constant):
                flags = "|".join(re.findall(r"re\.([A-Z]+)\b", ast.unparse(call)))
                made = 0
                for flag in flags.split("|") if flags else ():
                    made |= getattr(re, flag)
                found[name, f"line {node.lineno}"] = re.compile(call.args[0].value, made), {method}
    return found


def of_kinds() -> dict[tuple[str, str], tuple[re.Pattern[Any], set[str]]]:
    """Those by which files are told."""
    found: dict[tuple[str, str], tuple[re.Pattern[Any], set[str]]] = {}
    for kind in KINDS:
        for key in ("shebang", "document"):
            found[kind.name, key] = re.compile(getattr(kind, key)), {"match"}
        for pattern in kind.content:
            found[kind.name, pattern.decode()[:20]] = re.compile(pattern, re.M), {"search"}
    for what, _, sign in _FOREIGN:
        found["foreign", what] = re.compile(sign, re.M), {"search"}
    return found


def chosen(code: Any, value: Any) -> list[str]:
    """Characters that one part of a pattern takes."""
    if code is codes.LITERAL:
        return [chr(value)]
    one = _parser.SubPattern(_parser.State())
    one.append((code, value))
    pattern = re._compiler.compile(one, re.S)  # type: ignore[attr-defined]
    fitting = [c for c in SAMPLES if pattern.fullmatch(c)]
    if not fitting and code is codes.IN:
        fitting = [
            chr(v if o is codes.LITERAL else v[0]) for o, v in value if o is not codes.NEGATE
        ]
    return fitting or ["x"]


REPEATS = {codes.MAX_REPEAT, codes.MIN_REPEAT, codes.POSSESSIVE_REPEAT}


def samples(parts: Any) -> list[str]:
    """A few texts that a pattern takes."""
    found = [""]
    for code, value in parts:
        if code in (codes.LITERAL, codes.NOT_LITERAL, codes.ANY, codes.IN):
            more = chosen(code, value)
        elif code is codes.SUBPATTERN:
            more = samples(value[3])
        elif code is codes.ATOMIC_GROUP:
            more = samples(value)
        elif code is codes.BRANCH:
            more = [text for branch in value[1] for text in samples(branch)[:2]]
        elif code in REPEATS:
            more = [text * max(value[0], 1) for text in samples(value[2])]
            more = ["", *more] if value[0] == 0 else more
        else:
            more = [""]
        size = max(len(found), len(more))
        both = (found[i % len(found)] + more[i % len(more)] for i in range(size))
        found = list(dict.fromkeys(both))[:10]
    return found


def repeated(parts: Any, before: str = "") -> Iterator[tuple[str, str]]:
    """What comes before a repetition, and what it repeats."""
    for at, (code, value) in enumerate(parts):
        for lead in [before + text for text in samples(parts[:at])[:3]]:
            inner: list[Any] = []
            if code in REPEATS:
                if value[1] > 20:
                    for text in samples(value[2])[:6]:
                        yield lead, text
                        yield before, lead.removeprefix(before) + text
                inner = [value[2]]
            elif code is codes.SUBPATTERN:
                inner = [value[3]]
            elif code is codes.ATOMIC_GROUP:
                inner = [value]
            elif code is codes.BRANCH:
                inner = value[1]
            elif code in (codes.ASSERT, codes.ASSERT_NOT):
                inner = [value[1]]
            for part in inner:
                yield from repeated(part, lead)


def spent(pattern: re.Pattern[Any], method: str, text: str) -> None:
    """Use a pattern. Raises TooLongError."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise TooLongError

    given: Any = text if isinstance(pattern.pattern, str) else text.encode()
    before = signal.signal(signal.SIGVTALRM, stop)
    signal.setitimer(signal.ITIMER_VIRTUAL, SECONDS)
    try:
        if method in ("match", "fullmatch"):
            getattr(pattern, method)(given)
        else:
            for _ in pattern.finditer(given):
                pass
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def slow(pattern: re.Pattern[Any], methods: set[str]) -> str | None:
    """The text on which a pattern takes too long, as it is made; None for a linear one."""
    parts = _parser.parse(pattern.pattern, pattern.flags)
    kinds = sorted(methods - SEARCHING)
    kinds += ["finditer"] if methods & SEARCHING else []
    for lead, text in dict.fromkeys(repeated(list(parts))):
        if not text:
            continue
        for end in ("\x00", "\n\x00"):
            for method in kinds:
                try:
                    before = time.process_time()
                    spent(pattern, method, lead + text * (SHORTER // len(text)) + end)
                    if time.process_time() - before > SUSPECT:
                        spent(pattern, method, lead + text * (LENGTH // len(text)) + end)
                except TooLongError:
                    return f"{method}: {lead!r} + {text!r} * n + {end!r}"
    return None


def test_a_pattern_that_takes_the_square_is_found() -> None:
    assert slow(re.compile(r"^\s*x", re.M), {"search"})
    assert slow(re.compile(r"(?:\s*(?:#.*)?\n)*x"), {"match"})
    assert slow(re.compile(r"/(?:\w+/?)*"), {"fullmatch"})
    assert slow(re.compile(r"a(.*?)[ ]*$"), {"match"})
    assert slow(re.compile(r"^[ \t]*+x", re.M), {"search"}) is None


@pytest.mark.long
def test_every_pattern_is_linear() -> None:
    every = {**used(), **written(), **of_kinds()}
    assert len(every) > 400
    found = {}
    for (module, name), (pattern, methods) in every.items():
        if any(f"{module}.{name}.".startswith(f"{short}.") for short in SHORT):
            continue
        if (text := slow(pattern, methods)) is not None:
            found[f"{module}.{name}"] = f"{pattern.pattern!r} {text}"
    assert found == {}
