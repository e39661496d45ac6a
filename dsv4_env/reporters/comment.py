"""The Markdown of a job summary, cut to what GitHub and GitLab take as a comment."""

from __future__ import annotations

from dsv4_env.model.finding import Report
from dsv4_env.reporters.markdown import within

# GitHub refuses a comment of more than 65,536 characters. Bytes are never fewer than those; what is
# left is for a heading that a workflow puts before it.
COMMENT_LIMIT = 65_000


def report(report: Report) -> str:
    """As ``markdown``, with at most 65,000 bytes; what doesn't fit is counted at the top."""
    return within(report, COMMENT_LIMIT, "what a comment may have")
