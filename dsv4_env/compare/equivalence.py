"""How two launches differ in what SGLang makes of them: spelling and order don't matter."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, TypeAlias

from dsv4_env.catalogue import SGLANG, history, owner
from dsv4_env.catalogue.arguments import arg_equals_default, same_arg
from dsv4_env.catalogue.images import image_env
from dsv4_env.catalogue.semantics import equals_default, same_value
from dsv4_env.compare.differences import Difference, Kind, diff, differences
from dsv4_env.compare.normalise import (
    POSITIONAL,
    ComparedSetting,
    compared_sections,
    compared_setting,
    compared_settings,
    without_outside,
)
from dsv4_env.model import Unknown, Value

if TYPE_CHECKING:
    from dsv4_env.catalogue import Catalogue
    from dsv4_env.catalogue.history import Renamed
    from dsv4_env.model import LaunchConfig

_TRUE, _FALSE = ("true", "1", "yes", "y"), ("false", "0", "no", "n")

_Same: TypeAlias = Callable[[ComparedSetting, ComparedSetting], str | None]
_Default: TypeAlias = Callable[[str, ComparedSetting], str | None]


def diff_as_read(left: LaunchConfig, right: LaunchConfig, catalogue: Catalogue) -> list[Difference]:
    """The differences from *left* to *right*, as the release of the catalogue reads both sides.

    What ``diff`` tells and SGLang doesn't is ``equivalent``, with the reason; a variable that
    one side calls by its old name is ``renamed``. A setting of which the catalogue knows nothing
    is compared as ``diff`` does.
    """
    left, right = without_outside(left, right)
    found: list[Difference] = []
    exact = diff(left, right)
    for section in compared_sections(left, right):
        mine = [d for d in exact if d.section == section]
        found += _env(left, right, mine, catalogue) if section == "env" else []
        found += _args(left, right, mine, catalogue) if section == "args" else []
    return found


def same(section: str, left: ComparedSetting, right: ComparedSetting, catalogue: Catalogue) -> bool:
    """Whether two settings of one name are the same to the release of the catalogue."""
    if section == "env":
        return _same_text(catalogue, left.name, left, right) is not None
    return _same_flag(catalogue, left, right) is not None


def is_default(section: str, setting: ComparedSetting, catalogue: Catalogue) -> bool:
    """Whether making a setting is like leaving it out, to the release of the catalogue."""
    if section == "env":
        return _default(catalogue, setting.name, setting) is not None
    return _flag_default(catalogue, setting.name, setting) is not None


@dataclass(slots=True, eq=False, repr=False)
class _Group:
    """What one variable, or one *dest* of the parser, is on both sides.

    *exact* is the first of its differences to the letter, *renamed* what became of its old name
    where only one side has that.
    """

    left: list[ComparedSetting]
    right: list[ComparedSetting]
    reasons: list[str]
    exact: Difference | None = None
    renamed: Renamed | None = None


_Groups: TypeAlias = dict[str, _Group | Difference]
"""Groups by what is compared, in the order of the sides; a Difference stays as it is."""


def _compared(
    section: str, groups: _Groups, default: _Default, catalogue: Catalogue
) -> list[Difference]:
    """The differences of all groups, each held against what SGLang makes of it."""
    left, right = (
        {k: s for k, g in groups.items() if isinstance(g, _Group) and (s := getattr(g, side))}
        for side in ("left", "right")
    )
    by_group: dict[str, list[Difference]] = {}
    for d in differences(section, left, right):
        by_group.setdefault(d.name, []).append(d)
    found: list[Difference] = []
    for key, group in groups.items():
        if isinstance(group, Difference):
            found.append(group)
        elif group.renamed:
            found += _renamed(group, by_group.get(key, []), what_happens(group.renamed, catalogue))
        else:
            found += _settled(by_group.get(key, []), group, partial(default, key))
    return found


def _known(words: Sequence[Value]) -> list[str] | None:
    """The words as text, with defaults for what only has a default; None where one is open."""
    texts = [w.default if isinstance(w, Unknown) else w for w in words]
    return None if None in texts else [t for t in texts if t is not None]


# Environment variables


def _env(
    left: LaunchConfig, right: LaunchConfig, exact: list[Difference], catalogue: Catalogue
) -> list[Difference]:
    a, b = compared_settings(left)["env"], compared_settings(right)["env"]
    names = _renames(exact, catalogue)
    groups: _Groups = {}
    for d in exact:
        key = names[d.name].new if d.name in names else d.name
        if key in groups:
            continue
        if d.kind is Kind.REORDERED and key not in (r.new for r in names.values()):
            placed = replace(d, placed=True)
            groups[key] = _equivalent(placed, "the order of variables makes no difference")
            continue
        old = next((n for n, r in names.items() if r.new == key), key)
        group = _Group(a.get(key, a.get(old, [])), b.get(key, b.get(old, [])), [], d)
        if old != key:
            group.renamed = names[old]
            group.left, group.right = (
                [_as_new(s, names[old]) for s in side] for side in (group.left, group.right)
            )
        group.right = _aligned(group, partial(_same_text, catalogue, key))
        groups[key] = group
    images = [image_env(side.image) for side in (left, right)]

    def default(name: str, s: ComparedSetting) -> str | None:
        # Where an image sets it, leaving it out is no default of SGLang's.
        set_ = [text for image in images if (text := image.get(name)) is not None]
        given = _known(s.words)
        if given and any(same_value(catalogue, name, given[0], text) is None for text in set_):
            return None
        return _default(catalogue, name, s)

    return _compared("env", groups, default, catalogue)


def _renames(exact: list[Difference], catalogue: Catalogue) -> dict[str, Renamed]:
    """Old name to its renaming, where only one side has the old and only the other the new."""
    added = {d.name for d in exact if d.kind is Kind.ADDED}
    removed = {d.name for d in exact if d.kind is Kind.REMOVED}
    found: dict[str, Renamed] = {}
    if not added or not removed:
        return found
    for old in sorted(added | removed):
        said = history.renamed(catalogue, old) if owner(old) == SGLANG else None
        if said and said.new in (removed if old in added else added):
            found[old] = said
    return found


def transformed(said: Renamed, text: str) -> str | None:
    """What the new name gets where the old one has *text*; None where that can't be told."""
    if said.transform is None:
        return text
    if said.transform == "invert_bool" and text.lower() in {*_TRUE, *_FALSE}:
        return "false" if text.lower() in _TRUE else "true"
    if said.transform == "ms_to_s":
        try:
            return f"{float(text) / 1000:g}" if float(text) % 1 == 0 else repr(float(text) / 1000)
        except ValueError:
            return None
    return None


