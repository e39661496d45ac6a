"""What a test and a profile say beside the settings, held against each other.

Only what both sides say is compared: a profile without a suite finds none wrong. But the test that
a profile's suite runs has to have the profile's thresholds.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dsv4_env.compare import importance
from dsv4_env.compare.normalise import is_ignored
from dsv4_env.compare.rules import RULES
from dsv4_env.model import EnvVar, Fact, LaunchConfig, Location, Unknown, facts_told, own_default
from dsv4_env.model.finding import Finding, Severity
from dsv4_env.model.secrets import masked, scrubbed

_E, _W, _N = Severity.ERROR, Severity.WARNING, Severity.NOTE
_PATH, _VARIABLE = ("model", "path"), ("model", "path-variable")
_RULES = {
    ("launch", "timeout-seconds"): "DSV020",
    ("ci", "suite"): "DSV021",
    ("ci", "estimated-seconds"): "DSV022",
    ("ci", "nightly"): "DSV023",
    ("quality", "gsm8k-threshold"): "DSV024",
    ("quality", "accept-length-threshold"): "DSV024",
    _PATH: "DSV025",
    _VARIABLE: "DSV026",
}
_CALLED = {
    ("launch", "timeout-seconds"): "the launch timeout",
    ("ci", "suite"): "the CI suite",
    ("ci", "estimated-seconds"): "the estimated time",
    ("ci", "nightly"): "nightly",
    ("quality", "gsm8k-threshold"): "the GSM8K threshold",
    ("quality", "accept-length-threshold"): "the threshold of the accepted length",
    _PATH: "the model",
    _VARIABLE: "the model's variable",
}
_SUITE = ("ci", "suite")
_REGISTERED = re.compile(r"(?:^|/)test/registered/")  # what run_suite.py collects
_EACH = 3  # of one place that are told one by one
CHOICE = "DSV027"
IDLE, IDLE_NAME = "DSV028", "ci.runs"
_CHOOSING = frozenset({"python", "bash"})  # readers of what can say "unless it is set"


@dataclass(frozen=True, slots=True)
class FactPair:
    """A key that both sides speak of: *left* is the profile's, *right* the other's.

    None stands for a model that no variable overrides, and for a threshold or a registration that a
    test has lost.
    """

    table: str
    key: str
    left: Fact | None
    right: Fact | None

    @property
    def name(self) -> str:
        """What waivers, ``--ignore`` and severities call it: ``launch.timeout-seconds``."""
        return f"{self.table}.{self.key}"

    @property
    def unknown(self) -> Unknown | None:
        """The side whose value only a run could tell."""
        values = (f.value for f in (self.right, self.left) if f is not None)
        return next((v for v in values if isinstance(v, Unknown)), None)

    @property
    def same_name(self) -> bool:
        """Whether both are models of one name, wherever they are kept."""
        name = _called(self.left)
        return name is not None and name == _called(self.right)

    @property
    def same(self) -> bool:
        """Whether both sides say the same."""
        if self.left is None or self.right is None:
            return self.left is self.right
        return self.left.value == self.right.value


def fact_pairs(left: LaunchConfig, right: LaunchConfig) -> list[FactPair]:
    """The keys that both sides speak of, in the order of the rules."""
    found: list[FactPair] = []
    for table, key in _RULES:
        ours, theirs = (facts_told(side, table, key) for side in (left, right))
        if (table, key) == _VARIABLE:
            models = [facts_told(side, *_PATH) for side in (left, right)]
            names = {_called(m[0]) for m in models if m}
            if all(models) and len(names) == 1 and None not in names and (ours or theirs):
                one, other = (f[0] if f else None for f in (ours, theirs))
                found.append(FactPair(table, key, one, other))
            continue
        found += [FactPair(table, key, a, b) for a, b in _of_one_vendor(ours, theirs)]
        alike = any(_is_alike(a, b) for a in ours for b in theirs)
        if (table, key) == _SUITE and ours and not alike and _is_registered(right):
            found.append(FactPair(table, key, ours[0], None))
        if table == "quality" and ours and not theirs and _is_its_test(left, right):
            found.append(FactPair(table, key, ours[0], None))
    return found


def _is_registered(right: LaunchConfig) -> bool:
    """Whether the other side is a test that SGLang's CI looks for: it registers itself there.

    Where it says nothing of suites, its folder tells: all in that have to.
    """
    if right.reader != "python":
        return False
    return bool(facts_told(right, *_SUITE)) or _REGISTERED.search(right.name) is not None


def _is_its_test(left: LaunchConfig, right: LaunchConfig) -> bool:
    """Whether the other side is a test of the profile's suite, of which all it accepts is known.

    Other tests of a profile may accept anything: that one has no threshold says nothing there.
    """
    suites = (facts_told(side, "ci", "suite") for side in (left, right))
    known = right.reader == "python" and all(f.key for f in right.facts)
    return known and any(a.value == b.value for a, b in _of_one_vendor(*suites))


def _is_alike(a: Fact, b: Fact) -> bool:
    """Whether two facts may be about the same CI."""
    return not a.vendor or not b.vendor or a.vendor == b.vendor


def _of_one_vendor(ours: Sequence[Fact], theirs: Sequence[Fact]) -> Iterator[tuple[Fact, Fact]]:
    """Facts of both sides that are about the same CI: one that names no vendor's is of the only."""
    for a in ours:
        same = [b for b in theirs if _is_alike(a, b)]
        vendors = {b.vendor for b in same}
        if len(vendors) == 1:
            yield a, next((b for b in same if b.value == a.value), same[0])


