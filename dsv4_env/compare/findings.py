"""What a comparison finds, as findings with stable ids."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence, Set as AbstractSet
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from dsv4_env.catalogue import TREE
from dsv4_env.catalogue.semantics import invalid
from dsv4_env.compare import importance
from dsv4_env.compare.differences import Difference, Kind, diff
from dsv4_env.compare.equivalence import dest, diff_as_read
from dsv4_env.compare.facts import fact_findings
from dsv4_env.compare.normalise import (
    LOCAL,
    POSITIONAL,
    as_started,
    compared_sections,
    is_ignored,
    is_open,
    kept,
    open_words,
)
from dsv4_env.compare.rules import RULES
from dsv4_env.model import (
    HANDED_ON,
    EnvVar,
    LaunchConfig,
    Location,
    Note,
    Outside,
    ServerArg,
    Unknown,
    Value,
    handed_on,
    lost_launch,
    unexported,
)
from dsv4_env.model.condition import Condition, covers
from dsv4_env.model.errors import shortened
from dsv4_env.model.finding import (
    Comparison,
    Finding,
    Report,
    Rule,
    Severity,
    read_as,
    read_as_tree,
)
from dsv4_env.model.secrets import MASK, masked, scrubbed, secret_name, unknown_masked
from dsv4_env.model.style import count

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue

_BY_KIND = {
    Kind.REMOVED: "DSV001",
    Kind.ADDED: "DSV002",
    Kind.CHANGED: "DSV003",
    Kind.REORDERED: "DSV004",
    Kind.UNKNOWN: "DSV005",
    Kind.RENAMED: "DSV008",
    Kind.EQUIVALENT: "DSV009",
}


def compared(
    left: LaunchConfig,
    right: LaunchConfig,
    *,
    ignore: Sequence[str] = (),
    compare: Sequence[str] = (),
    catalogue: Catalogue | None = None,
    given: Mapping[str, str] | None = None,
) -> list[Difference]:
    """The differences that :func:`compare_launches` reports, as they are.

    Those that are none where the environment has the *given* variables are left out.
    """
    a, b = (kept(side, ignore, compare, catalogue)[0] for side in (left, right))
    found = _differences(a, b, catalogue)
    started = as_started(a, given, b) if given else a
    if started is a:
        return found
    left_over = {(d.kind, d.name) for d in _differences(started, b, catalogue)}
    return [d for d in found if (d.kind, d.name) in left_over]


def compare_launches(
    left: LaunchConfig,
    right: LaunchConfig,
    *,
    ignore: Sequence[str] = (),
    compare: Sequence[str] = (),
    catalogue: Catalogue | None = None,
    show_equivalent: bool = False,
    severities: Mapping[str, Severity] | None = None,
    beside: bool = True,
) -> Comparison:
    """Hold *right* against *left* (the profile, where there is one).

    With a *catalogue*, what that release of SGLang reads the same is no drift; it is only
    counted, unless *show_equivalent*. Without one, every letter counts. How bad a difference is
    depends on the setting (:mod:`importance`); *severities* are the user's own patterns for it.
    *beside*: what a test says beside its settings counts, too.
    """
    a, out_a = kept(left, ignore, compare, catalogue)
    b, out_b = kept(right, ignore, compare, catalogue)
    sections = compared_sections(a, b)
    left_out = {n for n in out_a | out_b if ("args" if n.startswith("-") else "env") in sections}
    found = _differences(a, b, catalogue)
    same = [d for d in found if d.kind is Kind.EQUIVALENT]
    found, unseen = _unseen(found, b)
    files = _files(left)
    findings = [
        _finding(d, left, right, catalogue, severities, files)
        for d in found
        if show_equivalent or d.kind is not Kind.EQUIVALENT
    ]
    findings += [_may_be_set(part, left) for part in unseen]
    if right.reader != "profile" and "env" in sections:
        findings += _twice(b)
    findings += map(_stops, (n for n in right.notes if n.refused))
    findings += [partial_finding(c) for c in (left, right) if c.partial]
    if left.reader == "profile":
        findings += _other_profile(left, right)
    put_back = any("--model-path" in _flags(side) for side in (a, b))
    facts: list[str] = []
    if beside:
        told, facts = fact_findings(
            left, right, ignore=ignore, severities=severities, model_compared=put_back
        )
        findings += told
    names = {n for c in (a, b) for n in _names(c, catalogue) if n[0] in sections}
    own = (n for c in (left, right) for n in c.notes if not c.partial or not in_finding(n))
    if beside and left.reader == "profile":  # a finding tells it
        own = (n for n in own if not n.idle)
    notes = list(dict.fromkeys(n.message for n in own if not n.refused))
    if "model.path" in facts:
        left_out -= {flag for flag, name in LOCAL.items() if name == "model-path"}
    if local := sorted(n for n in left_out if not is_ignored(n, ignore)):
        notes.append(f"not compared: {', '.join(local)} (put one back with --compare NAME)")
    if ignored := sorted(left_out - set(local)):
        notes.append(f"ignored: {', '.join(ignored)}")
    if catalogue is not None:
        notes.append(read_by(catalogue))
    if same and not show_equivalent:
        notes.append(_alike(same))
    unknown = sum(f.rule.id == "DSV005" for f in findings)  # those of facts, too
    unknown += sum(len(p.names) or 1 for p in unseen)
    return Comparison(
        left.name,
        right.name,
        tuple(findings),
        len(names),
        unknown,
        tuple(notes),
        left.location,
        right.location,
        release="" if catalogue is None else catalogue.release,
        tree=tree_of(catalogue),
        facts=len(facts),
    )


def _alike(same: Sequence[Difference]) -> str:
    """The note on what SGLang sees no difference in."""
    placed = sum(d.placed for d in same)
    spelled = len(same) - placed
    are, mean = ("is", "means") if spelled == 1 else ("are", "mean")
    stand = "stands" if placed == 1 else "stand"
    differently = f"{count(spelled, 'setting')} {are} spelled differently and"
    if not placed:
        said = f"{differently} {mean} the same"
    elif not spelled:
        said = f"{count(placed, 'setting')} {stand} in another order, to the same effect"
    else:
        said = f"{differently} {placed:,} {stand} in another order, to the same effect"
    return f"{said} (--show-equivalent says why)"


def _flags(config: LaunchConfig) -> set[str | None]:
    return {a.flag for a in config.args or ()}


def tree_of(catalogue: Catalogue | None) -> str:
    """What a checkout's own SGLang is called; empty for a release, and for none."""
    return catalogue.label if catalogue is not None and catalogue.release == TREE else ""