def what_happens(said: Renamed, catalogue: Catalogue) -> str:
    """A sentence on what the release does with the old name."""
    how = {
        "invert_bool": ", inverted",
        "ms_to_s": ", from milliseconds to seconds",
        "computed": ", changed on the way",
    }.get(said.transform or "", "")
    if said.forwarded:
        return f"{catalogue.name} takes {said.old} for {said.new}{how}"
    return f"{catalogue.name} doesn't read {said.old} any more; its value went to {said.new}{how}"


def _as_new(s: ComparedSetting, said: Renamed) -> ComparedSetting:
    """The setting as the new name has it."""
    texts = _known(s.words)
    text = texts[0] if texts else None
    if s.name == said.old:
        text = transformed(said, text) if text is not None else None
    return s if text is None else replace(s, spelling=(text,))


def _renamed(group: _Group, mine: list[Difference], reason: str) -> list[Difference]:
    """The differences of a variable of which one side has the old name, the other the new."""
    a, b = group.left[0], group.right[0]
    if not mine:
        mine = [Difference(Kind.RENAMED, "env", a.name, a.words, b.words, a.location, b.location)]
    return [replace(d, name=a.name, right_name=b.name, reason=reason) for d in mine]


def _same_text(
    catalogue: Catalogue, name: str, a: ComparedSetting, b: ComparedSetting
) -> str | None:
    if _known(a.words) is None or _known(b.words) is None:
        return None
    return same_value(catalogue, name, a.spelling[0], b.spelling[0])


def _default(catalogue: Catalogue, name: str, s: ComparedSetting) -> str | None:
    texts = _known(s.words)
    return equals_default(catalogue, name, texts[0]) if texts else None


# Server arguments


