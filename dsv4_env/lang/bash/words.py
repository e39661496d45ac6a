"""Expansion of words: parameters, substitutions, splitting, pathname patterns, quote removal."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, TypeAlias

from dsv4_env.lang.bash import arith, lists, params, special
from dsv4_env.lang.bash.braces import QUOTES
from dsv4_env.lang.bash.lookup import element, find, is_set, scalar, separators, settle
from dsv4_env.lang.bash.state import Condition, FatalError, Run, State
from dsv4_env.lang.bash.syntax import Arith, CmdSub, Lit, Param, ProcSub, Word
from dsv4_env.lang.bash.variables import assign, assign_item, forget
from dsv4_env.model import Note, Unknown, Value

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

# A piece of a word: text, and whether it's a literal ("L": may be a pathname pattern), quoted
# ("Q"), or an expansion ("E": is split too). None is where "$@" begins a new word.
Piece: TypeAlias = tuple[Value, str] | None

MAX_OPERANDS = 2_000  # of one expression, those that variables stand for among them
MAX_SPLIT = 60_000  # characters that are split into words
_TILDE = re.compile(r"~([^/:]*)")
_ASSIGNMENT_TILDE = re.compile(r"[A-Za-z_]\w*\+?=~", re.ASCII)
_ACTIVE = re.compile(r"[*?]|\[.*\]|[@!+]\(", re.DOTALL)
WRITES = re.compile(
    r"([A-Za-z_]\w*)(?:\[[^]]*\])?\s*(?:[-+*/%&^|]|<<|>>)?=(?!=)"
    r"|([A-Za-z_]\w*)\s*(?:\+\+|--)|(?:\+\+|--)\s*([A-Za-z_]\w*)",
    re.ASCII,
)


def expand(run: Run, state: State, word: Word) -> list[Value]:
    """The words that a word becomes."""
    if word.plain is not None:
        return [word.plain]
    found = pieces(run, state, word)
    if word.doubtful not in ("", QUOTES):  # a limit of the reader's own
        run.skipped.append(Note(word.doubtful, state.source.place(word.pos)))
    if word.doubtful or lists.vanishing(word, found):
        return [lists.whole(run, word, found, splits=True)]
    return fields(run, state, found)


def single(run: Run, state: State, word: Word, *, assignment: bool = False) -> Value:
    """What a word becomes where it isn't split: an assigned value, a case subject."""
    if word.plain is not None:
        return word.plain
    parts = pieces(run, state, word, assignment=assignment)
    if word.doubtful or (not assignment and lists.mixed(word)):
        return lists.whole(run, word, parts, splits=False)
    found: list[Value] = []
    for piece in parts:
        if piece is None:
            found.append(" ")
        elif piece[1] == "*":
            ifs = separators(state, run)
            found.append(ifs if isinstance(ifs, Unknown) else ifs[:1])
        else:
            value = piece[0]
            if isinstance(value, Unknown) and value.splits:
                value = run.derived(value.text, [value, "joined"], default=value.default)
            found.append(value)
    return run.join(found) if found else ""


def segments(run: Run, state: State, word: Word) -> list[tuple[str, bool]] | Value:
    """A pattern as (text, quoted) pieces, or the Unknown that it is."""
    found = pieces(run, state, word)
    values = [p[0] for p in found if p is not None]
    if any(isinstance(v, Unknown) for v in values) or len(values) < len(found):
        return (
            run.join([*values, ""])
            if len(values) == len(found)
            else run.unknown("$@", "a pattern of several words", ("pattern", state.seq))
        )
    return [(str(p[0]), p[1] == "Q") for p in found if p is not None]


def pieces(run: Run, state: State, word: Word, *, assignment: bool = False) -> list[Piece]:
    """The parts of a word, expanded."""
    out: list[Piece] = []
    run.budget.step(count=len(word.parts))
    for i, part in enumerate(word.parts):
        kind = type(part)
        if kind is Lit:
            assert isinstance(part, Lit)
            if part.quoted:
                out.append((part.text, "Q"))
            elif "~" in part.text:
                _tildes(run, state, word, i, part.text, out, assignment)
            else:
                out.append((part.text, "L"))
        elif kind is Param:
            assert isinstance(part, Param)
            out += params.expand(run, state, part)
        elif kind is CmdSub:
            assert isinstance(part, CmdSub)
            value = settle(state, substitute(run, state, part))
            out.append((value, "Q" if part.quoted else "E"))
        elif kind is Arith:
            assert isinstance(part, Arith)
            value = arithmetic(run, state, part.expr, part.text)
            out.append((value, "Q" if part.quoted else "E"))
        else:
            assert isinstance(part, ProcSub)
            out.append((_process(run, state, part), "Q"))
    return out


