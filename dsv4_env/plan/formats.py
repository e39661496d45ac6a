"""How plans are written: for people, for programs, for a pull request."""

from __future__ import annotations

import json as json_module
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace

from dsv4_env.model import Outside, Unknown
from dsv4_env.model.errors import shortened
from dsv4_env.model.style import paint, plain
from dsv4_env.plan.against import HeldPlan, HeldSetting, Verdict
from dsv4_env.plan.evaluate import Refusal, shown_at
from dsv4_env.plan.planning import AS_IMAGE, Effect, Plan, PlannedSetting

SIGNS: dict[Effect, str] = {
    "overwritten": "~",
    "no-effect": "~",
    "default": "=",
    "set": "+",
    "unknown": "?",
    "kept": " ",
}
_STYLES: dict[str, str] = {
    "x": "red",
    "overwritten": "yellow",
    "no-effect": "yellow",
    "set": "green",
    "unknown": "dim",
}
_ORDER: tuple[Effect, ...] = ("overwritten", "no-effect", "unknown", "default", "set", "kept")


def text(plans: Sequence[Plan], *, color: bool = False, every: bool = False) -> str:
    """Plans as lines, one for each setting that doesn't stay as given; *every*: for all."""
    return "\n".join(_one_text(p, color=color, every=every) for p in plans)


def _one_text(plan: Plan, *, color: bool, every: bool) -> str:
    lines = [f"{plain(plan.title)} on {_named(plan)}, {plan.platform}"]
    possible = plan.possible if every else ()
    rows = [("x", "refused", "", _refusal(r)) for r in plan.refused]
    rows += [("?", "may be refused", "", _refusal(r)) for r in possible]
    shown = [s for e in _ORDER for s in plan.having(e) if every or is_told(s)]
    rows += [(SIGNS[s.effect], s.name, _change(s), _why(s)) for s in shown]
    names = max((len(r[1]) for r in rows), default=0)
    values = min(max((len(r[2]) for r in rows), default=0), 40)
    effects: list[str] = ["x" for _ in plan.refused] + ["unknown" for _ in possible]
    effects += [s.effect for s in shown]
    for (sign, name, change, why), effect in zip(rows, effects, strict=True):
        line = f"  {sign} {name:{names}}  {change:{values}}  {why}".rstrip()
        lines.append(paint(line, _STYLES[effect], color) if effect in _STYLES else line)
    return "\n".join([*lines, "", _summary(plan), ""])


def _named(plan: Plan) -> str:
    return "the tree's own SGLang" if plan.release == "tree" else f"SGLang {plan.release}"


def is_told(setting: PlannedSetting) -> bool:
    """Whether people want to read of a setting: of those not given, only what is known."""
    if setting.effect == "kept":
        return False
    return setting.effect != "unknown" or setting.given is not None or "memory" in setting.why


def _refusal(refusal: Refusal) -> str:
    return f"{plain(refusal.message)} ({shown_at(refusal.at)})"


def _change(setting: PlannedSetting) -> str:
    given = plain(setting.shown_given())
    after = "" if setting.effective is None else plain(setting.effective)
    if setting.effect == "set":
        return f"→ {after}"
    if setting.effect == "overwritten":
        return f'{given} → "{after}"'.strip()
    return given


def _why(setting: PlannedSetting) -> str:
    return plain(setting.why) + (f" ({setting.at})" if setting.at else "")


