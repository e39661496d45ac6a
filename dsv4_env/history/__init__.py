"""How settings moved over the versions of scripts and tests, and who followed whom."""

from __future__ import annotations

from dsv4_env.history.moves import (
    SCRIPT as SCRIPT,
    TEST as TEST,
    Follow as Follow,
    History as History,
    HistorySide as HistorySide,
    Point as Point,
    SettingMoves as SettingMoves,
    Track as Track,
    history as history,
)