def dest(catalogue: Catalogue, flag: str) -> str:
    """What a flag sets: the parser's name for it, or the flag where it isn't known."""
    match = catalogue.argument(flag)
    return match.argument.dest if match and match.argument else flag


def _args(
    left: LaunchConfig, right: LaunchConfig, exact: list[Difference], catalogue: Catalogue
) -> list[Difference]:
    plain = compared_settings(left)["args"], compared_settings(right)["args"]
    dests = {name: dest(catalogue, name) for side in plain for name in side}
    spelled: dict[str, set[str]] = {}
    for name, sets in dests.items():
        spelled.setdefault(sets, set()).add(name)
    # Words that may be any flags: what stands before and after them isn't the same then.
    open_ended = any(
        isinstance(w, Unknown) for side in plain for s in side.get(POSITIONAL, ()) for w in s.words
    )
    by_name = {d.name: d for d in reversed(exact)}
    groups: _Groups = {}
    for name, sets in dests.items():
        several = len(spelled[sets]) > 1
        if sets in groups or (name not in by_name and not several):
            continue
        mine = [d for d in exact if dests[d.name] == sets]
        reordered = bool(mine) and mine[0].kind is Kind.REORDERED
        # The parser doesn't know it, or what may stand between counts.
        if sets == name or (open_ended and (several or by_name[name].kind is Kind.REORDERED)):
            groups.update({f"{sets} {at}": d for at, d in enumerate(mine)})
            groups.setdefault(sets, _Group([], [], []))
        elif reordered and not several:
            placed = replace(mine[0], placed=True)
            groups[sets] = _equivalent(placed, "the order of different flags makes no difference")
        else:
            group = _Group([], [], [], mine[0] if mine else None)
            group.left = _last(left, sets, dests, group, repeats=open_ended)
            group.right = _last(right, sets, dests, group, repeats=open_ended)
            group.right = _aligned(group, partial(_same_flag, catalogue))
            groups[sets] = group
    default = partial(_flag_default, None if open_ended else catalogue)
    return _with_renamed(_compared("args", groups, default, catalogue), catalogue)


def _with_renamed(found: list[Difference], catalogue: Catalogue) -> list[Difference]:
    """The differences, with a flag that one side calls by a name of another release as one."""
    alone = {k: {d.name: d for d in found if d.kind is k} for k in (Kind.REMOVED, Kind.ADDED)}
    renamed: dict[int, Difference] = {}
    gone: set[int] = set()
    for kind, others in ((Kind.ADDED, Kind.REMOVED), (Kind.REMOVED, Kind.ADDED)):
        for old, d in alone[kind].items():
            new = None if _is_known(catalogue, old) else history.flag_in(catalogue, old)
            if new in (None, old):
                continue
            other = next(
                (o for n, o in alone[others].items() if dest(catalogue, n) == dest(catalogue, new)),
                None,
            )
            if other is None or id(other) in gone or d.condition or other.condition:
                continue
            left, right = (other, d) if kind is Kind.ADDED else (d, other)
            renamed[id(left)] = _one_flag(left, right, old, new, catalogue)
            gone.add(id(right))
    return [renamed.get(id(d), d) for d in found if id(d) not in gone]


def _is_known(catalogue: Catalogue, flag: str) -> bool:
    match = catalogue.argument(flag)
    return match is not None and match.argument is not None


def _one_flag(
    left: Difference, right: Difference, old: str, new: str, catalogue: Catalogue
) -> Difference:
    """The difference of a flag that is called otherwise, and may have another value, too."""
    one, two = _known(left.left or ()), _known(right.right or ())
    same = False
    if one is not None and two is not None:
        one, two = ([new, *_values(words)] for words in (one, two))
        same = one == two or same_arg(catalogue, one, two) is not None
    # Where it's the first side that has the old name, the other one is right.
    alike = Kind.EQUIVALENT if left.name == old else Kind.RENAMED
    return replace(
        left,
        kind=alike if same else Kind.CHANGED,
        right=right.right,
        right_location=right.right_location,
        right_name=right.name,
        reason=f"in {catalogue.name} {old} is called {new}",
    )


def _values(words: Sequence[str]) -> list[str]:
    """The values of a flag that is given as words."""
    first, *rest = words
    _, equals, value = first.partition("=")
    return [value, *rest] if equals else rest


