"""The shipped snapshots: one line per entry, one file per release, each against the one before.

``0.5.11.txt`` is whole; every later file holds only what changed. A line is a kind letter, a
name and the facts as JSON that aren't the usual ones: ``V SGLANG_LOG_GC {…}`` a variable,
``A --tp-size {…}`` an argument, ``U …`` something unresolved, ``P SGL_ {"new": …}`` a rewritten
prefix; ``- V NAME`` takes a line back. So a release that is added adds one file, whose diff is
what SGLang changed, and one name can be looked up without decoding the rest.

``releases.txt`` names the releases, oldest first, each with the day on which it came out.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields, is_dataclass
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import Any, Generic, TypeVar

from dsv4_env.catalogue.entries import Argument, Catalogue, OwnSetting, Variable, VariableReading

DATA = Path(__file__).parent / "data"
DATES = "releases.txt"


def decode_dates(text: str) -> dict[str, date]:
    """Releases to the days on which they came out, in the order of the text."""
    rows = (line.split() for line in text.splitlines())
    return {release: date.fromisoformat(day) for release, day in rows}


def encode_dates(dates: Mapping[str, date]) -> str:
    """The text of ``releases.txt``."""
    return "".join(f"{release} {day}\n" for release, day in dates.items())


RELEASED: Mapping[str, date] = decode_dates((DATA / DATES).read_text(encoding="utf-8"))
"""Each shipped release, oldest first, with the day it came out: when its first file was uploaded
to PyPI, in UTC (its JSON of sglang, ``upload_time_iso_8601``)."""

RELEASES = tuple(RELEASED)
_NESTED: dict[str, Any] = {"readings": VariableReading, "set_by": OwnSetting}
_T = TypeVar("_T")
SnapshotLines = dict[tuple[str, str], str]


def _facts(entry: Any) -> dict[str, Any]:
    """The fields that differ from the class's defaults, the first (the name) left out."""
    facts: dict[str, Any] = {}
    for f in (
        fields(entry)[1:] if not isinstance(entry, (VariableReading, OwnSetting)) else fields(entry)
    ):
        value = getattr(entry, f.name)
        if f.default is not MISSING and value == f.default:
            continue
        if isinstance(value, tuple):
            value = [_facts(v) if is_dataclass(v) else v for v in value]
        facts[f.name] = value
    return facts


def _json(facts: object) -> str:
    return json.dumps(facts, ensure_ascii=False, separators=(",", ":"))


def to_lines(catalogue: Catalogue) -> SnapshotLines:
    """Every entry as (kind, name) to its JSON."""
    lines: SnapshotLines = {}
    for old, new in catalogue.prefixes:
        lines["P", old] = _json({"new": new})
    for what in catalogue.unresolved:
        lines["U", what] = ""
    for variable in catalogue.variables.values():
        lines["V", variable.name] = _json(_facts(variable))
    for argument in catalogue.arguments.values():
        lines["A", argument.flag] = _json(_facts(argument))
    return lines


def encode_snapshot(
    lines: Mapping[tuple[str, str], str], before: Mapping[tuple[str, str], str]
) -> str:
    """The text of a snapshot: the lines that *before* doesn't have, and those to take back."""
    gone = [f"- {kind} {name}" for kind, name in sorted(before.keys() - lines.keys())]
    new = [key for key in sorted(lines) if before.get(key) != lines[key]]
    return "\n".join([*gone, *(f"{k} {n} {lines[k, n]}".rstrip() for k, n in new), ""])


def decode_snapshot(text: str, before: Mapping[tuple[str, str], str]) -> SnapshotLines:
    """The lines of a snapshot on top of those of the release before it."""
    lines = dict(before)
    for line in text.split("\n"):
        if line.startswith("- "):
            del lines[line[2], line[4:]]
        elif line.startswith("U "):
            lines["U", line[2:]] = ""
        elif line:
            kind, name, facts = line.split(" ", 2)
            lines[kind, name] = facts
    return lines


@lru_cache(maxsize=len(RELEASES))
def shipped(release: str) -> SnapshotLines:
    """The lines of a shipped release. Raises ValueError for any other."""
    index = RELEASES.index(release)
    text = (DATA / f"{release}.txt").read_text(encoding="utf-8")
    return decode_snapshot(text, shipped(RELEASES[index - 1]) if index else {})


@dataclass(slots=True, eq=False)  # a Mapping compares by its items
class _Lazy(Mapping[str, _T], Generic[_T]):
    """Entries by name, decoded when they are asked for."""

    lines: Mapping[str, str]
    make: Callable[[str, str], _T]
    _made: dict[str, _T] = field(default_factory=dict)

    def __getitem__(self, name: str) -> _T:
        if name not in self._made:
            self._made[name] = self.make(name, self.lines[name])
        return self._made[name]

    def __contains__(self, name: object) -> bool:
        return name in self.lines

    def __iter__(self) -> Iterator[str]:
        return iter(self.lines)

    def __len__(self) -> int:
        return len(self.lines)


def _tuples(value: Any) -> Any:
    return tuple(_tuples(v) for v in value) if isinstance(value, list) else value


def _variable(name: str, line: str) -> Variable:
    facts = json.loads(line)
    for key, kind in _NESTED.items():
        if key in facts:
            facts[key] = tuple(
                kind(**{k: _tuples(v) for k, v in item.items()}) for item in facts[key]
            )
    return Variable(name, **{k: _tuples(v) for k, v in facts.items()})


def _argument(flag: str, line: str) -> Argument:
    return Argument(flag, **{k: _tuples(v) for k, v in json.loads(line).items()})


def from_lines(release: str, lines: Mapping[tuple[str, str], str], label: str) -> Catalogue:
    """The catalogue of a release out of its lines; variables and arguments stay undecoded."""
    by_kind: dict[str, dict[str, str]] = {"V": {}, "A": {}, "U": {}, "P": {}}
    for (kind, name), text in sorted(lines.items()):
        by_kind[kind][name] = text
    return Catalogue(
        release,
        _Lazy(by_kind["V"], _variable),
        _Lazy(by_kind["A"], _argument),
        tuple(by_kind["U"]),
        tuple((old, json.loads(text)["new"]) for old, text in by_kind["P"].items()),
        label,
    )