def read_by(catalogue: Catalogue) -> str:
    """The note on whose reading counted."""
    tree = tree_of(catalogue)
    return read_as_tree(tree) if tree else read_as(catalogue.release)


_ORDER = list(Severity)


def in_finding(note: Note) -> bool:
    """Whether a note of a launch that was read in part is told by the finding that says so."""
    return bool(note.ended or note.lost)


def _stops(note: Note) -> Finding:
    rule = RULES["DSV019"]
    message = f"it stops here, before a launch: {note.refused}"
    return Finding(rule, rule.severity, "launch", message, note.location, action="mend it")


def partial_finding(config: LaunchConfig) -> Finding:
    """What is to be said of a launch of whose file only a part was read."""
    rule = RULES["DSV007"]
    note = next((n for n in config.notes if n.ended), None)
    lost = [n for n in config.notes if n.lost]
    if note is None and lost:
        more = f" (and {len(lost) - 1} more)" if len(lost) > 1 else ""
        message = f"{lost_launch(lost[0].lost, None).message}{more}"
        action = "write its command out where it runs"
        return Finding(rule, rule.severity, config.name, message, lost[0].location, action=action)
    if note is None:  # nothing ended the reading: some of the ways to the launch weren't followed
        message = "only a part of what leads to this launch was read"
        action = "look at the rest yourself"
        return Finding(rule, rule.severity, config.name, message, config.location, action=action)
    message = f"only what stands before this syntax error was read: {note.ended}"
    return Finding(rule, rule.severity, config.name, message, note.location, action="mend it")


