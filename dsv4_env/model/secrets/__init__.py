"""Secrets: what is one, by its name and by its form, and how a value is shown without it."""

from __future__ import annotations

from dsv4_env.model.secrets.forms import (
    MASK as MASK,
    form_spans as form_spans,
    with_masks as with_masks,
)
from dsv4_env.model.secrets.known import (
    Code as Code,
    Learned as Learned,
    known_spans as known_spans,
    known_values as known_values,
    learned as learned,
    meet as meet,
    meeting as meeting,
    session as session,
)
from dsv4_env.model.secrets.names import is_secret as is_secret, secret_name as secret_name
from dsv4_env.model.secrets.shown import (
    hidden as hidden,
    masked as masked,
    plain_default as plain_default,
    plain_secret as plain_secret,
    scrubbed as scrubbed,
    secret_spans as secret_spans,
    spans_by_line as spans_by_line,
    unknown_masked as unknown_masked,
    without_defaults as without_defaults,
)