def fact_findings(
    left: LaunchConfig,
    right: LaunchConfig,
    *,
    ignore: Sequence[str] = (),
    severities: Mapping[str, Severity] | None = None,
    model_compared: bool = False,
) -> tuple[list[Finding], list[str]]:
    """What differs beside the settings, and the names of all that was compared.

    *severities* are the user's own patterns; *model_compared* says that ``--model-path`` is
    compared as a setting, and so isn't here.
    """
    findings: list[Finding] = []
    compared: list[str] = []
    two = left.reader == right.reader == "profile"  # each has a model of its own
    for pair in fact_pairs(left, right):
        settled = pair.table == "model" and (two or (model_compared and pair.key == "path"))
        if settled or is_ignored(pair.name, ignore):
            continue
        compared.append(pair.name)
        found = _finding(pair, left, right)
        if found is not None:
            findings.append(_judged(found, severities))
    idle = [] if two or is_ignored(IDLE_NAME, ignore) else list(_idle(left, right))
    findings += [_judged(f, severities) for f in idle]
    chosen = (c for c in choices(left, right) if not is_ignored(c.subject, ignore))
    return [*findings, *(_judged(c, severities) for c in chosen)], compared


def _idle(left: LaunchConfig, right: LaunchConfig) -> Iterator[Finding]:
    """That CI runs nothing of a test: it is disabled or skipped, which somebody decided."""
    if left.reader != "profile":
        return
    vendors = {f.vendor for f in facts_told(left, *_SUITE) if f.vendor}
    told: set[tuple[str, Location | None]] = set()
    for note in right.notes:
        key = note.message, note.location
        if not note.idle or key in told or (note.vendor and vendors and note.vendor not in vendors):
            continue
        told.add(key)
        place = note.location or right.location
        effect = ("CI doesn't run it",)
        yield Finding(RULES[IDLE], _N, IDLE_NAME, scrubbed(note.message), place, effect=effect)


def _judged(finding: Finding, severities: Mapping[str, Severity] | None) -> Finding:
    """The finding, as bad as the user's own patterns say."""
    own = importance.asked(finding.subject, severities)
    return finding if own is None else replace(finding, severity=own)


def _finding(pair: FactPair, left: LaunchConfig, right: LaunchConfig) -> Finding | None:
    place = (pair.right.location if pair.right else None) or right.location
    related = (pair.left.location if pair.left else None) or left.location
    name = _CALLED[pair.table, pair.key]
    if (why := pair.unknown) is not None:
        whose = left.name if pair.left and pair.left.value is why else ""
        other = pair.right if whose else pair.left
        has = f"; {right.name if whose else left.name} has {_shown(other)}"
        message = f"{name} can't be known{has}"
        return Finding(
            RULES["DSV005"],
            _N,
            pair.name,
            message,
            place,
            related,
            action="write its value out",
            effect=(f"{scrubbed(why.text)}: {scrubbed(why.reason)}",),
        )
    if pair.same:
        return None
    rule = RULES[_RULES[pair.table, pair.key]]
    severity, hint = _weighed(pair)
    action = "write that"
    ours, theirs = (f and _shown(f) for f in (pair.left, pair.right))
    if pair.right is None and pair.table == "quality":
        message = f"nothing is held against {name}; {left.name} has {ours}"
        action, hint = "hold that against it", "it accepts any result"
    elif pair.right is None and pair.table == "ci":
        vendor = pair.left.vendor if pair.left is not None else ""
        called = f"register_{vendor}_ci" if vendor else "register_*_ci"
        message = f"no {called} registers it for a suite; {left.name} has {ours}"
        action, hint = "register it", "CI doesn't run it there"
    elif pair.right is None:
        message = f"no variable overrides the model; {left.name} takes it from {ours} where set"
        action = "read that first"
        place = next((f.location for f in facts_told(right, *_PATH)), place)
    elif pair.left is None:
        message = f"{theirs} may override the model; {left.name} has no variable for it"
        action = "don't read it"
        related = next((f.location for f in facts_told(left, *_PATH)), related)
    else:
        message = f"{name} is {theirs}; {left.name} has {ours}"
    if left.reader != "profile" or right.reader == "profile":
        action = ""  # none of them is the one to follow
    sides = ours or "none", theirs or "none"
    found = Finding(rule, severity, pair.name, message, place, related, *sides, action=action)
    return found.with_effect(hint)


