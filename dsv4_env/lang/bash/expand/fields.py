"""From the pieces of a word to words: splitting, pathname patterns, quote removal."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache

from dsv4_env.guard.files import real
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.state import Piece, State
from dsv4_env.lang.bash.expand.values import Symbol, Text, pieces_of
from dsv4_env.lang.bash.expand.variables import separators
from dsv4_env.lang.bash.syntax.braces import QUOTES
from dsv4_env.lang.bash.syntax.nodes import Lit, Param, Word
from dsv4_env.model import Note

MAX_SPLIT = 60_000  # characters that are split into words
_ACTIVE = re.compile(r"[*?]|\[[^[]*\]|[@!+]\(", re.DOTALL)
_NUMERIC = re.compile(
    r"\$[#?$!]|\$\{#.*\}|\$\(\(.*\)\)|\$\{?(?:RANDOM|UID|EUID|PPID|SECONDS"
    r"|LINENO|BASHPID|EPOCHSECONDS|SHLVL)\}?",
    re.DOTALL | re.ASCII,
)


def expand_word(vm: Machine, state: State, word: Word) -> list[Text]:
    """The words that a word becomes."""
    if word.plain is not None:
        return [word.plain]
    found = vm.pieces(state, word)
    if word.doubtful not in ("", QUOTES):  # a limit of the reader's own
        vm.skipped.append(Note(word.doubtful, state.source.place(word.pos)))
    if word.doubtful or may_vanish(word, found):
        return [whole_word(vm, word, found, splits=True)]
    return fields(vm, state, found)


def single(vm: Machine, state: State, word: Word, *, assignment: bool = False) -> Text:
    """What a word becomes where it isn't split: an assigned value, a case subject."""
    if word.plain is not None:
        return word.plain
    parts = vm.pieces(state, word, assignment=assignment)
    if word.doubtful or (not assignment and is_mixed(word)):
        return whole_word(vm, word, parts, splits=False)
    found: list[Text] = []
    for piece in parts:
        if piece is None:
            found.append(" ")
        elif piece[1] == "*":
            ifs = separators(vm, state)
            found.append(ifs if isinstance(ifs, Symbol) else ifs[:1])
        else:
            value = piece[0]
            if isinstance(value, Symbol) and value.splits:
                value = vm.derived(value.text, [value, "joined"], default=value.default)
            found.append(value)
    return vm.join(found) if found else ""


def segments(vm: Machine, state: State, word: Word) -> list[tuple[str, bool]] | Text:
    """A pattern as (text, quoted) pieces, or the Symbol that it is."""
    found = vm.pieces(state, word)
    values = [p[0] for p in found if p is not None]
    if any(isinstance(v, Symbol) for v in values) or len(values) < len(found):
        return (
            vm.join([*values, ""])
            if len(values) == len(found)
            else vm.unknown("$@", "a pattern of several words", ("pattern", state.seq))
        )
    return [(str(p[0]), p[1] == "Q") for p in found if p is not None]


def fields(vm: Machine, state: State, found: Sequence[Piece]) -> list[Text]:
    """Word splitting, pathname patterns and the removal of words that are nothing."""
    if len(found) == 1 and found[0] is not None and found[0][1] == "Q":
        return [found[0][0]]
    ifs = separators(vm, state)
    if ifs == " \t\n" and any(p is not None and _has_options(p) for p in found):
        found = _with_options_split(vm, found)
    if len(found) > 1 and ragged_edge(found):
        values = [" " if p is None else p[0] for p in found]
        return [vm.join([*values, ""], splits=True)]
    if blanks_beside(found, ifs):
        text = " ".join(str(p[0]) for p in found if p is not None)
        return [vm.unknown(text, "IFS decides", ("blanks", ifs, text), splits=True)]
    out: list[Text] = []
    current: list[Text] = []
    active: list[str] = []
    keep = splits = False

    def flush(force: bool = False) -> None:
        nonlocal keep, splits
        if current or keep or force:
            if keep and len(current) == 1 and splits:
                current.append("")  # $*'' is a word where there are no arguments
            value = vm.join(current, splits=splits) if current else ""
            out.append(_pathname(vm, state, value, active))
        current.clear()
        active.clear()
        keep = splits = False

    # Unquoted, several values are joined with what IFS begins with, and split again.
    joined = isinstance(ifs, str) and ifs[:1] not in ("", " ", "\t", "\n")
    for i, piece in enumerate(found):
        if piece is None or piece[1] == "*":
            after = found[i + 1] if i + 1 < len(found) else None
            flush(force=joined and after is not None and after[1] == "E")
            continue
        value, kind = piece
        if isinstance(value, Symbol):
            current.append(value)
            active.append("x")
            sure = numeric(value) or (ifs == "" and value.filled) or _is_plain(vm, value, ifs)
            if (kind == "E" and not sure) or value.splits:
                splits = True
            continue
        if kind == "E" and ifs != "" and value:
            if isinstance(ifs, Symbol):
                current.append(vm.derived(value, [ifs, value], splits=True))
                splits = True
                continue
            if len(value) > 1_000 and len(value) > vm.most(MAX_SPLIT):
                current.append(vm.derived(value[:60] + "…", [ifs, value], splits=True))
                splits = True
                continue
            vm.budget.step(count=len(value) >> 3)
            for text, delimiter in split_fields(value, ifs):
                if text:
                    current.append(text)
                    active.append(text)
                if delimiter:
                    flush(force=bool(delimiter.strip(" \t\n")) or False)
            continue
        if value or kind == "Q":
            if value:
                current.append(value)
            keep = keep or kind == "Q"
            active.append(value if kind != "Q" else "x" * bool(value))
    flush()
    return out


