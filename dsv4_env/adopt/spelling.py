"""A script off its profile: what ``eval "$(dsv4-env export NAME)"`` runs takes its place."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

from dsv4_env.adopt.proof import proved
from dsv4_env.adopt.rewriting import CannotRewrite
from dsv4_env.adopt.script import Lines, every, simple_commands
from dsv4_env.lang.bash.syntax.nodes import Assign, Lit, Simple, Word
from dsv4_env.lang.bash.syntax.tree import parse
from dsv4_env.model import Location
from dsv4_env.model.secrets import plain_secret
from dsv4_env.readers import bash
from dsv4_env.readers.taken import KnownProfiles
from dsv4_env.writeback.edits import Edit, applied

HELP = "`dsv4-env export NAME -f run-sh` writes a script that needs dsv4-env no more"


def spelled_out(text: str, path: str, place: Path, known: KnownProfiles) -> str:
    """The text of a script with what profiles give written into it.

    *path* is what messages call it, *place* where it lies. The same text where it takes nothing
    from a profile. Raises CannotRewrite, and ReadError where it is no script.
    """
    known.printed.clear()
    bash.read_all(text, str(place), root=known.root, known=known)
    printed = {(w.line, w.column): t for w, t in known.printed.items() if w.path == str(place)}
    if not printed:
        return text
    lines = Lines(text, path)
    edits = list(_edits(lines, printed))
    new = applied(text, edits)
    proof = proved(text, new, str(place), known, bash.read_all)
    if proof.wrong:
        raise CannotRewrite(f"it would launch otherwise: {proof.wrong[0]}", Location(path))
    return new


def _edits(
    lines: Lines, printed: dict[tuple[int | None, int | None], tuple[str | None, str]]
) -> Iterator[Edit]:
    commands = simple_commands(parse(lines.text)[0])
    for (line, column), (given, why) in printed.items():
        pos = lines.starts[(line or 1) - 1] + (column or 1) - 1
        around = [c for c in commands if c.pos < pos < c.end and _evaluates(c)]
        where = lines.at(pos)
        if given is None:
            raise CannotRewrite(f"what it prints isn't known: {why}", where)
        node = min(around, key=lambda c: c.end - c.pos, default=None)
        if node is None or not lines.alone(lines.numbers(node), [node]):
            why = 'it isn\'t `eval "$(dsv4-env export …)"` on a line of its own'
            raise CannotRewrite(why, where)
        secret = next((n for n, v in _held(given) if plain_secret(n, v)), None)
        if secret is not None:
            raise CannotRewrite(
                f"{secret} holds what looks like a secret, and a script is read by everyone", where
            )
        numbers = lines.numbers(node)
        start = lines.starts[numbers[0]]
        end = lines.starts[numbers[-1]] + len(lines.row(numbers[-1]))
        indent = "" if _has_lines(given) else lines.text[start : node.pos]
        remark = lines.text[node.end : end].strip(" \t;\n")
        rows = [*([f"{remark}\n"] if remark else []), *given.splitlines(keepends=True)]
        new = "".join(f"{indent}{row}" for row in rows)
        yield Edit(start, end, new if lines.text[:end].endswith("\n") else new.rstrip("\n"))


def _held(text: str) -> Iterator[tuple[str, str]]:
    """The names and values of what an export prints; those of flags are the words behind them."""
    commands = simple_commands(parse(text)[0])
    for assign in (a for c in commands for a in every(c, Assign)):
        if isinstance(assign.value, list):
            words = [w for item in assign.value for w in item.words]
            for one, two in pairwise(["", *(w.plain or "" for w in words)]):
                yield (one if one.startswith("-") else "an argument"), two
        else:
            values = every(assign.value, Lit)
            yield assign.name, "".join(v.text for v in values)


def _has_lines(text: str) -> bool:
    """Whether a value has lines of its own, which nothing may be put before."""
    values = (p for c in simple_commands(parse(text)[0]) for p in every(c, Lit))
    return any("\n" in value.text for value in values)


def _evaluates(command: Simple) -> bool:
    """Whether a command is ``eval`` of what one substitution prints, and nothing else."""
    if len(command.words) != 2 or command.assigns or command.redirs:
        return False
    first, second = command.words
    if not isinstance(first, Word) or first.plain != "eval" or not isinstance(second, Word):
        return False
    return len(second.parts) == 1 and second.parts[0].text.startswith("$(")
