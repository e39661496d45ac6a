"""A history as lanes: per setting and file, which value from when to when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dsv4_env.matrix.cells import owner_of, section_of
from dsv4_env.matrix.details import common_start, without_start
from dsv4_env.model.secrets import scrubbed
from dsv4_env.model.style import count

_COLORS = 6  # classes of the style sheet; a seventh value takes the first again


def timelines(history: Mapping[str, Any]) -> dict[str, Any]:
    """What ``history.render.describe`` tells, with positions in per cent of the whole time."""
    summary = history["summary"]
    first, last = (datetime.fromisoformat(summary[k]) for k in ("first", "last"))
    scale = _Scale(first, last)
    began = {f["name"]: datetime.fromisoformat(f["first"]) for f in history["files"]}
    start = common_start(_name(f["name"]) for f in history["files"])
    told = sorted(history["settings"], key=lambda s: (-s["moves"], s["name"]))
    settings = [_setting(s, scale, began, start) for s in told]
    if len({f["side"] for f in history["files"]}) == 1:  # needn't be said of each
        for lane in (lane for s in settings for lane in s["lanes"]):
            lane["side"] = ""
    return {
        "headline": f"{count(summary['versions'], 'version')} of "
        f"{count(len({f['path'] for f in history['files']}), 'file')} in "
        f"{count(summary['commits'], 'commit')}, {first:%Y-%m-%d} to {last:%Y-%m-%d}",
        "counts": (
            (len(settings), "moved"),
            (len(summary["flipped"]), "went back and forth"),
            (len(summary["died"]), "no longer known to SGLang"),
        ),
        "followers": [
            {**f, "median": _days(f["median_days"]), "longest": _days(f["longest_days"])}
            for f in summary["followers"]
            if f["followed"] or f["led"] or f["never"]
        ],
        "ticks": scale.months(),
        "first": f"{first:%Y-%m-%d}",
        "last": f"{last:%Y-%m-%d}",
        "settings": settings,
        "problems": [scrubbed(p) for p in history["problems"]],
    }


class _Scale:
    """Times as per cent of a span."""

    def __init__(self, first: datetime, last: datetime) -> None:
        self.first = first
        self.last = last
        self.seconds = max((last - first).total_seconds() * 1.02, 1.0)  # the last one has a width

    def at(self, time: datetime) -> float:
        return round(min(max((time - self.first).total_seconds() / self.seconds, 0), 1) * 100, 2)

    def months(self) -> list[tuple[float, str]]:
        """(where, ``2026-06``) of each month's beginning within the span, of long spans some."""
        found = []
        year, month = self.first.year, self.first.month
        while True:
            year, month = (year, month + 1) if month < 12 else (year + 1, 1)
            start = datetime(year, month, 1, tzinfo=self.first.tzinfo)
            if start > self.last:
                break
            found.append((self.at(start), f"{start:%Y-%m}"))
        step = len(found) // 12 + 1
        return found[::step]


def _setting(
    setting: Mapping[str, Any], scale: _Scale, began: Mapping[str, datetime], start: str
) -> dict[str, Any]:
    values = dict.fromkeys(p["value"] for t in setting["timelines"] for p in t["points"])
    colors = {v: n for n, v in enumerate(v for v in values if v is not None)}
    lags = setting["lags"]
    badges = []
    if setting["flips"]:
        badges.append(("warning", "back and forth"))
    if setting["gone"]:
        badges.append(("error", f"gone since SGLang {setting['gone']}"))
    if lags["never"]:
        badges.append(("warning", f"never followed {lags['never']}×"))
    said = count(setting["moves"], "move")
    if lags["median_days"] is not None:
        said += f", taken over after {_days(lags['median_days'])} (median)"
    return {
        "name": setting["name"],
        "section": section_of(setting["name"]),
        "owner": owner_of(setting["name"]),
        "said": said,
        "badges": badges,
        "lanes": [_lane(t, scale, colors, began, start) for t in setting["timelines"]],
        "moves": sorted(
            (p["time"][:10], t["file"], _value(p), p["commit"][:10])
            for t in setting["timelines"]
            for p in t["points"]
        ),
    }


def _lane(
    timeline: Mapping[str, Any],
    scale: _Scale,
    colors: Mapping[str | None, int],
    began: Mapping[str, datetime],
    common: str,
) -> dict[str, Any]:
    points = [(datetime.fromisoformat(p["time"]), p) for p in timeline["points"]]
    start = min(points[0][0], began.get(timeline["file"], points[0][0]))
    ends = [time for time, _ in points[1:]]
    bars = []
    for (time, point), end in zip(points, [*map(scale.at, ends), 100.0], strict=True):
        at = scale.at(start if time == points[0][0] else time)
        value = point["value"]
        kind = "none" if value is None else f"v{colors[value] % _COLORS}"
        bars.append((at, round(end - at, 2), kind, _value(point)))
    told = "; ".join(f"{time:%Y-%m-%d} {_value(point)}" for time, point in points)
    return {
        "file": timeline["file"],
        "name": without_start(_name(timeline["file"]), common),
        "side": timeline["side"],
        "bars": bars,
        "told": told,
    }


def _name(file: str) -> str:
    return file.rpartition("/")[2]


def _value(point: Mapping[str, Any]) -> str:
    value = point["value"]
    if value is None:
        return str(point["gone"] or "not set")
    return scrubbed(value) or "set"


def _days(days: float | None) -> str:
    return "–" if days is None else f"{days:g} d"