def _has_options(piece: tuple[Text, str]) -> bool:
    return piece[1] == "E" and isinstance(piece[0], Symbol) and piece[0].optional


def _with_options_split(vm: Machine, found: Sequence[Piece]) -> list[Piece]:
    """The pieces with the words that choices among them are, where those stand apart from others.

    Unquoted, ``--tp 4 ${EXTRA}`` has the words of EXTRA on some paths and none on others.
    """
    result: list[Piece] = []
    for i, piece in enumerate(found):
        if piece is None or not _has_options(piece):
            result.append(piece)
            continue
        alone = (i == 0 or found[i - 1] is None, i + 1 == len(found) or found[i + 1] is None)
        result += _split_options(vm, piece, *alone) or [piece]
    return result


def _split_options(vm: Machine, piece: tuple[Text, str], first: bool, last: bool) -> list[Piece]:
    """What a value with choices in it is split into; nothing where that isn't known.

    *first* and *last*: whether nothing stands right before or behind it in its word.
    """
    parts = pieces_of(piece[0])
    result: list[Piece] = []
    apart = first  # whether what comes next begins a word
    for i, part in enumerate(parts):
        if isinstance(part, str):
            result.append((part, "E"))
            apart = part[-1:].isspace()
            continue
        texts = _texts_of(part)
        if texts is None:
            return []
        if all(t and not re.search(r"\s", t) for t in texts):  # it's a piece of a word, or one
            result.append((part, "Q"))
            apart = False
            continue
        leads = all(not t or t[0].isspace() for t in texts)
        trails = all(not t or t[-1].isspace() for t in texts)
        if not (apart or leads) or not (trails or _begins_apart(parts[i + 1 :], last=last)):
            return []
        options = tuple(
            (alts, tuple(t.split())) for (alts, _), t in zip(part.options, texts, strict=True)
        )
        key = ("split", part.number)
        words = vm.unknown(part.text, part.reason, key, splits=True, options=options)
        result += [None, (words, "Q"), None]
        apart = apart and trails  # none of it may be there
    return result


def _texts_of(choice: Text) -> list[str] | None:
    """The texts that a choice is one of; None where one isn't known, or may be a pattern."""
    if isinstance(choice, str) or not choice.options:
        return None
    found: list[str] = []
    for _, words in choice.options:
        if len(words) > 1 or any(not isinstance(w, str) or _ACTIVE.search(w) for w in words):
            return None
        found.append(str(words[0]) if words else "")
    return found


def _begins_apart(parts: Sequence[Text], *, last: bool) -> bool:
    """Whether what comes next surely begins with a blank, or isn't there; *last*: at the end."""
    for part in parts:
        texts = [part] if isinstance(part, str) else _texts_of(part)
        if texts is None or any(t and not t[0].isspace() for t in texts):
            return False
        if all(texts):
            return True
    return last


