"""Reporters: each writes a Report for one kind of reader."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from dataclasses import dataclass

from dsv4_env.model.finding import Report


@dataclass(slots=True, eq=False, repr=False)
class Reporter:
    """A format: its name on the command line and what it is for; its module has ``report``."""

    name: str
    summary: str

    def __call__(self, report: Report) -> str:
        """Write the report in this format. No secret gets into any of them."""
        from dsv4_env.reporters.concealed import concealed

        module = importlib.import_module(f"dsv4_env.reporters.{self.name}")
        function: Callable[[Report], str] = module.report
        return function(concealed(report))


REPORTERS: dict[str, Reporter] = {
    r.name: r
    for r in (
        Reporter("text", "each finding with the source of both sides"),
        Reporter("concise", "a line for each finding"),
        Reporter("changes", "a table of what was added, removed and changed"),
        Reporter("json", "everything, for programs"),
        Reporter("markdown", "for a job summary or a comment on a pull request"),
        Reporter("github", "annotations on a pull request's lines"),
        Reporter("sarif", "SARIF 2.1.0, for code scanning"),
        Reporter("junit", "JUnit's XML, a test case for each comparison"),
    )
}
