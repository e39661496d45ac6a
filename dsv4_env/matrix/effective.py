"""What is effective of each profile and launch beside what is given, as SGLang resolves it."""

from __future__ import annotations

from typing import Any

from dsv4_env.catalogue.tree import steps_of
from dsv4_env.compare.effects import platform_of
from dsv4_env.matrix.cells import Column, Matrix, owner_of
from dsv4_env.matrix.details import ours
from dsv4_env.model.secrets import scrubbed
from dsv4_env.plan.evaluate import shown_at
from dsv4_env.plan.formats import SIGNS
from dsv4_env.plan.planning import PlannedSetting, plan


def effective(matrix: Matrix) -> list[dict[str, Any]]:
    """A table for each column whose hardware is known: given and effective values, and why.

    Settings that SGLang sets itself are rows, too. None where it isn't known what the release makes
    of launches.
    """
    if steps_of(matrix.catalogue) is None:
        return []
    return [t for c in matrix.columns if (t := _table(c, matrix)) is not None]


def _table(column: Column, matrix: Matrix) -> dict[str, Any] | None:
    on = platform_of(column.profile.hardware)
    if on is None or column.config.args is None:
        return None
    model = column.profile.default_model_path
    made = plan(column.config, matrix.catalogue, on, model=model)
    rows = [_row(s) for s in made.settings]
    rows.sort(key=lambda r: bool(r["section"] == "args"))
    return {
        "name": ours(matrix.report.path(column.title)),
        "platform": on.name,
        "release": matrix.catalogue.name,
        "refused": [f"{scrubbed(r.message)} ({shown_at(r.at)})" for r in made.refused],
        "rows": rows,
    }


def _row(setting: PlannedSetting) -> dict[str, Any]:
    given = setting.given
    return {
        "name": setting.name,
        "section": setting.section,
        "owner": owner_of(setting.name),
        "sign": SIGNS[setting.effect].strip(),
        "effect": setting.effect,
        "given": None if given is None else scrubbed(given) or "set",
        "effective": None if setting.effective is None else scrubbed(setting.effective) or "set",
        "why": scrubbed(setting.why),
        "at": setting.at or "",
    }
