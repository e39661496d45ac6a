"""A value as it may be shown, and whether one may be kept in a file."""

from __future__ import annotations

import re

from dsv4_env.model import Unknown, Value
from dsv4_env.model.secrets.forms import MASK, is_reference
from dsv4_env.model.secrets.known import known_spans
from dsv4_env.model.secrets.names import is_secret, secret_name
from dsv4_env.model.secrets.text import named_spans, scrubbed

# What stands for a secret where there is none.
_STANDS_IN = re.compile(r"(?i)[-+]?[0-9.]*|true|false|yes|no|none|auto|empty|dummy|x+|\*+")


def masked(name: str, value: str) -> str:
    """The value of a variable or flag as it may be shown; a reference (``$HF_TOKEN``) is."""
    if not value or is_reference(value):
        return value
    return MASK if secret_name(name, value) else scrubbed(value)


def unknown_masked(name: str, value: Unknown, text: str) -> str:
    """The text or the default of a value that isn't known, as it may be shown.

    It is a secret, too, where one of the variables that decide it is a secret's:
    ``"${API_KEY:-abc}"`` is abc where there is no API_KEY.
    """
    shown = masked(name, text)
    if shown != MASK and text == value.default and any(secret_name(n, text) for n in value.names):
        return MASK
    return shown


def plain_secret(name: str, value: str, *, taken: bool = True) -> bool:
    """Whether a value is a secret that no file should hold, rather than what stands for one.

    *taken* says that one which holds a secret of another name in the run is one, too.
    """
    if _STANDS_IN.fullmatch(value) or is_reference(value):
        return False
    if is_secret(name, value) or named_spans(value):
        return True
    return taken and bool(known_spans(value))


def plain_default(value: Value) -> bool:
    """Whether a secret stands in what a value is by default: ``${API_KEY:-abc}``."""
    if not isinstance(value, Unknown) or not value.default:
        return False
    return any(plain_secret(name, value.default) for name in value.names if secret_name(name))