def _weighed(pair: FactPair) -> tuple[Severity, str]:
    """How bad a difference is, and what it leads to."""
    if pair.left is None:
        return _N, ""
    if pair.right is None:
        return _W, ""
    ours, theirs = pair.left.value, pair.right.value
    less = isinstance(ours, int | float) and isinstance(theirs, int | float) and theirs < ours
    if pair.key == "timeout-seconds":
        return (_E, "it ends launches that the profile lets load") if less else (_W, "")
    if pair.table == "quality":
        return (_E, "it accepts worse results") if less else (_W, "")
    if pair.key == "path":
        same = _called(pair.left) == _called(pair.right)
        return (_N, "both have the same name") if same else (_E, "")
    return (_N if pair.key == "estimated-seconds" else _W), ""


def _called(model: Fact | None) -> str | None:
    """The name of a model, wherever it is kept; None where that isn't known."""
    if model is None or isinstance(model.value, Unknown):
        return None
    return posixpath.basename(str(model.value).rstrip("/")).casefold()


def _shown(fact: Fact | None) -> str:
    """A fact's value as a report shows it."""
    if fact is None:
        return "none"
    if isinstance(fact.value, bool):
        return str(fact.value).lower()
    if isinstance(fact.value, int | float):
        return f"{fact.value} s" if fact.key.endswith("-seconds") else f"{fact.value}"
    if fact.key == "path-variable":
        return str(fact.value)
    text = fact.value.text if isinstance(fact.value, Unknown) else str(fact.value)
    return f'"{masked(fact.key, text)}"'


def choices(left: LaunchConfig, right: LaunchConfig, *, each: bool = False) -> Iterator[Finding]:
    """Variables of one value that the outside may override on one side alone.

    Many of one place are one finding, unless *each* is asked for.
    """
    if left.reader != "profile" or right.reader not in _CHOOSING:
        return
    theirs = right.effective_env
    found: dict[tuple[bool, Location | None], list[tuple[EnvVar, str]]] = {}
    for name, ours in left.effective_env.items():
        other = theirs.get(name)
        if other is None or other.condition is not None:
            continue
        mine, its = own_default(name, ours.value), own_default(name, other.value)
        free = its is not None and ours.value == its
        # A script's value may be its own, or what it has where nothing is set: that isn't told.
        fixed = mine is not None and other.value == mine and right.reader == "python"
        if free or fixed:
            shown = masked(name, its or mine or "")
            found.setdefault((free, _place(other, right)), []).append((ours, shown))
    severity = _W if right.reader == "python" else _N
    for (free, place), settings in found.items():
        many = len(settings) > _EACH and not each
        for ours, shown in settings[:1] if many else settings:
            name = f"{len(settings)} of {left.name}" if many else ours.name
            values = ", ".join(e.name for e, _ in settings) if many else f'"{shown}"'
            if free:
                what = f"{len(settings)} variables" if many else ours.name
                message = f"the environment may override {what}; {left.name} fixes "
                message += f"them: {values}" if many else f"it to {values}"
            else:
                what = f"{len(settings)} variables are fixed" if many else f"{ours.name} is fixed"
                message = f"{what} to {values}" if not many else f"{what}: {values}"
                message += f"; {left.name} lets the environment override "
                message += "them" if many else "it"
            sides = [f'"{shown}"', f'"{shown}" unless {ours.name} is set']
            one, two = ("fixed", "free") if many else sides
            given = (one, two) if free else (two, one)
            it = "them" if many else "it"
            action = f"fix {it}, too" if free else "let it, too"
            yield Finding(
                RULES[CHOICE], severity, name, message, place, ours.location, *given, action=action
            )


def _place(setting: EnvVar, right: LaunchConfig) -> Location | None:
    """Where a setting stands in the file that is held, if it does."""
    at, own = setting.location, right.location
    return at if at is not None and (own is None or at.path == own.path) else own
