"""The catalogue: what SGLang itself understands, release by release.

``load("0.5.13")`` gives a :class:`Catalogue` out of the shipped snapshots; ``extract`` (in
``dsv4_env.catalogue.extract``) takes one out of a wheel, a checkout or an installation.
"""

from __future__ import annotations

from dsv4_env.catalogue.entries import (
    Argument,
    Catalogue,
    FlagMatch,
    OwnSetting,
    Variable,
    VariableReading,
)
from dsv4_env.catalogue.owners import SGLANG, owner
from dsv4_env.catalogue.releases import fitting, load, nearest, releases, within

__all__ = [
    "SGLANG",
    "Argument",
    "Catalogue",
    "FlagMatch",
    "OwnSetting",
    "Variable",
    "VariableReading",
    "fitting",
    "load",
    "nearest",
    "owner",
    "releases",
    "within",
]
