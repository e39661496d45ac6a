"""Special parameters, and what is known or demanded of outside variables."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TypeAlias

from dsv4_env.guard.files import real
from dsv4_env.lang.bash.lookup import settle
from dsv4_env.lang.bash.state import Condition, Run, State
from dsv4_env.model import RequiredInput, Unknown, Value

_ALL = re.compile(r"\$@|\$\{@:\d+\}")  # all arguments of the script
_NUMERIC = re.compile(
    r"\$[#?$!]|\$\{#.*\}|\$\(\(.*\)\)|\$\{?(?:RANDOM|UID|EUID|PPID|SECONDS"
    r"|LINENO|BASHPID|EPOCHSECONDS|SHLVL)\}?",
    re.DOTALL | re.ASCII,
)


Found: TypeAlias = tuple["bool | None", Value]  # whether it's set, and the value


def numeric(value: Unknown) -> bool:
    """Whether the value is surely a number, so that it's one word."""
    return _NUMERIC.fullmatch(value.text) is not None and value.reason in (
        "arithmetic",
        "set by bash itself",
        "a number",
    )


def positional(run: Run, state: State, name: str) -> Found:
    """``$1``, ``$#`` and the other special parameters."""
    given = state.params
    if name.isdigit() and name != "0" and len(name) < 19:
        index = int(name) - 1
        if given is None:
            real = str(int(name) + state.shifted)
            return None, run.unknown(
                f"${{{real}}}" if len(real) > 1 else f"${real}",
                "an argument of the script",
                ("arg", real, *state.given),
                names=(real,) if not state.given else ("@",),
            )
        for i, value in enumerate(given):
            if isinstance(value, Unknown) and value.splits and i <= index:
                default = _without(run, given, index)
                parts = [f"argument {name}", *given]
                return None, run.derived(f"${name}", parts, default=default)
        return (True, settle(state, given[index])) if index < len(given) else (False, "")
    if name == "#":
        if given is None:
            own = ("arg", "#", state.shifted, *state.given)
            return True, run.unknown("$#", "a number", own, names=("#",))
        if any(isinstance(v, Unknown) and v.splits for v in given):
            return True, run.unknown("$#", "a number", ("count", *map(ident, given)))
        return True, str(len(given))
    if name == "?":
        if isinstance(state.status, int):
            return True, str(state.status)
        known = state.decided.get(state.status.key)
        if known is True:
            return True, "0"
        return True, run.unknown("$?", "a number", ("status?", *state.status.key))
    state.seq += 1
    if name == "-":
        return True, run.unknown("$-", "the shell's options", ("own", name, state.seq))
    if name == "0" and state.zero is not None:
        return True, state.zero
    if name == "0":
        return True, script(run, state, "$0")
    return True, run.unknown(f"${name}", "set by bash itself", ("own", name, state.seq))


def _without(run: Run, given: list[Value], index: int) -> str | None:
    """An argument as it is where the script itself gets none; None where that isn't known."""
    if any(isinstance(v, Unknown) and len(run.parts.get(id(v), ())) > 1 for v in given):
        return None  # $*'' is a word
    left = [v for v in given if isinstance(v, str) or not _ALL.fullmatch(v.text)]
    one = left[index] if index < len(left) else None
    if any(isinstance(v, Unknown) and v.splits for v in left):
        return None
    return one.default if isinstance(one, Unknown) else one


def unknown_params(state: State, origin: object, where: str = "", *, own: bool = False) -> None:
    """From here on the arguments aren't known; *own*: some of the script's own, if any."""
    state.params = None
    state.shifted = 0
    state.given = (own, origin, where, state.seq)


def own_params(state: State) -> bool:
    """Whether there are no arguments where the script itself gets none."""
    return state.params is None and (not state.given or bool(state.given[0]))


def script(run: Run, state: State, text: str) -> Unknown:
    """``$0`` and ``${BASH_SOURCE[0]}``: not known, but the file is."""
    path = state.source.path
    found = run.unknown(text, "how the script is called", ("own", text, path), names=("0",))
    if run.root is not None and (file := real(path)).is_file() and not state.world:
        run.paths[id(found)] = file
    return found


def ident(value: Value) -> object:
    """What a value is the same as."""
    return id(value) if isinstance(value, Unknown) else value


def all_params(run: Run, state: State) -> list[Value]:
    """What ``"$@"`` gives."""
    if state.params is None:
        return [
            run.unknown(
                "$@" if not state.shifted else f"${{@:{state.shifted + 1}}}",
                "the script's arguments",
                ("arg", "@", *state.given),
                names=("@",),
                splits=True,
            )
        ]
    run.budget.step(count=len(state.params) >> 2)
    return [settle(state, v) for v in state.params]


def note_required(state: State, value: Unknown, location: object) -> None:
    """Note the outside variables without which the script stops."""
    from dsv4_env.model import Location

    place = location if isinstance(location, Location) else None
    for name in value.names:
        if value.text in (f"${{{name}}}", f"${name}") and all(
            r.name != name for r in state.required
        ):
            state.required = (*state.required, RequiredInput(name, place))


def take(run: Run, state: State, value: Unknown, *, colon: bool) -> None:
    """Take for granted that a value is set, or not empty."""
    condition = empty_condition(value) if colon else set_condition(value)
    key, answer = condition.key, not colon
    run.conditions[key] = condition
    state.decided[key] = answer


def empty_condition(value: Unknown) -> Condition:
    """``-z`` of a value."""
    shown = f'"{value.text}"'
    return Condition(("empty", id(value)), f"-z {shown}", f"-n {shown}", (value, ""), value)


def set_condition(value: Unknown) -> Condition:
    """Whether a variable is set at all."""
    name = value.names[0] if value.names else value.text
    return Condition(("set", id(value)), f"{name} is set", f"{name} is not set")


@lru_cache(maxsize=64)
def delimiter(ifs: str) -> re.Pattern[str]:
    """What ends a field: a character of IFS with the blanks around it, or blanks."""
    white = "".join(c for c in ifs if c in " \t\n")
    other = "".join(c for c in ifs if c not in " \t\n")
    w, o = (f"[{re.escape(s)}]" if s else "(?!)" for s in (white, other))
    return re.compile(f"{w}*{o}{w}*|{w}+")


def split(text: str, ifs: str) -> list[tuple[str, str]]:
    """The text as (data, delimiter behind it) pairs."""
    found: list[tuple[str, str]] = []
    pos = 0
    for m in delimiter(ifs).finditer(text):
        found.append((text[pos : m.start()], m[0]))
        pos = m.end()
    found.append((text[pos:], ""))
    return found