def _tildes(
    run: Run, state: State, word: Word, i: int, text: str, out: list[Piece], assignment: bool
) -> None:
    starts: list[int] = []
    if i == 0 and text.startswith("~"):
        starts.append(0)
    if assignment:
        starts += [m.start() + 1 for m in re.finditer(r":~", text)]
    elif i == 0 and (m := _ASSIGNMENT_TILDE.match(text)):
        starts.append(m.end() - 1)
        starts += [m.start() + 1 for m in re.finditer(r":~", text)]
    done = 0
    for start in starts:
        m = _TILDE.match(text, start)
        if m is None or (m.end() == len(text) and i + 1 < len(word.parts)):
            continue  # a quote or an expansion in the name: no tilde expansion
        if done < start:
            out.append((text[done:start], "L"))
        home: Value = scalar(state, run, "HOME") if not m[1] else ""
        if m[1]:
            home = run.unknown(m[0], "a user's home folder", ("home", m[0]))
        out.append((home, "Q"))
        done = m.end()
    if done < len(text):
        out.append((text[done:], "L"))


def fields(run: Run, state: State, found: Sequence[Piece]) -> list[Value]:
    """Word splitting, pathname patterns and the removal of words that are nothing."""
    if len(found) == 1 and found[0] is not None and found[0][1] == "Q":
        return [found[0][0]]
    ifs = separators(state, run)
    if len(found) > 1 and lists.ragged_edge(found):
        values = [" " if p is None else p[0] for p in found]
        return [run.join([*values, ""], splits=True)]
    if lists.blanks_beside(found, ifs):
        text = " ".join(str(p[0]) for p in found if p is not None)
        return [run.unknown(text, "IFS decides", ("blanks", ifs, text), splits=True)]
    out: list[Value] = []
    current: list[Value] = []
    active: list[str] = []
    keep = splits = False

    def flush(force: bool = False) -> None:
        nonlocal keep, splits
        if current or keep or force:
            if keep and len(current) == 1 and splits:
                current.append("")  # $*'' is a word where there are no arguments
            value = run.join(current, splits=splits) if current else ""
            out.append(_pathname(run, state, value, active))
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
        if isinstance(value, Unknown):
            current.append(value)
            active.append("x")
            sure = special.numeric(value) or (ifs == "" and id(value) in run.solid)
            if (kind == "E" and not sure) or value.splits:
                splits = True
            continue
        if kind == "E" and ifs != "" and value:
            if isinstance(ifs, Unknown):
                current.append(run.derived(value, [ifs, value], splits=True))
                splits = True
                continue
            if len(value) > 1_000 and len(value) > run.most(MAX_SPLIT):
                current.append(run.derived(value[:60] + "…", [ifs, value], splits=True))
                splits = True
                continue
            run.budget.step(count=len(value) >> 3)
            for text, delimiter in special.split(value, ifs):
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


def _pathname(run: Run, state: State, value: Value, active: list[str]) -> Value:
    text = "".join(active)
    if "noglob" in state.opts or not _ACTIVE.search(text):
        return value
    plain = re.search(r"[*?]|\[.*\]", text, re.DOTALL)
    if not plain and "extglob" not in state.opts:
        return value
    reason = "a pathname pattern: the files that are there decide"
    if isinstance(value, Unknown):
        return run.derived(value.text, [value, "glob"], splits=True)
    default = None if state.opts & {"nullglob", "failglob"} else value
    return run.unknown(value, reason, ("glob", value), default=default, splits=True)


def arithmetic(run: Run, state: State, expr: Word, text: str) -> Value:
    """``$((…))`` as text, or an Unknown; a FatalError where bash says the expression is wrong."""
    code = single(run, state, expr)
    if isinstance(code, Unknown):
        _lost_writes(run, state, text)
        return run.derived(text, [code, "arithmetic", text])
    return evaluated(run, state, code, text)


class _UnknownOperandError(ValueError):
    def __init__(self, value: Unknown) -> None:
        self.value = value


def evaluated(run: Run, state: State, code: str, text: str) -> Value:
    """The value of an expression whose text is known."""
    asked = 0
    run.budget.step(count=4 + (len(code) >> 2))

    def get(name: str, sub: str | None) -> str:
        nonlocal asked
        value: Value
        asked += 1
        if asked > MAX_OPERANDS:
            raise _UnknownOperandError(run.unknown(text, "it asks for too much", ("sum", code)))
        run.budget.step(count=4)
        var = find(state, run, name)
        if var is None or var.kind == "":
            if "nounset" in state.opts:
                raise FatalError
            return ""
        if var.maybe and "nounset" not in state.opts and is_set(state, var) is None:
            value = settle(state, var.value)
        elif sub is None:
            value = scalar(state, run, name)
        else:
            key = sub if var.kind == "A" else str(arith.evaluate(sub, get, put))
            value = element(state, run, name, var, key)
        if isinstance(value, Unknown):
            raise _UnknownOperandError(value)
        return value

    def put(name: str, sub: str | None, value: int) -> None:
        if sub is None:
            assign(state, run, name, str(value))
        else:
            var = find(state, run, name)
            key = sub if var is not None and var.kind == "A" else str(arith.evaluate(sub, get, put))
            assign_item(state, run, name, key, str(value))

    try:
        return str(arith.evaluate(code, get, put))
    except _UnknownOperandError as problem:
        operand = problem.value
    except arith.ArithmeticProblemError:
        _lost_writes(run, state, code)
        raise FatalError(discard=not _unbound(run, state, code)) from None
    if not any(_possible(code, get, guess) for guess in ("1", "2")):
        _lost_writes(run, state, code)
        raise FatalError(discard=True)  # whatever the unknown operands are
    _lost_writes(run, state, code)
    operands: list[Value] = []
    names = re.findall(r"[A-Za-z_]\w*", code)
    for name in names:
        found = scalar(state, run, name)
        operands.append(found)
    default = _default(operands, names, code) if not WRITES.search(code) else None
    shown = text if len(text) < 200 else f"$((…{operand.text}…))"
    return run.derived(shown, [operand, code, *operands], default=default)


