"""Texts given to a shell of which a part isn't known: ``bash -c "… $MODEL …"``, ``eval "$CMD"``."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

from dsv4_env.lang.bash.state import Run, State, Var
from dsv4_env.lang.bash.syntax import Block, Param, SyntaxProblemError
from dsv4_env.lang.bash.tree import parse
from dsv4_env.model import Location, Note, Unknown, Value

MAX_PIECES = 1_000
_NAME = "__unknown_{}__"


def code_of(
    run: Run, state: State, text: Value, place: Location
) -> tuple[str, Block, SyntaxProblemError | None] | None:
    """The text as code and as parsed; where parts aren't known, variables stand for them.

    Those are set in *state*, and a note says what was taken for granted: that the unknown parts
    are plain text, not shell syntax. None where the whole text isn't known.
    """
    if isinstance(text, str):
        return (text, *parsed(run, text))
    pieces = _flat(run, text)
    if pieces is None:
        return None
    known = "".join(p for p in pieces if isinstance(p, str)).strip()
    if not known:
        return None
    quoted: set[int] = set()
    for _ in range(2):
        code = "".join(
            p if isinstance(p, str) else _reference(i, i in quoted) for i, p in enumerate(pieces)
        )
        block, problem = parsed(run, code)
        seen = _names(block)
        missing = {
            i
            for i, p in enumerate(pieces)
            if isinstance(p, Unknown) and _NAME.format(i) not in seen
        }
        if not missing:
            break
        quoted |= missing
    else:
        return None
    names: dict[str, None] = {}
    for i, piece in enumerate(pieces):
        if isinstance(piece, Unknown):
            state.vars[_NAME.format(i)] = Var("s", piece)
            names[f"`{piece.text}`"] = None
    message = f"{', '.join(names)} in the text of a command: taken for plain text, not for syntax"
    note = Note(message, place)
    state.note(note)
    return code, block, problem


def parsed(run: Run, code: str) -> tuple[Block, SyntaxProblemError | None]:
    """The text parsed, once per text."""
    found = run.parsed.get(code)
    if found is None:
        found = run.parsed[code] = parse(code, run.budget)
    return found


def _reference(i: int, quoted: bool) -> str:
    reference = "${" + _NAME.format(i) + "}"
    return f"'\"{reference}\"'" if quoted else reference


def _flat(run: Run, value: Value) -> list[Value] | None:
    """What a text is made of, None where that's more than any command has."""
    found: list[Value] = []
    todo = [value]
    while todo:
        one = todo.pop()
        pieces = None if isinstance(one, str) else run.parts.get(id(one))
        if pieces is None or (len(pieces) == 1 and pieces[0] is one):
            found.append(one)
        else:
            todo += reversed(pieces)
        run.budget.step()
        if len(found) + len(todo) > MAX_PIECES:
            return None
    return found


def _names(node: Any) -> set[str]:
    names: set[str] = set()
    todo: list[Any] = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, (list, tuple)):
            todo += one
        elif is_dataclass(one) and not isinstance(one, type):
            if isinstance(one, Param):
                names.add(one.name)
            todo += [getattr(one, f.name) for f in fields(one)]
    return names
