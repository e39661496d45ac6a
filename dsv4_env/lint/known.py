"""Every rule there is, of checks and of lint, and what there is to say of one."""

from __future__ import annotations

from dsv4_env.compare.rules import RULES
from dsv4_env.lint import LINT_RULES
from dsv4_env.lint.docs import rule_docs
from dsv4_env.model.finding import Rule


def all_rules() -> dict[str, Rule]:
    """The rules of checks and of lint, by id."""
    return {**RULES, **{id_: entry.rule for id_, entry in LINT_RULES.items()}}


def rule_text(rule: Rule) -> str:
    """What there is to say of a rule, as Markdown."""
    if rule.id in rule_docs():
        return rule_docs()[rule.id].text
    said = f"{rule.severity.capitalize()}: {rule.summary}."
    return f"## {rule.id} {rule.name}\n\n{said}\n\n{rule.help}\n"
