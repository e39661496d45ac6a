"""What is wrong with an evaluator's answer, given what real bash did.

An answer may leave things open: a value may be Unknown, a launch or a setting may stand under a
condition, and neither is ever wrong. What is claimed known and unconditional must be bash's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations
from typing import TYPE_CHECKING, Literal

from dsv4_env.model import EnvVar, LaunchConfig, ServerArg, Unknown, Value

from .bash_oracle import OWN_NAMES, Launch, Real

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# closed: these inputs and nothing else; inputs: these and perhaps more; open: nothing known.
Mode = Literal["closed", "inputs", "open"]
MODES: tuple[Mode, ...] = ("closed", "inputs", "open")

_ANYTHING = re.compile(
    r"may have been set, changed or exported|isn't known|not known|can't be known|unknown|"
    r"not followed|not read"
)
_LAUNCH_COST = 5  # a launch too many or too few weighs as much as this many wrong values


@dataclass(frozen=True, slots=True)
class Verdict:
    """*wrong* lists the wrong answers; *known* of *total* values were known and right."""

    wrong: tuple[str, ...]
    known: int
    total: int


@dataclass(slots=True)
class Shares:
    """How many values were known and right, of how many, per kind of run."""

    counts: dict[str, tuple[int, int]] = field(default_factory=dict)

    def add(self, kind: str, known: int, total: int) -> None:
        """Count the values of one script."""
        before = self.counts.get(kind, (0, 0))
        self.counts[kind] = (before[0] + known, before[1] + total)

    def share(self, kind: str) -> float:
        """Known values per value, from 0 to 1."""
        known, total = self.counts.get(kind, (0, 0))
        return known / total if total else 0.0


@dataclass(frozen=True, slots=True)
class _Sum:
    cost: int = 0
    known: int = 0
    wrong: tuple[str, ...] = ()

    def __add__(self, other: _Sum) -> _Sum:
        return _Sum(self.cost + other.cost, self.known + other.known, (*self.wrong, *other.wrong))

    @property
    def rank(self) -> tuple[int, int]:
        return (self.cost, -self.known)


def judge(launches: Sequence[LaunchConfig], real: Real, mode: Mode) -> list[str]:
    """The wrong answers among *launches*; empty when everything claimed is so."""
    return list(verdict(launches, real, mode).wrong)


def verdict(launches: Sequence[LaunchConfig], real: Real, mode: Mode) -> Verdict:
    """The wrong answers and the share that is known, for the most favourable pairing."""
    orders = permutations(real.launches) if real.any_order else [real.launches]
    best = min((_align(launches, order, real, mode) for order in orders), key=lambda s: s.rank)
    total = sum(
        len(needed(launch, real, mode)) + len(launch.server_args)
        for launch in real.launches
        if launch.split is not None
    )
    return Verdict(best.wrong, best.known, total)


def needed(launch: Launch, real: Real, mode: Mode = "closed") -> dict[str, str]:
    """What the script has exported to the launch: all but what it only passed through.

    Where nothing is known of the outside, whether a plain assignment is exported can depend on
    the caller's environment: there the run without inputs tells what the script itself exports.
    """
    clean = "HOME" not in launch.environ  # a container or ``env -i``: nothing passes through
    return {
        name: value
        for name, value in launch.environ.items()
        if name not in OWN_NAMES
        and (
            clean or (name not in real.inputs if mode == "open" else real.inputs.get(name) != value)
        )
    }


def _align(
    configs: Sequence[LaunchConfig], launches: Sequence[Launch], real: Real, mode: Mode
) -> _Sum:
    """Pair launches with configs, in order, at the least cost."""
    excused = any(c.partial for c in configs)

    @cache
    def pair(i: int, j: int) -> _Sum:
        return _compare(configs[j], launches[i], real, mode)

    def again(j: int) -> Iterator[int]:
        """Where the answer may go on after a launch that may happen again: it, or its loop."""
        yield j
        while j and "in the loop" in str(configs[j].condition):
            j -= 1
            if "in the loop" in str(configs[j].condition):
                yield j

    @cache
    def best(i: int, j: int) -> _Sum:
        options = []
        if i < len(launches) and j < len(configs):
            options.append(pair(i, j) + best(i + 1, j + 1))
            if _optional(configs[j], real, mode):  # as in a loop of unknown length
                options += [pair(i, j) + best(i + 1, k) for k in again(j)]
        if i < len(launches):
            missed = _Sum()
            if launches[i].split is not None and not excused:
                message = f"bash launched {list(launches[i].argv)}, the answer doesn't"
                missed = _Sum(_LAUNCH_COST, 0, (message,))
            options.append(missed + best(i + 1, j))
        if j < len(configs):
            extra = _Sum()
            if not _optional(configs[j], real, mode):
                message = f"launch {show(configs[j])} is claimed, bash doesn't make it"
                extra = _Sum(_LAUNCH_COST, 0, (message,))
            options.append(extra + best(i, j + 1))
        return min(options, key=lambda s: s.rank, default=_Sum())

    return best(0, 0)


def _optional(config: LaunchConfig, real: Real, mode: Mode) -> bool:
    """Whether the answer leaves open if the launch happens."""
    if config.condition is not None:
        return True
    return mode != "closed" and any(not real.inputs.get(r.name) for r in config.required)


def _compare(config: LaunchConfig, launch: Launch, real: Real, mode: Mode) -> _Sum:
    if launch.split is None:  # another program, which an answer may show or leave out
        return _Sum() if _ends_with(config, launch) else _Sum(_LAUNCH_COST, 0, ("no server",))
    defaults = _bare(real, mode)
    env = _compare_env(config, launch, real, mode)
    words = launch.server_args
    known = match(config.args or (), words, defaults=defaults)
    if known is None:
        return env + _Sum(1, 0, (f"arguments {show(config)} are claimed, bash gives {words}",))
    return env + _Sum(0, known) + _compare_command(config, launch)


def _bare(real: Real, mode: Mode) -> bool:
    """Whether this is what happens when nothing is set outside, as a default says."""
    return mode == "open" and not real.inputs and not real.args


def _compare_command(config: LaunchConfig, launch: Launch) -> _Sum:
    """The last words of the command must be the program's own; wrappers stand before them."""
    own = launch.argv[: launch.split]
    if own[0] == "torchrun":  # a wrapper too, but for the interpreter that it puts in itself
        own = own[-2:]
    claimed = config.command[-len(own) :] if len(config.command) >= len(own) else None
    if claimed is not None and all(
        isinstance(word, Unknown) or word == expected or word.endswith(f"/{expected}")
        for word, expected in zip(claimed, own, strict=True)
    ):
        return _Sum()
    if any(isinstance(word, Unknown) and word.splits for word in config.command):
        return _Sum()
    return _Sum(1, 0, (f"command {list(config.command)} is claimed, bash runs {list(own)}",))


