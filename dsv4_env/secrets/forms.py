"""Values that are secrets by their form, whatever they are given to."""

from __future__ import annotations

import re

MASK = "********"

# Sure enough to be looked for in any text that leaves the program.
_FORMS = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{16,}"
    r"|gh[pousr]_\w{20,}|github_pat_\w{20,}|glpat-[\w-]{16,}"
    r"|xox[abeoprs]-[\w-]{10,}|xapp-[\w-]{10,}"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"
    r"|sk-(?=[\w-]*[0-9])[\w-]{16,}|nvapi-[\w-]{20,}|AIza[\w-]{30,}|npm_[A-Za-z0-9]{30,}"
    r"|dop_v1_[0-9a-f]{32,}|pypi-AgE[\w-]{20,}"
    r"|eyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*)"
    r"|-----BEGIN[A-Z ]* PRIVATE KEY-----(?:[\w+/=\s\\:,.-]*?-----END"
    r"[A-Z ]* PRIVATE KEY-----|[\w+/=\s\\]*)"
    r"|(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[\w/-]+"
    r"|(?<=/api/webhooks/)\d+/[\w-]+"
    r"|(?<=://)(?P<user>[^\s/:@\"'<>?#,]*:)(?P<url>[^\s/@\"'<>?#]+)(?=@)"
    r"|\b[Bb]earer +(?P<bearer>[\w.~+/-]*(?=[\w.~+/-]*[0-9])[\w.~+/-]{12,}=*)"
    r"|[?&](?:access_token|api_?key|auth|key|password|sig|signature|token)="
    r"(?P<query>[^&\s\"'<>#;,]+)"
)
# What a value by itself, or a piece of source, may hold besides.
_LOOSE = re.compile(
    r"://[^\s/:@]*:(?!\d+/)(?P<url>[^\s@\"'<>]+)@|\bbearer\s+(?P<bearer>[^\s\"']+)"
    r"|\b(?P<token>sk-[\w-]{16,}|xox[abprs]-[\w-]{10,})",
    re.IGNORECASE,
)
# Upper case, as variables are: '$ecret' between single quotes is a password.
_REFERENCE = re.compile(
    r"\$[A-Z_][A-Z0-9_]*|\$\{[A-Z_][A-Z0-9_]*(?::?\?[^{}]*|:?-)?\}|\$\([A-Z_][A-Z0-9_]*\)"
    r"|\$\{\{[\w. ]*\}\}|\$env:\w+"
    r"|\{from-environment = true\}|\*{8}(?!\*)"
)


def is_reference(text: str) -> bool:
    """Whether a text only says from where a value is taken: ``$HF_TOKEN``, ``${HF_TOKEN:?}``."""
    return _REFERENCE.fullmatch(text) is not None


def form_spans(text: str, *, loose: bool = False) -> list[tuple[int, int]]:
    """From where to where a text is a secret by its form, in order.

    *loose* is for a value or a piece of source, in which a form that is less sure counts too.
    """
    found: list[tuple[int, int]] = []
    for pattern in (_FORMS, _LOOSE) if loose else (_FORMS,):
        for match in pattern.finditer(text):
            group = next((g for g in ("url", "bearer", "query") if g in match.re.groupindex
                          and match[g] is not None), 0)  # fmt: skip
            if not is_reference(match[group]):
                found.append(match.span(group))
    return sorted(found)


def without(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with each span masked; spans may overlap."""
    parts, at = [], 0
    for start, end in spans:
        if start >= at:
            parts += [text[at:start], MASK]
        at = max(at, end)
    return "".join((*parts, text[at:]))
