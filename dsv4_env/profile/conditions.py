"""The blocks of a layer: which of them hold for a target, and how their conditions read."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsv4_env.catalogue.releases import within

if TYPE_CHECKING:
    from dsv4_env.profile.schema import AxesTable, Conditions, SourceTable
    from dsv4_env.profile.target import Target


@dataclass(frozen=True, slots=True)
class Situation:
    """All that a block may ask of: a target, its release, and what the profile is of."""

    target: Target
    sglang: str
    model: str | None = None
    precision: str | None = None


def holds(block: Conditions, now: Situation) -> bool:
    """Whether all conditions of a block, or of a layer, hold."""
    target = now.target
    return (
        (block.sglang is None or now.sglang in within(block.sglang))
        and _one_of(block.hardware, target.hardware)
        and _one_of(block.strategy, target.strategy)
        and (block.nodes is None or target.nodes in block.nodes)
        and _one_of(block.role, target.role)
        and _one_of(block.precision, now.precision)
        and _one_of(block.model, now.model)
        and set(block.with_ or ()) <= set(target.overlays)
        and not set(block.without or ()) & set(target.overlays)
    )


def _one_of(wanted: list[str] | None, value: str | None) -> bool:
    return wanted is None or value in wanted


def told(*all_of: Conditions) -> str:
    """Conditions in a few words: ``sglang >=0.5.14, mi300x or mi355x``."""
    return ", ".join(dict.fromkeys(text for each in all_of for text in _told(each)))


def _told(block: Conditions) -> list[str]:
    found = [f"sglang {block.sglang}"] if block.sglang else []
    found += [
        " or ".join(values)
        for values in (block.hardware, block.strategy, block.model, block.precision, block.role)
        if values
    ]
    if block.nodes:
        count = " or ".join(map(str, block.nodes))
        found.append(f"{count} node{'s' * (block.nodes != [1])}")
    found += [f"with {' and '.join(block.with_)}"] if block.with_ else []
    found += [f"without {' and '.join(block.without)}"] if block.without else []
    return found


def source_text(*tables: SourceTable) -> str:
    """Where values come from, in a line: of several tables the first that gives a key counts."""

    def first(key: str) -> object:
        return next((v for t in tables if (v := getattr(t, key)) is not None), None)

    request, commit, path = first("pull_request"), first("commit"), first("path")
    words = [first("repository"), f"#{request}" if request else None, path]
    words += [f"at {str(commit)[:8]}" if commit else None, first("date")]
    return " ".join(str(w) for w in words if w)


def axis(tables: list[AxesTable], key: str) -> str | None:
    """What the highest of the layers that say something of an axis says."""
    return next((v for t in reversed(tables) if (v := getattr(t, key)) is not None), None)