def _ends_with(config: LaunchConfig, launch: Launch) -> bool:
    """Whether the arguments are the last words of another program's command line."""
    words = list(launch.argv)
    return any(match(config.args or (), words[i:]) is not None for i in range(len(words) + 1))


def _compare_env(config: LaunchConfig, launch: Launch, real: Real, mode: Mode) -> _Sum:
    alternatives: dict[str, list[EnvVar]] = {}
    for setting in config.env:
        if setting.condition is None:
            alternatives[setting.name] = []
        alternatives.setdefault(setting.name, []).append(setting)
    wrong: list[str] = []
    known = 0
    wanted = needed(launch, real, mode)
    for name, settings in alternatives.items():
        if name in OWN_NAMES:
            continue
        bash = launch.environ.get(name)
        values = [s.value for s in settings]
        certain = settings[0].condition is None and len(settings) == 1
        effective = config.effective_env.get(name)
        if effective is None or effective is not settings[-1]:
            wrong.append(f"{name}: the last setting isn't the one that counts")
        elif certain and isinstance(values[0], str):
            # A wrapper's stand-in, which is a shell, has an exported IFS begin anew.
            if bash == values[0] or (name == "IFS" and bash == " \t\n"):
                known += name in wanted
            else:
                wrong.append(f"{name}={values[0]!r} is claimed, bash gives {bash!r}")
        elif settings[0].condition is not None and (
            bash in {None, real.inputs.get(name)} or (mode == "open" and name in real.inputs)
        ):
            pass  # every setting is conditional: none was made, or one that isn't exported here
        elif bash is None and any(isinstance(v, Unknown) for v in values):
            pass  # one of them may leave it unset
        elif not any(isinstance(v, Unknown) or v == bash for v in values):
            wrong.append(f"{name} is claimed to be one of {values!r}, bash gives {bash!r}")
        elif certain and _bare(real, mode):
            wrong += _wrong_default(name, values[0], bash)
    for name in wanted.keys() - alternatives.keys():
        if not any(_covers(note.message, name) for note in config.notes):
            wrong.append(f"{name}={wanted[name]!r} is exported, the answer doesn't say so")
    return _Sum(len(wrong), known, tuple(sorted(wrong)))


