"""Secrets: what is one, by its name and by its form, and how a value is shown without it."""

from __future__ import annotations

from dsv4_env.model.secrets.forms import MASK, form_spans
from dsv4_env.model.secrets.hidden import hidden
from dsv4_env.model.secrets.names import is_secret, secret_name
from dsv4_env.model.secrets.text import scrubbed, secret_spans
from dsv4_env.model.secrets.values import masked, plain_default, plain_secret, unknown_masked

__all__ = [
    "MASK",
    "form_spans",
    "hidden",
    "is_secret",
    "masked",
    "plain_default",
    "plain_secret",
    "scrubbed",
    "secret_name",
    "secret_spans",
    "unknown_masked",
]