def _unbound(run: Run, state: State, code: str) -> bool:
    """Whether the text of a variable in a wrong expression begins with an unset one (set -u)."""
    if "nounset" not in state.opts:
        return False
    texts = [scalar(state, run, name) for name in re.findall(r"[A-Za-z_]\w*", code)]
    first = [re.search(r"[A-Za-z_]\w*", t) for t in texts if isinstance(t, str)]
    return any(m is not None and is_set(state, find(state, run, m[0])) is False for m in first)


def _possible(code: str, get: Callable[[str, str | None], str], guess: str) -> bool:
    """Whether an expression can be evaluated where unknown operands are *guess*."""

    def guessed(name: str, sub: str | None) -> str:
        try:
            return get(name, sub)
        except _UnknownOperandError:
            return guess

    try:
        arith.evaluate(code, guessed, lambda _name, _sub, _value: None)
    except arith.ArithmeticProblemError:
        return False
    except _UnknownOperandError:
        pass  # in a subscript
    return True


def _default(operands: list[Value], names: list[str], code: str) -> str | None:
    known: dict[str, str] = {}
    for name, value in zip(names, operands, strict=True):
        text = value if isinstance(value, str) else value.default
        if text is None:
            return None
        known[name] = text
    try:
        return str(arith.evaluate(code, lambda n, s: known[n] if s is None else _no(), _no_put))
    except (arith.ArithmeticProblemError, KeyError, _UnknownOperandError):
        return None


def _no() -> str:
    raise arith.ArithmeticProblemError


def _no_put(_name: str, _sub: str | None, _value: int) -> None:
    raise arith.ArithmeticProblemError


def _lost_writes(run: Run, state: State, code: str) -> None:
    names = [n for groups in WRITES.findall(code) for n in groups if n]
    if names:
        forget(
            state,
            run,
            list(dict.fromkeys(names)),
            "set by arithmetic that isn't known",
            default=False,
        )


def _process(run: Run, state: State, part: ProcSub) -> Unknown:
    """``<(…)``: a file that isn't known, but for what it holds."""
    state.seq += 1
    file = run.unknown(part.text, "a process substitution", ("proc", id(part), state.seq))
    if part.text.startswith("<"):
        end = _ended(run, state, part)
        if end is not None and end.out is not None and None not in end.out:
            text = run.join([v for v in end.out if v is not None]) if end.out else ""
            if isinstance(text, str):
                run.contents[id(file)] = text
    return file


def _ended(run: Run, state: State, part: CmdSub | ProcSub) -> State | None:
    """The state in which a substitution ends, None where there are several."""
    run.budget.step(count=16)
    inner = state.copy()
    inner.out = []
    inner.stdin = None
    inner.tested = 0 if "inherit_errexit" in state.opts else 1
    state.seq += 1
    run.pure += 1
    try:
        ends = run.execute(run, part.body, [inner])
    finally:
        run.pure -= 1
    return ends[0] if len(ends) == 1 else None


def substitute(run: Run, state: State, part: CmdSub) -> Value:
    """What a command substitution gives; the status is left in the state."""
    key = ("sub", id(part), state.seq + 1)
    end = _ended(run, state, part)
    if end is None:
        state.status = state.substituted = Condition(
            ("status", *key), f"{part.text} succeeds", f"{part.text} fails", command=True
        )
        return run.unknown(part.text, "the output of a command", key)
    state.seq = max(state.seq, end.seq)
    state.status = state.substituted = end.status
    for node, count in end.counts.items():
        state.counts[node] = max(count, state.counts.get(node, 0))
    state.required = end.required
    for note in end.notes if end.notes is not state.notes else ():
        state.note(note)
    if end.out is None or None in end.out:
        return run.unknown(part.text, "the output of a command", key)
    output = [v for v in end.out if v is not None]
    while output and isinstance(output[-1], str):
        stripped = output[-1].rstrip("\n")
        output = [*output[:-1], stripped] if stripped else output[:-1]
        if stripped:
            break
    if not output:
        return ""
    value = run.join(output)
    if isinstance(value, str):
        return value.replace("\0", "")
    default = None if value.default is None else value.default.rstrip("\n")
    found = run.derived(part.text, [value, "output"], default=default)
    if id(value) in run.paths:
        run.paths[id(found)] = run.paths[id(value)]
    return found