def _summary(plan: Plan) -> str:
    counts = {e: len(plan.having(e)) for e in _ORDER}
    given = [s for s in plan.settings if s.given is not None]
    if plan.refused:
        return "It doesn't start."
    open_ = sum(1 for s in given if s.effect == "unknown")
    imaged = sum(s.effect == "default" and s.why == AS_IMAGE for s in given)
    as_image = f", {imaged} as the image sets them" if imaged else ""
    settings = f"{len(given)} setting{'s' * (len(given) != 1)}"
    said = (
        f"{settings}: {counts['overwritten']} overwritten, {counts['no-effect']} "
        f"without effect, {counts['default'] - imaged} as SGLang would set them{as_image}, "
        f"{counts['kept']} kept"
    )
    more = f", {open_} unknown" if open_ else ""
    start = "It starts."
    if plan.possible:
        number = len(plan.possible)
        refusals = f"{number} refusal{'s' * (number != 1)} that only a run decides"
        start = f"It starts, but for {refusals} (--all)."
    return f"{start} {said}{more}; {counts['set']} more set by SGLang."


def json(plans: Sequence[Plan]) -> str:
    """Plans as JSON: one object, or a list of them; see plan.schema.json."""
    found = [_data(p) for p in plans]
    return json_module.dumps(found[0] if len(found) == 1 else found, indent=2) + "\n"


def _data(plan: Plan) -> dict[str, object]:
    return {
        "title": plan.title,
        "release": plan.release,
        "platform": plan.platform,
        "refused": [{"message": r.message, "at": r.at} for r in plan.refused],
        "possible": [{"message": r.message, "at": r.at} for r in plan.possible],
        "settings": [
            {
                "section": s.section,
                "name": s.name,
                "given": given_data(s.given, s.unknown),
                "effective": s.effective,
                "effect": s.effect,
                "at": s.at,
                "why": s.why,
            }
            for s in plan.settings
        ],
    }


def given_data(given: str | None, unknown: Unknown | None) -> object:
    """What is given, as JSON has it: what isn't known as `show --json` tells it."""
    if unknown is None:
        return given
    if isinstance(unknown, Outside):
        return {"from-environment": True}
    found: dict[str, object] = {"unknown": unknown.text, "reason": unknown.reason}
    if unknown.names:
        found["names"] = list(unknown.names)
    return found if unknown.default is None else found | {"default": unknown.default}


def markdown(plans: Sequence[Plan]) -> str:
    """Plans as Markdown tables."""
    return "\n".join(map(_one_markdown, plans))


def _one_markdown(plan: Plan) -> str:
    lines = [f"### {_cell(plan.title)} on {_named(plan)}, {plan.platform}", ""]
    lines += [f"- **refused**: {_cell(r.message)} (`{_cell(r.at)}`)" for r in plan.refused]
    shown = [s for e in _ORDER for s in plan.having(e) if is_told(s)]
    if shown:
        lines += ["| | setting | given | effective | why |", "|---|---|---|---|---|"]
    for s in shown:
        given = f"`{_cell(s.shown_given(mark=''))}`" if s.given else ""
        after = "?" if s.effective is None else f"`{_cell(s.effective)}`"
        lines.append(f"| {SIGNS[s.effect]} | `{s.name}` | {given} | {after} | {_cell(_why(s))} |")
    return "\n".join([*lines, "", _summary(plan), ""])


def _cell(value: str) -> str:
    return plain(value).replace("|", "\\|").replace("`", "'")


PLAN_FORMATS: dict[str, tuple[Callable[[Sequence[Plan]], str], str]] = {
    "text": (text, "lines for people"),
    "json": (json, "for programs"),
    "markdown": (markdown, "for a pull request"),
}


# A plan held to a running server

_VERDICTS: dict[Verdict, str] = {"differs": "~", "unknown": "?", "not-told": "?", "agreed": "="}


