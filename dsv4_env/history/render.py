"""A history as text, JSON and Markdown: the summary first."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from fnmatch import fnmatchcase
from statistics import median
from typing import Any

from dsv4_env.history.git import Commit
from dsv4_env.history.moves import TEST, History, SettingMoves
from dsv4_env.model.secrets import scrubbed
from dsv4_env.model.style import count, plain
from dsv4_env.reporters.markdown import code

_VERSION = 1


def history_data(history: History) -> dict[str, Any]:
    """A history as plain data; times are ISO 8601, lags days."""
    return {
        "version": _VERSION,
        "summary": _summary(history),
        "files": [
            {
                "side": t.side,
                "name": t.name,
                "path": t.path,
                "versions": len(t.versions),
                "first": t.versions[0].time.isoformat(),
                "last": t.versions[-1].time.isoformat(),
            }
            for t in history.tracks
        ],
        "settings": [_setting(s, history) for s in history.settings],
        "problems": list(history.problems),
    }


def _summary(history: History) -> dict[str, Any]:
    times = [c.time for t in history.tracks for c in t.versions]
    return {
        "commits": history.commits,
        "versions": history.versions,
        "first": min(times).isoformat() if times else None,
        "last": max(times).isoformat() if times else None,
        "moved": len(history.settings),
        "flipped": [s.name for s in history.settings if s.flips],
        "died": {s.name: s.gone for s in history.settings if s.gone},
        "followers": [
            {"test": name, **lags(s for s in followers)} for name, followers in _followers(history)
        ],
    }


def _followers(history: History) -> Iterable[tuple[str, list[float | None]]]:
    for track in history.tracks:
        found = [f.days for s in history.settings for f in s.follows if f.test == track.name]
        if track.side == TEST:
            yield track.name, found


def lags(days: Iterable[float | None]) -> dict[str, Any]:
    """How values were taken over: how many, after how many days, how many never, how many first."""
    found = list(days)
    after = [d for d in found if d is not None and d >= 0]
    return {
        "followed": len(after),
        "median_days": round(median(after), 1) if after else None,
        "longest_days": round(max(after), 1) if after else None,
        "led": sum(d is not None and d < 0 for d in found),
        "never": sum(d is None for d in found),
    }


def _setting(setting: SettingMoves, history: History) -> dict[str, Any]:
    return {
        "name": setting.name,
        "moves": setting.moves,
        "flips": list(setting.flips),
        "gone": setting.gone,
        "lags": lags(f.days for f in setting.follows),
        "timelines": [
            {
                "file": t.name,
                "side": t.side,
                "points": [
                    {
                        "commit": p.commit.id,
                        "time": p.commit.time.isoformat(),
                        "value": p.value,
                        "gone": p.gone or None,
                    }
                    for p in t.settings[setting.name]
                ],
            }
            for t in history.tracks
            if setting.name in t.settings
        ],
        "follows": [
            {
                "value": f.value,
                "script": f.script,
                "test": f.test,
                "since": f.since.id,
                "days": None if f.days is None else round(f.days, 2),
                "commit": f.until.id if f.until else None,
                "late": f.late,
            }
            for f in setting.follows
        ],
    }


def as_json(history: History) -> str:
    """Everything, for programs."""
    return json.dumps(history_data(history), indent=2, ensure_ascii=False) + "\n"


def selected(history: History, patterns: Iterable[str]) -> list[SettingMoves]:
    """The settings that patterns name, flags with or without their dashes; all without any."""
    wanted = list(patterns)
    return [s for s in history.settings if not wanted or any(fits(s.name, p) for p in wanted)]


def fits(name: str, pattern: str) -> bool:
    """Whether a pattern names a setting, a flag with or without its dashes."""
    return fnmatchcase(name, pattern) or fnmatchcase(name.lstrip("-"), pattern)


def as_text(history: History, *, timelines: Iterable[str] | None = None) -> str:
    """Who followed whom, what moved how often, what flipped and what died; *timelines*: of these.

    Without *timelines* no setting's values are told one by one.
    """
    lines = [headline(history), ""]
    rows: list[tuple[str, ...]] = [("followed by", "values", "median", "longest", "led", "never")]
    for name, days in _followers(history):
        found = lags(days)
        rows.append(
            (
                name,
                str(found["followed"]),
                _days(found["median_days"]),
                _days(found["longest_days"]),
                str(found["led"]),
                str(found["never"]),
            )
        )
    if len(rows) > 1:
        lines += [*_table(rows), ""]
    if timelines is None:
        rows = [("setting", "moves", "lag", "")]
        for s in sorted(history.settings, key=lambda s: (-s.moves, s.name)):
            lag = lags(f.days for f in s.follows)
            rows.append((s.name, str(s.moves), _days(lag["median_days"]), _remarks(s)))
        lines += _table(rows) if len(rows) > 1 else []
    else:
        for pattern in timelines:
            fitting = selected(history, [pattern])
            for s in fitting:
                lines += _timeline(s, history)
            lines += [] if fitting else [_unmoved(pattern, history), ""]
    lines += [f"note: {plain(p)}" for p in history.problems]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _unmoved(pattern: str, history: History) -> str:
    """What is said of a pattern that no setting that moved fits."""
    names = {n for t in history.tracks for n in t.settings}
    there = [n for n in names if fits(n, pattern)]
    if not there:
        return f"{pattern}: nothing has this name"
    launches = sum(any(n in t.settings for n in there) for t in history.tracks)
    return f"{pattern}: it never moved (set in {count(launches, 'launch', 'launches')})"


def headline(history: History) -> str:
    """One sentence on what was looked at."""
    files = count(len({t.path for t in history.tracks}), "file")
    text = f"{count(history.versions, 'version')} of {files} in {count(history.commits, 'commit')}"
    times = [c.time for t in history.tracks for c in t.versions]
    if times:
        text += f", {min(times):%Y-%m-%d} to {max(times):%Y-%m-%d}"
    text += f": {count(len(history.settings), 'setting')} moved"
    flipped = sum(bool(s.flips) for s in history.settings)
    died = sum(s.gone is not None for s in history.settings)
    return text + f", {flipped} of them back and forth, {died} no longer known to SGLang"


def _remarks(setting: SettingMoves) -> str:
    found = []
    if setting.flips:
        found.append("back and forth")
    if setting.gone:
        found.append(f"gone since SGLang {setting.gone}")
    never = sum(f.days is None for f in setting.follows)
    if never:
        found.append(f"never followed {never}×")
    return ", ".join(found)


def _days(days: float | None) -> str:
    return "" if days is None else f"{days:g} d"


def _table(rows: list[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            f"{cell:{w}}" if i in (0, len(row) - 1) and not cell.endswith(" d") else f"{cell:>{w}}"
            for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _timeline(setting: SettingMoves, history: History) -> list[str]:
    remarks = _remarks(setting)
    lines = [
        f"{setting.name}: {count(setting.moves, 'move')}" + (f", {remarks}" if remarks else "")
    ]
    for track in history.tracks:
        points = track.settings.get(setting.name)
        if points is None:
            continue
        lines.append(f"  {plain(track.name)}")
        lines += [f"    {_when(p.commit)}  {p.gone or shown(p.value)}" for p in points]
        for f in setting.follows:
            if f.test == track.name:
                late = " (the script had moved on)" if f.late else ""
                lines.append(f"    took over {shown(f.value)} {_lag(f.days)}{late}")
    return [*lines, ""]


def _lag(days: float | None) -> str:
    if days is None:
        return "never"
    return f"{days:.1f} days after the script" if days >= 0 else f"{-days:.1f} days before it"


def _when(commit: Commit) -> str:
    return f"{commit.time:%Y-%m-%d} {commit.id[:10]}"


def shown(value: str | None) -> str:
    """A value as a table shows it."""
    return "not set" if value is None else '"' + plain(scrubbed(value)) + '"'


def as_markdown(history: History) -> str:
    """For a comment or a wiki page."""
    lines = [f"**{headline(history)}**", ""]
    lines += [
        "| followed by | values | median | longest | led | never |",
        "|---|--:|--:|--:|--:|--:|",
    ]
    for name, days in _followers(history):
        f = lags(days)
        cells = [f["followed"], _days(f["median_days"]), _days(f["longest_days"])]
        lines.append(_row([code(name), *cells, f["led"], f["never"]]))
    lines += ["", "| setting | moves | lag | |", "|---|--:|--:|---|"]
    for s in sorted(history.settings, key=lambda s: (-s.moves, s.name)):
        lag = lags(f.days for f in s.follows)
        lines.append(_row([code(s.name), s.moves, _days(lag["median_days"]), _remarks(s)]))
    lines += ["", *(f"- {code(p)}" for p in history.problems)]
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: list[Any]) -> str:
    return "| " + " | ".join(str(c) for c in cells) + " |"


FORMATS: dict[str, Callable[[History], str]] = {
    "text": as_text,
    "json": as_json,
    "markdown": as_markdown,
}
