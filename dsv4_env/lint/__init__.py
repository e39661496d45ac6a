"""Lint: what one release of SGLang would make of a launch, as findings with stable ids."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from functools import cache, partial

from dsv4_env.catalogue import Catalogue
from dsv4_env.catalogue.arguments import regrouped
from dsv4_env.lint import effects, flags, launches, variables
from dsv4_env.lint.subject import LintProblem, Subject
from dsv4_env.model import LaunchConfig, Location
from dsv4_env.model.errors import UsageError, did_you_mean
from dsv4_env.model.finding import Finding, Rule, Severity
from dsv4_env.model.secrets import without_defaults
from dsv4_env.plan.platforms import Platform

__all__ = ["LINT_RULES", "PLANNING", "LintProblem", "LintRule", "Subject", "lint", "rule_ids"]


@dataclass(frozen=True, slots=True)
class LintRule:
    """A rule and the functions that find it."""

    rule: Rule
    find: tuple[Callable[[Subject], Iterable[LintProblem]], ...]


_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE


def _rule(
    id_: str,
    name: str,
    severity: Severity,
    summary: str,
    *find: Callable[[Subject], Iterable[LintProblem]],
) -> LintRule:
    return LintRule(Rule(id_, name, severity, summary), find)


LINT_RULES: dict[str, LintRule] = {
    r.rule.id: r
    for r in (
        _rule("DSV101", "unknown-variable", _W, "SGLang ignores the variable",
              variables.unknown_variable),
        _rule("DSV102", "removed-variable", _W, "SGLang reads it no more", variables.removed),
        _rule("DSV103", "deprecated-variable", _W, "an old name", variables.deprecated_variable),
        _rule("DSV104", "both-names", _W, "old and new name are set", variables.both_names),
        _rule("DSV105", "invalid-value", _W, "SGLang can't read it", variables.invalid_variable),
        _rule("DSV106", "default-value", _N, "set to the default", variables.default_variable,
              flags.default_flag),
        _rule("DSV107", "unread-variable", _N, "declared, never read", variables.unread),
        _rule("DSV108", "unknown-argument", _E, "SGLang stops on the flag", flags.unknown_flag,
              flags.unrecognized),
        _rule("DSV109", "ambiguous-flag", _E, "short for several flags", flags.ambiguous),
        _rule("DSV110", "abbreviated-flag", _W, "not the whole flag", flags.abbreviated),
        _rule("DSV111", "deprecated-flag", _W, "an old flag", flags.deprecated_flag),
        _rule("DSV112", "invalid-argument", _E, "the parser refuses it", flags.invalid_flag),
        _rule("DSV113", "set-twice", _W, "the last one wins", launches.overridden),
        _rule("DSV114", "conflict", _W, "settings contradict each other", flags.conflict),
        _rule("DSV115", "secret", _W, "a secret in plain text", launches.secret_value),
        _rule("DSV116", "unquoted", _W, "bash may split a word", launches.unquoted_expansion),
        _rule("DSV117", "export-after-launch", _W, "comes too late", launches.export_after),
        _rule("DSV118", "outside-range", _W, "not meant for it", launches.outside_range),
        _rule("DSV119", "config-ignored", _W, "SGLang doesn't read the file",
              flags.config_ignored),
        _rule("DSV120", "odd-character", _W, "a dash, quote or blank that isn't meant",
              flags.odd_characters),
        _rule("DSV121", "not-exported", _W, "the server doesn't get it", launches.not_exported),
        _rule("DSV122", "overwritten", _W, "SGLang makes it another value", effects.overwritten),
        _rule("DSV123", "refused-launch", _E, "SGLang stops on the combination", effects.refused),
    )
}  # fmt: skip

PLANNING = ("DSV122", "DSV123")  # rules that plan the launch


def rule_ids(words: Collection[str]) -> frozenset[str]:
    """The ids of rules given by id or name, in any case. Raises UsageError for any other word."""
    known = {r.rule.name: i for i, r in LINT_RULES.items()} | {i.lower(): i for i in LINT_RULES}
    for word in words:
        if word.lower() not in known:
            raise UsageError(
                f"no such rule: {word}",
                expected=f"an id from {min(LINT_RULES)} to {max(LINT_RULES)}, or a rule's name",
                hint=did_you_mean(word, [*LINT_RULES, *(r.rule.name for r in LINT_RULES.values())]),
            )
    return frozenset(known[w.lower()] for w in words)


def lint(
    config: LaunchConfig,
    catalogue: Catalogue,
    *,
    range_: str | None = None,
    range_at: Location | None = None,
    script: str | None = None,
    text: str | None = None,
    launches: tuple[LaunchConfig, ...] = (),
    select: Collection[str] = (),
    ignore: Collection[str] = (),
    on: Platform | None = None,
    model: str | None = None,
) -> list[Finding]:
    """What the rules say of one launch, read as the catalogue's release would read it.

    *range_* is the PEP 440 range that a profile states; *script* is the text of the script that
    the launch was read from, if it is bash (without it, rules about quotes and order say
    nothing), *text* that of a file of any kind (without either, nothing is said of secrets in
    it), *launches* all launches of that file. *select* and *ignore* hold ids of rules. *on* is the
    hardware that the launch is meant for: without it, what SGLang's own work comes to on some
    hardware alone is a note. *model* is the model where the launch doesn't say it.
    """
    read = regrouped(without_defaults(config), catalogue)
    subject = Subject(
        read,
        catalogue,
        range_,
        range_at,
        script,
        launches or (config,),
        script if text is None else text,
        on,
        cache(partial(effects.plans, read, catalogue, on, model)),
    )
    found: list[Finding] = []
    for id_, entry in LINT_RULES.items():
        if id_ in ignore or (select and id_ not in select):
            continue
        for find in entry.find:
            found += [_finding(entry.rule, p) for p in find(subject)]
    return found


def _finding(rule: Rule, problem: LintProblem) -> Finding:
    when = f"when {problem.condition}" if problem.condition else ""
    return Finding(
        rule,
        problem.severity or rule.severity,
        problem.subject,
        problem.message,
        problem.location,
        problem.related,
        effect=tuple(filter(None, (problem.effect, when))),
        action=problem.action,
    )