def _pathname(vm: Machine, state: State, value: Text, active: list[str]) -> Text:
    text = "".join(active)
    if "noglob" in state.opts or not _ACTIVE.search(text):
        return value
    plain = re.search(r"[*?]|\[[^\[\]]*+\]", text, re.DOTALL)
    if not plain and "extglob" not in state.opts:
        return value
    reason = "a pathname pattern: the files that are there decide"
    if isinstance(value, Symbol):
        return vm.derived(value.text, [value, "glob"], splits=True)
    default = None if state.opts & {"nullglob", "failglob"} else value
    return vm.unknown(value, reason, ("glob", value), default=default, splits=True)


def _is_plain(vm: Machine, value: Symbol, ifs: Text) -> bool:
    """Whether the value is a file's path without blanks below the root, so that it's one word."""
    if value.path is None or vm.root is None or ifs != " \t\n":
        return False
    path, root = value.path, real(vm.root)
    shown = str(path.relative_to(root)) if path.is_relative_to(root) else " "
    return not re.search(r"[\s*?\[\\]", shown)


def numeric(value: Symbol) -> bool:
    """Whether the value is surely a number, so that it's one word."""
    return _NUMERIC.fullmatch(value.text) is not None and value.reason in (
        "arithmetic",
        "set by bash itself",
        "a number",
    )


@lru_cache(maxsize=64)
def delimiter(ifs: str) -> re.Pattern[str]:
    """What ends a field: a character of IFS with the blanks around it, or blanks."""
    white = "".join(c for c in ifs if c in " \t\n")
    other = "".join(c for c in ifs if c not in " \t\n")
    w, o = (f"[{re.escape(s)}]" if s else "(?!)" for s in (white, other))
    return re.compile(f"{w}*{o}{w}*|{w}+")


def split_fields(text: str, ifs: str) -> list[tuple[str, str]]:
    """The text as (data, delimiter behind it) pairs."""
    found: list[tuple[str, str]] = []
    pos = 0
    for m in delimiter(ifs).finditer(text):
        found.append((text[pos : m.start()], m[0]))
        pos = m.end()
    found.append((text[pos:], ""))
    return found


def ragged_edge(found: Sequence[Piece]) -> bool:
    """Whether text stands right beside something that may be no words at all."""
    said = [p for p in found if p is None or p[0] != ""]
    for i, piece in enumerate(said):
        if piece is not None and isinstance(piece[0], Symbol) and piece[0].splits:
            beside = [said[j] for j in (i - 1, i + 1) if 0 <= j < len(said)]
            if any(b is not None for b in beside):
                return True
    return False


def whole_word(vm: Machine, word: Word, found: Sequence[Piece], *, splits: bool) -> Symbol:
    """A word of which bash's own reading decides what it is."""
    text = "".join(p.text for p in word.parts)
    values = [p[0] for p in found if p is not None]
    return vm.derived(text, [text, *values], splits=splits)


def is_mixed(word: Word) -> bool:
    """Whether ``"$@"`` stands beside an expansion without quotes: where words aren't split, bash
    then splits some all the same."""
    params = [p for p in word.parts if isinstance(p, Param) and not p.kind]
    lists = [p for p in params if p.name == "@" or (p.sub is not None and p.sub.plain == "@")]
    return any(p.quoted for p in lists) and any(not p.quoted for p in params)


def blanks_beside(found: Sequence[Piece], ifs: Text) -> bool:
    """Whether blanks at the ends of values meet an IFS of blanks and more: bash's own affair."""
    if not isinstance(ifs, str) or not ifs.strip(" \t\n") or not re.search(r"[ \t\n]", ifs):
        return False
    many = any(p is None or p[1] == "*" for p in found)
    ends = (p[0] for p in found if p is not None and p[1] == "E" and isinstance(p[0], str))
    return many and any(v != v.strip(" \t\n") for v in ends)


def may_vanish(word: Word, found: Sequence[Piece]) -> bool:
    """Whether a quoted word may be none: ``"$@$x"``, where all in the same quotes is empty."""
    parts = [p for p in word.parts if isinstance(p, Param) and p.quoted]
    many = any(p.name == "@" or (p.sub is not None and p.sub.plain == "@") for p in parts)
    return (
        many
        and len(word.parts) > 1
        and not any(isinstance(p, Lit) for p in word.parts)
        and any(p is not None and p[1] == "Q" for p in found)
        and all(p is not None and (isinstance(p[0], Symbol) or not p[0]) for p in found)
    )


def is_star(sub: Word | None) -> bool:
    """Whether a subscript is ``*``."""
    return sub is not None and len(sub.parts) == 1 and getattr(sub.parts[0], "text", "") == "*"