def _other_profile(left: LaunchConfig, right: LaunchConfig) -> Iterator[Finding]:
    rule = RULES["DSV017"]
    for note in right.notes:
        if note.profile and note.profile != left.name:
            message = f"it takes its settings from {note.profile}, not from {left.name}"
            where = note.location or right.location
            action = "name the same in both"
            yield Finding(
                rule, rule.severity, note.profile, message, where, left.location, action=action
            )


def strictly(report: Report) -> Report:
    """The report in which what can't be known is an error."""

    def strict(finding: Finding) -> Finding:
        unknown = finding.rule.id in ("DSV005", "DSV016")
        return replace(finding, severity=Severity.ERROR) if unknown else finding

    comparisons = (replace(c, findings=tuple(map(strict, c.findings))) for c in report.comparisons)
    return replace(report, comparisons=tuple(comparisons))


@dataclass(frozen=True, slots=True)
class _Unseen:
    """Settings that aren't seen, and that something which can't be known may make."""

    section: str
    names: tuple[str, ...]
    what: str
    location: Location | None
    action: str


def _unseen(found: list[Difference], right: LaunchConfig) -> tuple[list[Difference], list[_Unseen]]:
    """The differences without those of settings that may be made where nothing can be known.

    Those are told once for each section, by the first place of its kind.
    """
    note = next((n for n in right.notes if n.opens), None)
    word = next(open_words(right), None)
    unseen: list[_Unseen] = []
    seen: list[Difference] = []
    names: dict[str, list[str]] = {"env": [], "args": []}
    more = False
    for d in found:
        words = d.section == "args" and d.name == POSITIONAL
        if words and word is not None and all(isinstance(w, Unknown) for w in d.right or ()):
            more = True
            continue  # the words themselves: what they may hold is told
        if d.section == "args" and d.conditional and _filled(right, d.condition):
            names["args"].append(d.name)
        elif d.kind is Kind.REMOVED and (note if d.section == "env" else word) is not None:
            names[d.section].append(d.name)
        elif d.section == "env" and d.kind is Kind.UNKNOWN and _opened(right, d.right):
            names["env"].append(d.name)
        else:
            seen.append(d)
    if names["env"] and note is not None:
        where = note.location or right.location
        action = note.settled or "write out what is set there"
        unseen.append(_Unseen("env", tuple(names["env"]), note.message, where, action))
    if word is not None and (names["args"] or more):
        what = f"`{scrubbed(word.text)}` may hold any flags: {scrubbed(word.reason)}"
        where = word.location or right.location
        action = settled_by(word) or "write out what it holds"
        unseen.append(_Unseen("args", tuple(names["args"]), what, where, action))
    return seen, unseen


def _filled(config: LaunchConfig, condition: Condition | None) -> bool:
    """Whether there are words that may be any flags wherever a condition doesn't hold.

    Those that are always there don't count: the condition is known beside them.
    """
    found = [a.condition for a in config.args or () if a.condition and _any_flags(a)]
    return bool(found) and covers([condition, *found])


def _any_flags(arg: ServerArg) -> bool:
    return arg.flag is None and any(is_open(w) for w in arg.values)


def _opened(config: LaunchConfig, words: Sequence[Value] | None) -> Note | None:
    """The note on what may have set any variable that keeps a value from being known, if any."""
    for word in words or ():
        if isinstance(word, Unknown):
            cause = word.reason.removesuffix(" override it")
            found = next((n for n in config.notes if n.opens and cause in n.message), None)
            if found is not None:
                return found
    return None


def settled_by(word: Unknown) -> str:
    """What to do for an unknown word to be known; empty where no option tells it."""
    given = [n for n in word.names if not n.isidentifier()]
    if given or word.text.strip('"') in ("$@", "$*", "${@}", "${*}"):
        return "tell its words with --arg WORD"
    return f"tell it with --set {word.names[0]}=VALUE" if word.names else ""


