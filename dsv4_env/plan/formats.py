"""How plans are written: for people, for programs, for a pull request."""

from __future__ import annotations

import json as json_module
from collections.abc import Callable, Sequence

from dsv4_env.model.style import paint, plain
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
    shown = [s for e in _ORDER for s in plan.having(e) if every or _is_told(s)]
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


def _is_told(setting: PlannedSetting) -> bool:
    """Whether people want to read of a setting: of those not given, only what is known."""
    if setting.effect == "kept":
        return False
    return setting.effect != "unknown" or setting.given is not None or "memory" in setting.why


def _refusal(refusal: Refusal) -> str:
    return f"{plain(refusal.message)} ({shown_at(refusal.at)})"


def _change(setting: PlannedSetting) -> str:
    given = f'"{plain(setting.given)}"' if setting.given else ""
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
    said = (
        f"{len(given)} settings: {counts['overwritten']} overwritten, {counts['no-effect']} "
        f"without effect, {counts['default'] - imaged} as SGLang would set them{as_image}, "
        f"{counts['kept']} kept"
    )
    more = f", {open_} unknown" if open_ else ""
    start = "It starts."
    if plan.possible:
        start = f"It starts, but for {len(plan.possible)} refusals that only a run decides (--all)."
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
                "given": s.given,
                "effective": s.effective,
                "effect": s.effect,
                "at": s.at,
                "why": s.why,
            }
            for s in plan.settings
        ],
    }


def markdown(plans: Sequence[Plan]) -> str:
    """Plans as Markdown tables."""
    return "\n".join(map(_one_markdown, plans))


def _one_markdown(plan: Plan) -> str:
    lines = [f"### {_cell(plan.title)} on {_named(plan)}, {plan.platform}", ""]
    lines += [f"- **refused**: {_cell(r.message)} (`{_cell(r.at)}`)" for r in plan.refused]
    shown = [s for e in _ORDER for s in plan.having(e) if _is_told(s)]
    if shown:
        lines += ["| | setting | given | effective | why |", "|---|---|---|---|---|"]
    for s in shown:
        given = f"`{_cell(s.given)}`" if s.given else ""
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
