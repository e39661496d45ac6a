"""How settings moved over the versions of scripts and tests, and who followed whom."""

from __future__ import annotations

from dsv4_env.history.moves import (
    SCRIPT,
    TEST,
    Follow,
    History,
    HistorySide,
    Point,
    SettingMoves,
    Track,
    history,
)

__all__ = [
    "SCRIPT",
    "TEST",
    "Follow",
    "History",
    "HistorySide",
    "Point",
    "SettingMoves",
    "Track",
    "history",
]
