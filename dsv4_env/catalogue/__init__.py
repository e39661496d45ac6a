"""The catalogue: what SGLang itself understands, release by release.

``load("0.5.13")`` gives a :class:`Catalogue` out of the shipped snapshots,
``dsv4_env.catalogue.tree`` that of a checkout of SGLang around a folder; ``extract`` (in
``dsv4_env.catalogue.extract``) takes one out of a wheel, a checkout or an installation.
"""

from __future__ import annotations

from dsv4_env.catalogue.entries import (
    TREE as TREE,
    Argument as Argument,
    Catalogue as Catalogue,
    FlagMatch as FlagMatch,
    OwnSetting as OwnSetting,
    Variable as Variable,
    VariableReading as VariableReading,
)
from dsv4_env.catalogue.owners import SGLANG as SGLANG, owner as owner
from dsv4_env.catalogue.releases import (
    fitting as fitting,
    load as load,
    named_by as named_by,
    nearest as nearest,
    releases as releases,
    within as within,
)