def _may_be_set(part: _Unseen, left: LaunchConfig) -> Finding:
    rule = RULES["DSV016"]
    names = part.names
    more: tuple[str, ...] = (part.what,)
    if not names:
        subject, message = "more flags", f"whether this changes what {left.name} has can't be known"
    else:
        kind = "variable" if part.section == "env" else "flag"
        counted = count(len(names), kind)
        subject = names[0] if len(names) == 1 else f"{counted} of {left.name}"
        message = f"{counted} of {left.name} can't be known"
        listed = ", ".join(names[:_LISTED]) + (", …" if len(names) > _LISTED else "")
        more = (*more, f"{'it is' if len(names) == 1 else 'they are'} {listed}")
    return Finding(
        rule, rule.severity, subject, message, part.location, effect=more, action=part.action
    )


_LISTED = 12  # names in one message


def _differences(
    left: LaunchConfig, right: LaunchConfig, catalogue: Catalogue | None
) -> list[Difference]:
    return diff(left, right) if catalogue is None else diff_as_read(left, right, catalogue)


def _names(config: LaunchConfig, catalogue: Catalogue | None) -> set[tuple[str, str]]:
    flags = {a.flag or "" for a in config.args or ()}
    if catalogue is not None:
        flags = {dest(catalogue, flag) for flag in flags}
    return {*(("env", e.name) for e in config.env), *(("args", flag) for flag in flags)}


def _twice(config: LaunchConfig) -> list[Finding]:
    rule = RULES["DSV006"]
    after: dict[str, EnvVar] = {}
    next_of: list[EnvVar | None] = []
    for e in reversed(config.env):
        next_of.append(after.get(e.name))
        after[e.name] = e
    return [
        Finding(
            rule,
            rule.severity,
            e.name,
            f"{e.name} is set to {show(e.name, (e.value,))} here and again later: the last wins",
            e.location,
            config.effective_env[e.name].location,
            action="remove this one",
        )
        for e, later in zip(config.env, reversed(next_of), strict=True)
        if e.superseded
        and not _goes_on(e, later)
        and not any(_opened(config, [v]) for v in (e.value, config.effective_env[e.name].value))
    ]


def _goes_on(earlier: EnvVar, later: EnvVar | None) -> bool:
    """Whether a setting makes its value of the one before: ``A=x``, then ``A="${A:-y}"``.

    Or it stands for an empty one alone, as a profile's value does that the outside may override.
    """
    if later is None:
        return False
    a, b = earlier.value, later.value
    if isinstance(a, Unknown) and isinstance(b, Unknown) and (a.text, a.names) == (b.text, b.names):
        return a.default == "" and bool(b.default)
    spelled = later.origin.value or ""
    if spelled.startswith("{default"):  # as a layer says so
        return True
    read = _READ.findall(spelled) if later.origin.name == "bash" else ()
    return earlier.name in read


_READ = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_SHOWN = 300  # characters of a value: some three lines of a terminal
FROM_OUTSIDE = "from the environment"


def show(name: str, words: Sequence[Value], condition: Condition | None = None) -> str:
    """A setting's value as a report shows it: quoted, secrets masked, unknowns as source text.

    *condition* is what must hold for it to be made.
    """
    if len(words) == 1 and handed_on(name, words[0], condition):
        return HANDED_ON
    words = words[1:] if words and words[0] == name else words
    if not words:
        return "set" if name.startswith("-") else '""'
    if isinstance(words[0], Outside):
        return FROM_OUTSIDE
    texts = [w if isinstance(w, str) else _unknown(name, w) for w in words]
    unknown = [w for w in words if isinstance(w, Unknown)]
    text = texts[0].removeprefix(f"{name}=")
    if len(texts) > 1:
        text = " ".join(shlex.quote(t) for t in texts)
    text = shortened(masked(name, text), _SHOWN)
    if any(w.default is None for w in unknown) and text != MASK:
        return f"<{text}>"
    text = '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    names = " or ".join(dict.fromkeys(n for w in unknown for n in w.names))
    return f"{text} unless {names} is set" if names else text


