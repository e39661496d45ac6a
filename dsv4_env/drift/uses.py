"""Every launch of some trees that uses a variable or a flag, under whatever name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsv4_env.catalogue import Catalogue, FlagMatch, load
from dsv4_env.catalogue.history import flag_in
from dsv4_env.catalogue.store import RELEASES
from dsv4_env.drift.bound import SimilarityBound
from dsv4_env.drift.files import listed
from dsv4_env.drift.lines import location_of
from dsv4_env.drift.nearest import Nearest, ProfileMatch
from dsv4_env.lint import lint
from dsv4_env.model import EnvVar, LaunchConfig, Location, ServerArg
from dsv4_env.model.errors import ReadError
from dsv4_env.model.finding import Severity
from dsv4_env.readers import file_bytes
from dsv4_env.readers.legs import LegVariable, legs

# Where a launch may take settings from that stand in no file that is looked at here.
_ELSEWHERE = (
    r"--config\b|(?<![\w-])config[\"']?\s*:|env[-_]?file|\.env\b|EnvironmentFile|envFrom|base64"
)
_PLAIN = "read as it is"
_TOLD = ("DSV103", "DSV105", "DSV107", "DSV111", "DSV112")  # of a name or value that is known
_FOLDER = (".github", "workflows")
_SHORTEST = 4  # letters of a flag with its dashes, from which on it may stand for a longer one


@dataclass(frozen=True, slots=True)
class Sought:
    """A variable or a flag; *names* are all that some release knows it by."""

    name: str
    names: frozenset[str]

    @property
    def flag(self) -> bool:
        """Whether it is a flag."""
        return self.name.startswith("-")

    def pattern(self) -> re.Pattern[str]:
        """What finds it in a text: each name, and each beginning that may stand for a flag."""
        words = set(self.names)
        if self.flag:
            words |= {n[:end] for n in self.names for end in range(_SHORTEST, len(n))}
        words = set(map(re.escape, words))
        return re.compile(rf"(?<![\w-])(?:{_any(words)})(?![\w-])", re.IGNORECASE)

    def mention(self) -> re.Pattern[bytes]:
        """What a file has that may give it, be it as a key without dashes or from another file."""
        if not self.flag:
            plain = _any(map(re.escape, self.names))
            return re.compile(rf"{_ELSEWHERE}|\b(?:{plain})\b".encode())
        names = {n.lstrip("-") for n in self.names}
        words = {n[:end] for n in names for end in range(_SHORTEST - 2, len(n) + 1)}
        spelled = _any({re.escape(w).replace(r"\-", "[-_]") for w in words})
        return re.compile(rf"{_ELSEWHERE}|(?<![\w-])(?:--)?(?:{spelled})(?![\w-])".encode())

    def may_be(self, config: LaunchConfig) -> Iterator[EnvVar | ServerArg]:
        """The settings of a launch that are it, as some release may read their names."""
        for e in config.env if not self.flag else ():
            if e.name in self.names and not e.superseded:
                yield e
        for a in (config.args or ()) if self.flag else ():
            if a.flag is not None and (a.flag in self.names or self._begins(a.flag)):
                yield a

    def given(self, config: LaunchConfig, catalogue: Catalogue) -> Iterator[EnvVar | ServerArg]:
        """The settings of a launch that are it, as a release or argparse reads their names."""
        for setting in self.may_be(config):
            if isinstance(setting, EnvVar) or self._is(setting.flag or "", catalogue):
                yield setting

    def _begins(self, flag: str) -> bool:
        return len(flag) >= _SHORTEST and any(name.startswith(flag) for name in self.names)

    def _is(self, flag: str, catalogue: Catalogue) -> bool:
        if flag in self.names:
            return True
        if not self._begins(flag):
            return False
        found = catalogue.argument(flag)
        return found is None or bool(_meant(found) & self.names)


@dataclass(frozen=True, slots=True)
class Use:
    """A launch that uses it: where, how it is spelled there, and what its release makes of that.

    *stops*: the release doesn't start with it.
    """

    path: str
    location: Location
    launch: str
    words: str
    release: str
    says: str
    stops: bool


@dataclass(frozen=True, slots=True)
class LegUse:
    """A run of tests by a workflow that sets the variable for them, and what it runs."""

    variable: LegVariable
    job: str
    tests: str


def leg_uses(
    paths: Iterable[Path], wanted: Sought
) -> tuple[list[LegUse], list[tuple[Location, str]]]:
    """What the workflows among files and trees set a variable to for tests; and what isn't read."""
    found: dict[LegUse, None] = {}
    problems: list[tuple[Location, str]] = []
    if wanted.flag:
        return [], []
    for path in _workflows(paths):
        try:
            data = file_bytes(path)
            every = legs(data, str(path)) if wanted.name.encode() in data else []
        except ReadError as exc:
            problems.append((location_of(exc.where, path), exc.message))
            continue
        for leg in every:
            variable = leg.variable(wanted.name)
            if variable is not None:
                tests = leg.suite or ", ".join(leg.files) or "a suite that isn't known"
                found.setdefault(LegUse(variable, leg.job, tests))
    return list(found), problems


