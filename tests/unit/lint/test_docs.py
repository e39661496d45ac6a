"""The documentation of the lint rules: every example is run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsv4_env import load_profile
from dsv4_env.catalogue import load
from dsv4_env.lint import LINT_RULES, lint
from dsv4_env.lint.docs import Example, rule_docs
from dsv4_env.readers import bash
from dsv4_env.reporters.layout import INDENT, WIDEST, fits

if TYPE_CHECKING:
    from pathlib import Path

    from dsv4_env.model.finding import Finding

EXAMPLES = [(s.id, e) for s in rule_docs().values() for e in s.examples]


def findings(example: Example, folder: Path) -> list[Finding]:
    catalogue = load(example.release)
    if example.language == "toml":
        (folder / "mine.toml").write_text(example.code)
        profile = load_profile("mine", folder)
        return lint(profile.config, catalogue, range_=profile.sglang_range)
    launches = bash.read_all(example.code, "s.sh")
    return [
        f for c in launches for f in lint(c, catalogue, script=example.code, launches=(*launches,))
    ]


def test_every_rule_has_a_section_with_a_bad_and_a_good_example() -> None:
    assert [(s.id, s.name) for s in rule_docs().values()] == [
        (r.rule.id, r.rule.name) for r in LINT_RULES.values()
    ]
    for section in rule_docs().values():
        assert [e.bad for e in section.examples] == [True, False], section.id


@pytest.mark.parametrize(
    ("id_", "example"), EXAMPLES, ids=[f"{i}-{'bad' if e.bad else 'good'}" for i, e in EXAMPLES]
)
def test_examples(id_: str, example: Example, tmp_path: Path) -> None:
    found = findings(example, tmp_path)
    assert {f.rule.id for f in found} == ({id_} if example.bad else set())
    for each in found:  # says what to do, in a line
        assert each.action, each.text
        assert fits(each.sentence, WIDEST - len(INDENT)), each.sentence
