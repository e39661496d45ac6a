"""How DeepSeek-V4 is launched on SGLang, written down once.

>>> from dsv4_env import load_profile
>>> load_profile("flash-fp4").env["SGLANG_USE_AITER"]
'1'
"""

from __future__ import annotations

import importlib

__version__ = "0.2.0"

TYPE_CHECKING = False  # typing takes longer to import than all of `dsv4-env --help`
if TYPE_CHECKING:
    from dsv4_env.compare.differences import diff
    from dsv4_env.model import LaunchConfig
    from dsv4_env.model.errors import Dsv4Error
    from dsv4_env.profile import Profile, load_profile, profile_names

__all__ = [
    "Dsv4Error",
    "LaunchConfig",
    "Profile",
    "__version__",
    "diff",
    "load_profile",
    "profile_names",
]

# Imported on first use: a test that only wants a dict shouldn't pay for the rest.
_HOMES = {
    "Dsv4Error": "dsv4_env.model.errors",
    "LaunchConfig": "dsv4_env.model",
    "Profile": "dsv4_env.profile",
    "diff": "dsv4_env.compare.differences",
    "load_profile": "dsv4_env.profile",
    "profile_names": "dsv4_env.profile",
}


def __getattr__(name: str) -> object:
    if name in _HOMES:
        value: object = getattr(importlib.import_module(_HOMES[name]), name)
        globals()[name] = value
        return value
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