def _covers(message: str, name: str) -> bool:
    """Whether a note says that this variable, or any at all, may have been set."""
    return bool(re.search(rf"\b{name}\b", message) or _ANYTHING.search(message))


def _wrong_default(name: str, value: Value, bash: str | None) -> list[str]:
    """A default is what the value is when none of the names is set, as in this run."""
    if not isinstance(value, Unknown) or value.default is None or OWN_NAMES & {*value.names}:
        return []
    if value.default == (bash or ""):
        return []
    return [f"{name} is claimed to default to {value.default!r}, bash gives {bash!r}"]


def match(args: Sequence[ServerArg], words: Sequence[str], *, defaults: bool = False) -> int | None:
    """How many of the words are known, or None when the arguments can't be these words.

    A conditional argument may be missing, an Unknown may be any word, or any number of them
    when it splits.
    """
    groups = [(arg, arg.words) for arg in args]

    @cache
    def best(group: int, item: int, word: int) -> int | None:
        if group == len(groups):
            return 0 if word == len(words) else None
        arg, items = groups[group]
        if item == len(items):
            return best(group + 1, 0, word)
        options: list[int | None] = []
        if item == 0 and arg.condition is not None:
            options.append(best(group + 1, 0, word))
        value = items[item]
        if isinstance(value, Unknown) and value.splits:
            options.append(best(group, item + 1, word))
            if word < len(words):
                options.append(best(group, item, word + 1))
        elif word < len(words) and _may_be(arg, value, words[word], defaults=defaults):
            rest = best(group, item + 1, word + 1)
            sure = isinstance(value, str) and arg.condition is None
            options.append(None if rest is None else rest + sure)
        return max((o for o in options if o is not None), default=None)

    return best(0, 0, 0)


def _may_be(arg: ServerArg, value: Value, word: str, *, defaults: bool) -> bool:
    if isinstance(value, str):
        return value == word
    if arg.joined and not word.startswith(f"{arg.flag}="):
        return False
    if defaults and arg.condition is None and not OWN_NAMES & {*value.names}:
        return value.default is None or value.default == word
    return True


def show(config: LaunchConfig) -> str:
    """The arguments, with conditions, as a line of a report."""
    shown = []
    for arg in config.args or ():
        words = " ".join(repr(w) if isinstance(w, str) else str(w) for w in arg.words)
        shown.append(f"[{words} if {arg.condition}]" if arg.condition else words)
    return " ".join(shown) + (f" (if {config.condition})" if config.condition else "")
