"""Secrets: what is one, by its name and by its form, and how a value is shown without it."""

from __future__ import annotations

from dsv4_env.model.secrets.forms import MASK, form_spans, with_masks
from dsv4_env.model.secrets.known import Code, known_spans, meet, session
from dsv4_env.model.secrets.names import is_secret, secret_name
from dsv4_env.model.secrets.shown import (
    hidden,
    masked,
    plain_default,
    plain_secret,
    scrubbed,
    secret_spans,
    spans_by_line,
    unknown_masked,
    without_defaults,
)

__all__ = [
    "MASK",
    "Code",
    "form_spans",
    "hidden",
    "is_secret",
    "known_spans",
    "masked",
    "meet",
    "plain_default",
    "plain_secret",
    "scrubbed",
    "secret_name",
    "secret_spans",
    "session",
    "spans_by_line",
    "unknown_masked",
    "with_masks",
    "without_defaults",
]
