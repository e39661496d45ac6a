"""Values that are secrets by their form, whatever they are given to."""

from __future__ import annotations

import re

MASK = "********"

# Every pattern takes a time that grows with the text alone, however hostile that is: what may be
# long is taken whole (``++``), and begins where nothing of its kind stands before it.

# Sure enough to be looked for in any text that leaves the program.
_FORMS = re.compile(
    r"\b(?:hf_[A-Za-z0-9]{16,}+"
    r"|gh[pousr]_\w{20,}+|github_pat_\w{20,}+|glpat-[\w-]{16,}+"
    r"|xox[abeoprs]-[\w-]{10,}+|xapp-[\w-]{10,}+"
    r"|(?:AKIA|ASIA)[0-9A-Z]{16}(?![0-9A-Za-z])"
    r"|nvapi-[\w-]{20,}+|AIza[\w-]{30,}+|npm_[A-Za-z0-9]{30,}+"
    r"|dop_v1_[0-9a-f]{32,}+|pypi-AgE[\w-]{20,}+)"
    # The body ends before another key, so that none is looked at twice.
    r"|-----BEGIN[A-Z ]{0,40} PRIVATE KEY-----"
    r"(?:(?:[\w+/=\s\\:,.]|-(?!----BEGIN|----END))*+-----END[A-Z ]{0,40} PRIVATE KEY-----"
    r"|[\w+/=\s\\]*+)"
    r"|(?<=hooks\.slack\.com/)(?:services|workflows|triggers)/[\w/-]++"
    r"|(?<=/api/webhooks/)\d++/[\w-]++"
    r"|(?<=://)[^\s/:@\"'<>?#,]*+:(?P<url>[^\s/@\"'<>?#]++)(?=@)"
    r"|\b[Bb]earer ++(?P<bearer>(?=(?:[^\W\d]|[.~+/-])*+\d)[\w.~+/-]{12,}+=*+)"
    r"|[?&](?:access_token|api_?key|auth|key|password|sig|signature|token)="
    r"(?P<query>[^&\s\"'<>#;,]++)"
)
# The first of a run of such letters: if it is none, nor is one that begins later in the run.
_RUNS = re.compile(
    r"(?<![\w-])(?>(?:[\w-])*?(?<!\w)(?=sk-|eyJ))"
    r"(?P<run>sk-(?=(?:[^\W\d]|-)*+\d)[\w-]{16,}+"
    r"|eyJ[\w-]{8,}+\.[\w-]{8,}+\.[\w-]*+)"
)
# A token in the place of a user: https://TOKEN@github.com.
_USER = re.compile(
    r"(?<=://)(?P<user>[^\s/:@\"'<>?#,]{6,}+)(?=(?::(?:x-oauth-basic)?)?@(?P<host>[\w.-]{0,80}))"
)
_GIT = re.compile(r"(?:[\w-]++\.)*?(?:github|gitlab|bitbucket|huggingface|hf)\.\w++")
# Secrets that are told by their form also in a value alone, or in a piece of source.
_LOOSE = re.compile(
    r"://[^\s/:@]*+:(?!\d++/)(?P<url>(?:[^\s@\"'<>:]|:(?!//))++)@"
    r"|\bbearer\s++(?P<bearer>[^\s\"']++)"
    r"|\b(?:sk-[\w-]{16,}+|xox[abprs]-[\w-]{10,}+)",
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
    patterns = (_FORMS, _RUNS, _LOOSE) if loose else (_FORMS, _RUNS)
    for pattern in patterns:
        for match in pattern.finditer(text):
            group = match.lastgroup or 0
            if not is_reference(match[group]):
                found.append(match.span(group))
    found += [m.span("user") for m in _USER.finditer(text) if _is_token(m["user"], m["host"])]
    return sorted(found)


def _is_token(user: str, host: str) -> bool:
    """Whether the user of a URL is a token: too long for a name, or the user of a Git host."""
    if is_reference(user) or user.startswith(("$", "{")):
        return False
    long = len(user) >= 16 or (len(user) >= 8 and any(map(str.isdigit, user)))
    return long or _GIT.fullmatch(host) is not None


def with_masks(text: str, spans: list[tuple[int, int]]) -> str:
    """The text with each span masked; spans may overlap."""
    parts, at = [], 0
    for start, end in spans:
        if start >= at:
            parts += [text[at:start], MASK]
        at = max(at, end)
    return "".join((*parts, text[at:]))