def _workflows(paths: Iterable[Path]) -> Iterator[Path]:
    """The files that GitHub takes for workflows, each once."""
    found: dict[Path, None] = {}
    for path in paths:
        for each in [path / name for name in listed(path)] if path.is_dir() else [path]:
            if each.suffix in (".yml", ".yaml") and each.absolute().parent.parts[-2:] == _FOLDER:
                found.setdefault(each)
    yield from found


def _any(patterns: Iterable[str]) -> str:
    """The pattern of all of these, the longest first."""
    return "|".join(sorted(patterns, key=lambda p: (-len(p), p)))


def sought(name: str) -> Sought | None:
    """A variable or flag by a name that some release has for it; None where none has."""
    names = {name} if not name.startswith("-") else set()
    known = False
    for release in RELEASES:
        catalogue = load(release)
        if not name.startswith("-"):
            known = known or catalogue.variable(name) is not None
            continue
        found = catalogue.argument(flag_in(catalogue, name))
        if found is not None and found.argument is not None and not found.abbreviated:
            names |= set(found.argument.flags)
            known = True
    return Sought(name, frozenset(names | {name})) if known else None


def every_name() -> set[str]:
    """All variables and flags that some release knows."""
    found: set[str] = set()
    for release in RELEASES:
        catalogue = load(release)
        found |= {*catalogue.variables, *catalogue.option_strings()}
    return found


@dataclass(slots=True)
class Searched(Nearest):
    """Keeps of each launch what may be the one that is *sought*, and takes none for near."""

    sought: Sought = Sought("", frozenset())
    _seek: re.Pattern[str] | None = None

    def __call__(self, config: LaunchConfig, names: Sequence[str] = ()) -> ProfileMatch:
        """No match: no profile is asked for."""
        return ProfileMatch(None, 0.0)

    def bound(self, root: Path) -> SimilarityBound:
        """What tells the files below *root* in whose reach it isn't named."""
        return SimilarityBound(
            (),
            self.least,
            str(root),
            self.family,
            sourced=True,
            mention=self.sought.mention(),
        )

    def kept(self, config: LaunchConfig) -> LaunchConfig | None:
        """The launch with the settings alone that may be it; None where there are none."""
        found = tuple(self.sought.may_be(config))
        if not found:
            return None
        env = tuple(e for e in found if isinstance(e, EnvVar))
        args = tuple(a for a in found if isinstance(a, ServerArg))
        return replace(config, env=env, args=args, notes=(), required=(), facts=())

    @property
    def family(self) -> re.Pattern[str]:
        """What finds the name."""
        if self._seek is None:
            self._seek = self.sought.pattern()
        return self._seek


def verdict(
    setting: EnvVar | ServerArg, config: LaunchConfig, catalogue: Catalogue, wanted: Sought
) -> tuple[str, bool]:
    """What a release makes of a setting of a launch, and whether it stops at it."""
    says, stops = _read_as(setting, catalogue, wanted)
    if stops:
        return says, stops
    env, args = ((setting,), ()) if isinstance(setting, EnvVar) else ((), (setting,))
    alone = replace(config, env=env, args=args)
    told = lint(alone, catalogue, select=_TOLD)
    if not told:
        return says, stops
    own = [f.message.removeprefix(f"{catalogue.name} ") for f in told]
    texts = [f"{m}: {f.action}" if f.action else m for m, f in zip(own, told, strict=True)]
    texts = [says, *texts] if says != _PLAIN else texts
    return "; ".join(texts), any(f.severity is Severity.ERROR for f in told)


def _read_as(setting: EnvVar | ServerArg, catalogue: Catalogue, wanted: Sought) -> tuple[str, bool]:
    """What a release makes of a setting's name, and whether it stops at it."""
    if isinstance(setting, EnvVar):
        if catalogue.variable(setting.name) is not None:
            return _PLAIN, False
        return "not known, so that it is ignored", False
    flag = setting.flag or ""
    found = catalogue.argument(flag)
    if found is None:
        new = flag_in(catalogue, wanted.name)
        other = f": now {new}" if new != flag and catalogue.argument(new) else ""
        return f"unrecognized{other}", True
    if found.candidates:
        return f"ambiguous: {', '.join(found.candidates)}", True
    if found.abbreviated:
        return f"read as {found.flag}", False
    return _PLAIN, False


def _meant(found: FlagMatch) -> set[str]:
    """All option strings that a word may stand for."""
    owner = set(found.argument.flags) if found.argument is not None else set()
    return {found.flag, *found.candidates, *owner}