def when(name: str, words: Sequence[Value], condition: Condition | None) -> str:
    """What is said beside a setting's value of when it's made, empty where it always is."""
    if not unexported(name, condition):
        return f"when {condition}" if condition else ""
    value = words[0] if len(words) == 1 else None
    if not isinstance(value, Unknown) or not handed_on(name, value, condition):
        return f"when {condition}: it isn't exported"
    if not value.default:
        return ""
    told = show(name, [unknown_masked(name, value, value.default)])
    if value.text.startswith(f"${{{name}:-"):
        return f"{told} isn't exported, and replaces only an empty one"
    return f"{told} isn't exported"


def _unknown(name: str, word: Unknown) -> str:
    """What is said of a value that isn't known: its default, else its source."""
    return word.text if word.default is None else unknown_masked(name, word, word.default)


def _finding(
    difference: Difference,
    left: LaunchConfig,
    right: LaunchConfig,
    catalogue: Catalogue | None,
    severities: Mapping[str, Severity] | None,
    files: AbstractSet[str],
) -> Finding:
    d = difference
    rule = RULES[_BY_KIND[d.kind]]
    severity = _severity(d, rule, severities)
    if d.kind is Kind.CHANGED and any(isinstance(w, Outside) for w in d.left or ()):
        severity = min(severity, Severity.WARNING, key=_ORDER.index)  # a secret, and in the file
    other = d.right_name or d.name
    ours = None if d.left is None else show(d.name, d.left, _condition(left, d))
    theirs = None if d.right is None else show(other, d.right, d.condition)
    location = d.right_location or right.location
    if location is not None and right.reader != "profile" and location.path in files:
        location = right.location  # taken from the profile: what changes it stands by the launch
    told = d.right if d.right is not None else d.left or ()
    holds = when(d.name, told, d.condition)
    if d.conditional and not unexported(d.name, d.condition):
        holds = ""  # the message says it
    effect: str | None = None
    if d.kind is Kind.REMOVED:
        message = f"{d.name} is missing; {_has(left.name, ours)}"
    elif d.kind is Kind.ADDED:
        message = f"{d.name} is {theirs}; {left.name} doesn't have it"
    elif d.kind is Kind.RENAMED:
        message = f"{other} is {theirs}; {left.name} has {d.name} {ours}"
        effect = d.reason
        forwarded = [v for n in (d.name, other) if catalogue and (v := catalogue.variable(n))]
        if not any(v.renamed_to for v in forwarded):
            severity = importance.severity(d.name, severities)  # the release ignores the old name
    elif d.kind is Kind.EQUIVALENT:
        message, effect = _both(d, left.name, ours, theirs), d.reason
    elif d.kind is Kind.CHANGED and d.right_name:
        message = f"{other} is {theirs}; {left.name} has {d.name} {ours}"
        effect = d.reason
    elif d.kind is Kind.CHANGED:
        if _joined(d.left) != _joined(d.right) and not secret_name(d.name):
            ours, theirs = (f'"{" ".join(map(str, words or ()))}"' for words in (d.left, d.right))
        message = f"{d.name} is {theirs}; {_has(left.name, ours, bare='it without a value')}"
        if ours is not None and MASK in ours and theirs == ours:
            message = f"{d.name} is another secret than in {left.name}: both are hidden"
        effect = _spelling_hint(d) or _misread(d, catalogue)
    elif d.kind is Kind.REORDERED:
        message = f"{other} stands in another place than in {left.name}"
    elif d.conditional and theirs == HANDED_ON:
        message = f"{d.name} is {theirs}; {_has(left.name, ours)}"
    elif d.conditional:
        message = f"{d.name} is set only when {d.condition}; {_has(left.name, ours)}"
    else:
        why = d.reason if d.right is None and d.reason else _reason(d)
        message = f"{d.name} can't be known; {_has(left.name, ours)}"
        effect = why
    action = ""
    if left.reader == "profile" != right.reader:
        action = _action(d, ours) if right.served is None else _RESTARTED.get(d.kind, "")
    given = f"{theirs} {holds}" if theirs and holds and theirs != HANDED_ON else theirs
    found = Finding(
        rule, severity, d.name, message, location, d.left_location, ours, given,
        action=action, placed=d.placed,
    )  # fmt: skip
    return found.with_effect(effect or "", holds)


def _condition(config: LaunchConfig, d: Difference) -> Condition | None:
    """The condition of a difference, where it is this side that makes the setting under one."""
    return d.condition if any(e.name == d.name and e.condition for e in config.env) else None