def held_text(plan: HeldPlan, *, color: bool = False, every: bool = False) -> str:
    """A held plan as lines, one for each argument that doesn't agree; *every*: for all."""
    rows = [("x", "refused", f"{_refusal(r)}, and yet it runs", "") for r in plan.refused]
    shown = [
        s
        for v in _VERDICTS
        for s in plan.having(v)
        if every or (v != "agreed" and s.section == "args")
    ]
    rows += [(_VERDICTS[s.verdict], s.name, _both(s), _held_why(s)) for s in shown]
    names = max((len(r[1]) for r in rows), default=0)
    values = min(max((len(r[2]) for r in rows), default=0), 60)
    styles = ["red" for _ in plan.refused]
    styles += [{"differs": "yellow", "agreed": ""}.get(s.verdict, "dim") for s in shown]
    lines = [_held_head(plan)]
    for (sign, name, both, why), style in zip(rows, styles, strict=True):
        line = f"  {sign} {name:{names}}  {both:{values}}  {why}".rstrip()
        lines.append(paint(line, style, color) if style else line)
    return "\n".join([*lines, *([""] if rows else []), _held_summary(plan), ""])


def _held_head(plan: HeldPlan) -> str:
    return f"{plain(plan.title)} on {_release(plan)}, {plan.platform}, against {plan.server}"


def _release(plan: HeldPlan) -> str:
    return "the tree's own SGLang" if plan.release == "tree" else f"SGLang {plan.release}"


def _both(setting: HeldSetting) -> str:
    expected, running = (
        None if v is None else shortened(plain(v), 100) or '""'
        for v in (setting.expected, setting.running)
    )
    if setting.verdict == "agreed":
        return str(expected)
    if running is None:
        return "isn't told"
    return f"runs with {running}" if expected is None else f"{expected}, but runs with {running}"


def _held_why(setting: HeldSetting) -> str:
    return plain(setting.why) + (f" ({setting.at})" if setting.at else "")


def _held_summary(plan: HeldPlan) -> str:
    differs, unknown, agreed = (len(plan.having(v)) for v in ("differs", "unknown", "agreed"))
    variables = sum(1 for s in plan.having("not-told") if s.section == "env")
    silent = len(plan.having("not-told")) - variables
    said = (
        f"{differs} of {differs + agreed} arguments differ"
        if differs
        else "All that is known agrees"
    )
    more = [f"{agreed} agree" if differs else f"{agreed} arguments"]
    more += [f"{unknown} that only a run decides"] if unknown else []
    more += [f"{silent} not told"] if silent else []
    more += [f"{variables} variables not told"] if variables else []
    return f"{said}: {', '.join(more)}."


def held_json(plan: HeldPlan) -> str:
    """A held plan as JSON; see against.schema.json."""
    data = {
        "title": plan.title,
        "release": plan.release,
        "platform": plan.platform,
        "server": plan.server,
        "differs": plan.differs,
        "refused": [{"message": r.message, "at": r.at} for r in plan.refused],
        "settings": [_held_data(s) for s in plan.settings],
    }
    return json_module.dumps(data, indent=2) + "\n"


def _held_data(setting: HeldSetting) -> dict[str, object]:
    data = asdict(replace(setting, unknown=None))
    del data["unknown"]
    return data | {"given": given_data(setting.given, setting.unknown)}


def held_markdown(plan: HeldPlan) -> str:
    """A held plan as a Markdown table of what doesn't agree."""
    lines = [f"### {_cell(_held_head(plan))}", ""]
    lines += [f"- **refused**: {_cell(r.message)} (`{_cell(r.at)}`)" for r in plan.refused]
    shown = [s for v in _VERDICTS for s in plan.having(v) if v != "agreed" and s.section == "args"]
    if shown:
        lines += ["| | setting | expected | running | why |", "|---|---|---|---|---|"]
    for s in shown:
        both = ("?" if v is None else f"`{_cell(v)}`" for v in (s.expected, s.running))
        sign = _VERDICTS[s.verdict]
        lines.append(f"| {sign} | `{s.name}` | {' | '.join(both)} | {_cell(_held_why(s))} |")
    return "\n".join([*lines, "", _held_summary(plan), ""])


HELD_FORMATS: dict[str, Callable[[HeldPlan], str]] = {
    "text": held_text,
    "json": held_json,
    "markdown": held_markdown,
}