def _last(
    config: LaunchConfig, sets: str, dests: dict[str, str], group: _Group, *, repeats: bool
) -> list[ComparedSetting]:
    """The settings of one *dest*: a later one wins over all before it."""
    found: list[ComparedSetting] = []
    for arg in config.args or ():
        if arg.flag is None or dests[arg.flag] != sets:
            continue
        if arg.condition is None and found:
            if repeats:
                before = found.pop()
                found.append(compared_setting(arg.flag, before.words + arg.words, arg.location))
                continue
            group.reasons.append(f"the last {arg.flag} wins")
            found.clear()
        found.append(compared_setting(arg.flag, arg.words, arg.location, arg.condition))
    return found


def _tail(s: ComparedSetting) -> list[str]:
    """The values of a flag, without the flag."""
    first, *rest = (text.lstrip("\0") for text in s.spelling)
    name, equals, value = first.partition("=")
    return [value, *rest] if equals and name.startswith("--") else rest


def _same_flag(catalogue: Catalogue, a: ComparedSetting, b: ComparedSetting) -> str | None:
    one, two = _known(a.words), _known(b.words)
    if one is not None and two is not None:
        return same_arg(catalogue, one, two)
    x, y = catalogue.argument(a.name), catalogue.argument(b.name)
    if not (x and y and x.argument and x.argument == y.argument and x.argument.takes_value):
        return None
    if _tail(a) != _tail(b):
        return None
    if a.name == b.name:
        return "a value after = is the same as one that follows"
    return f"{a.name} and {b.name} set the same"


def _flag_default(catalogue: Catalogue | None, _: str, s: ComparedSetting) -> str | None:
    texts = _known(s.words)
    return arg_equals_default(catalogue, texts) if texts and catalogue else None


# Both


def _aligned(group: _Group, same: _Same) -> list[ComparedSetting]:
    """The right side, each setting spelled as the one on the left that means the same."""
    found: list[ComparedSetting] = []
    spelled = {s.spelling for s in group.left}
    for theirs in group.right:
        reasons = {} if theirs.spelling in spelled else {s: same(s, theirs) for s in group.left}
        ours = next((s for s, reason in reasons.items() if reason), None)
        if ours is None:
            found.append(theirs)
        else:
            group.reasons.append(str(reasons[ours]))
            found.append(replace(theirs, spelling=ours.spelling))
    return found


def _settled(
    mine: list[Difference], group: _Group, default: Callable[[ComparedSetting], str | None]
) -> list[Difference]:
    """The differences that are left, or one that says why there are none."""
    both = [*group.left, *group.right]
    reasons = [default(s) for s in both]
    if mine and both and all(reasons):
        first = mine[0]
        return [_equivalent(_named(first, group), "; ".join(dict.fromkeys(map(str, reasons))))]
    found: list[Difference] = []
    for d in mine:
        alone = group.right if d.left is None else group.left if d.right is None else []
        why = [
            r
            for s in alone
            if s.condition == d.condition and s.words == (d.right if d.left is None else d.left)
            if (r := default(s))
        ]
        found.append(_equivalent(_named(d, group), why[0]) if why else _named(d, group))
    exact = group.exact
    if not found and exact is not None:
        one, two = group.left[:1], group.right[:1]
        whole = Difference(
            Kind.EQUIVALENT,
            exact.section,
            exact.name,
            one[0].words if one else None,
            two[0].words if two else None,
            one[0].location if one else None,
            two[0].location if two else None,
        )
        reason = "; ".join(dict.fromkeys(group.reasons)) or "SGLang makes no difference"
        found.append(_equivalent(_named(whole, group), reason))
    return found


def _named(d: Difference, group: _Group) -> Difference:
    """The difference under the names that the sides use."""
    ours = next((s.name for s in group.left if s.words == d.left), None)
    theirs = next((s.name for s in group.right if s.words == d.right), None)
    name = ours or theirs or d.name
    return replace(d, name=name, right_name=theirs if theirs and theirs != name else None)


def _equivalent(d: Difference, reason: str) -> Difference:
    return replace(d, kind=Kind.EQUIVALENT, reason=reason)