def _action(d: Difference, ours: str | None) -> str:
    """What brings a launch to its profile."""
    if d.kind is Kind.UNKNOWN and not d.conditional:
        told = (settled_by(w) for w in d.right or () if isinstance(w, Unknown))
        return next(filter(None, told), "write its value out")
    if d.kind in (Kind.CHANGED, Kind.REMOVED) and ours == FROM_OUTSIDE:
        return "don't set it here" if d.kind is Kind.CHANGED else "set it there"
    if d.kind is Kind.RENAMED:
        return f"rename it to {d.name}"
    if unexported(d.name, d.condition) and d.kind in (Kind.CHANGED, Kind.UNKNOWN):
        return "export it" if d.conditional else "write that, and export it"
    return _ACTIONS.get(d.kind, "")


_ACTIONS = {
    Kind.REMOVED: "add it",
    Kind.ADDED: "remove it",
    Kind.CHANGED: "write that",
    Kind.REORDERED: "move it",
    Kind.UNKNOWN: "set it always",
}
_RESTARTED = {
    Kind.REMOVED: "start it with that",
    Kind.ADDED: "start it without",
    Kind.CHANGED: "start it with that",
    Kind.RENAMED: "start it with that",
}


def _files(config: LaunchConfig) -> set[str]:
    """The files that a profile's settings stand in."""
    if config.reader != "profile":
        return set()
    places = [*(e.location for e in config.env), *(a.location for a in config.args or ())]
    return {p.path for p in places if p is not None}


def _severity(d: Difference, rule: Rule, severities: Mapping[str, Severity] | None) -> Severity:
    """How bad a difference is: as bad as its setting is important, where its kind allows that."""
    if rule.severity is Severity.NOTE:
        return rule.severity
    by_name = importance.severity(d.right_name or d.name, severities)
    return max(rule.severity, by_name, key=_ORDER.index)


def _both(d: Difference, left: str, ours: str | None, theirs: str | None) -> str:
    """What both sides have, where SGLang sees no difference."""
    other = d.right_name or d.name
    if theirs is None:
        return f"{d.name} is missing; {left} has {_set(ours)}"
    if ours is None:
        return f"{d.name} is {theirs}; {left} doesn't have it"
    if d.right_name:
        return f"{other} is {theirs}; {left} has {d.name} {ours}"
    if ours == theirs:
        return f"{d.name} is {theirs}"
    return f"{d.name} is {theirs}; {left} has {ours}"


def _joined(words: Sequence[Value] | None) -> bool:
    """Whether a flag is spelled ``--flag=value``."""
    word = words[0] if words else ""
    text = word if isinstance(word, str) else word.text
    return text.startswith("--") and "=" in text


def _has(left: str, shown: str | None, bare: str = "it") -> str:
    """What the left side has, as the end of a sentence."""
    if shown == FROM_OUTSIDE:
        return f"{left} takes it {shown}"
    return f"{left} has {bare if shown == 'set' else 'it' if shown is None else shown}"


def _set(shown: str | None) -> str:
    return "it" if shown in (None, "set") else str(shown)


def _misread(d: Difference, catalogue: Catalogue | None) -> str:
    """What SGLang makes of a value that it can't read."""
    variable = catalogue.variable(d.name) if catalogue and d.section == "env" else None
    value = d.right[0] if d.right else None
    if variable is None or not isinstance(value, str):
        return ""
    wrong = invalid(variable, value)
    return wrong.reason if wrong else ""


def _spelling_hint(d: Difference) -> str:
    one, two = (" ".join(map(str, words or ())) for words in (d.left, d.right))
    if one != two and one.casefold() == two.casefold():
        return "only upper and lower case differ"
    if one.replace("=", " ") == two.replace("=", " "):
        return "only '=' and ' ' between flag and value differ"
    return ""


def _reason(d: Difference) -> str:
    for word in (*(d.right or ()), *(d.left or ())):
        if isinstance(word, Unknown):
            return f"{masked(d.name, word.text)}: {word.reason}"
    return "no reason"
