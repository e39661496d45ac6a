"""A script put onto a profile: ``eval "$(dsv4-env export NAME)"`` sets what its lines set.

The edits are proposals: :mod:`dsv4_env.adopt.proof` tells whether the launch is the same.
"""

from __future__ import annotations

import os
import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any

from dsv4_env.adopt.rewriting import CannotRewrite, agrees, spelled_word, taken
from dsv4_env.lang.bash.syntax.nodes import (
    Assign,
    Background,
    Block,
    CmdSub,
    Function,
    Group,
    Param,
    Pipeline,
    ProcSub,
    Simple,
    Word,
)
from dsv4_env.lang.bash.syntax.tree import parse
from dsv4_env.model import LaunchConfig, Location, ServerArg
from dsv4_env.model.errors import shortened
from dsv4_env.model.quoting import word
from dsv4_env.model.secrets import masked
from dsv4_env.profile import Profile
from dsv4_env.writeback.edits import Edit, applied, text_starts

COMMAND = "dsv4-env"
ARRAY = "ARGS"
_SPREAD = f'"${{{ARRAY}[@]}}"'
# Commands that start no other, so that it makes no difference to them what is exported.
_QUIET = frozenset(
    "[ : test true false echo printf export readonly declare typeset local set shopt shift unset "
    "ulimit umask exit return break continue read cd pushd popd trap mapfile readarray "
    "basename cat cut date dirname free grep head hostname id ls mkdir nproc pwd readlink realpath "
    "rm sed seq sleep sort tail touch tr uname wc which whoami".split()
)
_GAP = re.compile(r"(?<![ \t])(?<!\\\n)(?:[ \t]|\\\n)*+\Z")
_BLANKS = re.compile(r"(?:[ \t]|\\\n)*")
_MOVING = frozenset({"cd", "pushd", "popd"})
_OWN_SHELL = CmdSub | ProcSub | Background | Group | Pipeline


@dataclass(frozen=True, slots=True)
class ScriptUse:
    """A launch of a script and the profile that it is to take.

    *name* is what the script says, *folder* where own profiles lie (None: all of its layers ship),
    *target* the options of the export besides.
    """

    launch: LaunchConfig
    profile: Profile
    name: str
    folder: Path | None = None
    target: tuple[tuple[str, str | int], ...] = ()


def rewritten_scripts(
    text: str, path: str, place: Path, uses: Sequence[ScriptUse]
) -> Iterator[str | CannotRewrite]:
    """The ways to put a script onto its profile, the most thorough first.

    *path* is what messages call it, *place* where it lies. No text where its launches are on
    profiles already; a reason in place of a text that can't be.
    """
    todo = [u for u in uses if not taken(u.launch)]
    if not todo:
        return
    try:
        script = _Script(text, path, place, todo)
    except CannotRewrite as exc:
        yield exc
        return
    variables = any(u.profile.config.env for u in todo) or not script.has_arrays
    for arguments in (*[True] * script.has_arrays, *[False] * variables):
        try:
            yield script.rewritten(arguments=arguments)
        except CannotRewrite as exc:
            yield exc


@dataclass(frozen=True, slots=True)
class _Site:
    """A flag with its values where it stands in a *holder*: words of a command or an array."""

    holder: tuple[Word, ...]
    index: int
    size: int
    array: bool

    @property
    def start(self) -> int:
        return self.holder[self.index].pos

    @property
    def end(self) -> int:
        return self.holder[self.index + self.size].end

    @property
    def words(self) -> tuple[Word, ...]:
        return self.holder[self.index : self.index + self.size + 1]


@dataclass(slots=True)
class _Plan:
    """What goes: lines by their numbers, texts, and what comes in their place."""

    lines: set[int] = field(default_factory=set)
    edits: dict[tuple[int, int], Edit] = field(default_factory=dict)
    places: list[int] = field(default_factory=list)  # of what is to have the profile before it

    def put(self, start: int, end: int, text: str = "") -> None:
        """Add an edit; once where several launches need it."""
        self.edits[start, end] = Edit(start, end, text)


class Lines:
    """A script by its lines, which count from 0."""

    def __init__(self, text: str, path: str) -> None:
        self.text, self.path = text, path
        self.starts = text_starts(text, "\n")

    def at(self, pos: int) -> Location:
        """A position as a place of the file."""
        line = self.line(pos)
        return Location(self.path, line + 1, pos - self.starts[line] + 1)

    def line(self, pos: int) -> int:
        """The number of a position's line, from 0."""
        return bisect_right(self.starts, pos) - 1

    def row(self, number: int) -> str:
        """A line with its end."""
        end = self.starts[number + 1] if number + 1 < len(self.starts) else len(self.text)
        return self.text[self.starts[number] : end]

    def offset(self, where: Location) -> int:
        """The position of a place."""
        return self.starts[(where.line or 1) - 1] + (where.column or 1) - 1

    def numbers(self, node: Simple) -> range:
        """The lines of a command."""
        return range(self.line(node.pos), self.line(node.end) + 1)

    def alone(self, numbers: Iterable[int], nodes: Iterable[Simple]) -> bool:
        """Whether nothing but some commands and a remark stands on lines."""
        listed = sorted(numbers)
        start = self.starts[listed[0]]
        text = self.text[start : self.starts[listed[-1]] + len(self.row(listed[-1]))]
        for node in sorted(nodes, key=lambda n: n.pos, reverse=True):
            if node.pos < start or node.end > start + len(text):
                return False
            text = text[: node.pos - start] + text[node.end - start :]
        return re.fullmatch(r"[ \t;]*(?:#[^\n]*)?\n?", text) is not None


class _Script(Lines):
    """A script, and what is to become of it."""

    def __init__(self, text: str, path: str, place: Path, uses: Sequence[ScriptUse]) -> None:
        super().__init__(text, path)
        self.place, self.uses = place, uses
        self.use = uses[0]
        self.statements: list[int] = []
        block, problem = parse(text, starts=self.statements)
        if problem is not None:
            raise CannotRewrite(f"bash can't parse it: {problem.message}", self.at(problem.pos))
        if "\r" in text:
            raise CannotRewrite(
                "it has carriage returns, which bash takes for parts of words",
                self.at(text.index("\r")),
            )
        if any(_settings(u) != _settings(self.use) for u in uses):
            names = ", ".join(dict.fromkeys(u.name for u in uses))
            raise CannotRewrite(
                f"its launches are of several profiles, of which one script can take one: {names}; "
                "in a script each they can be rewritten",
                self.at(0),
            )
        self.spread: list[Edit] = []
        self.top = list(_flat(block))
        self.commands = simple_commands(block)
        self.inside = {c for f in every(block, Function) for c in simple_commands(f.body)}
        shebang = re.match(r"#![^\n]*", text)
        bash = shebang is None or "bash" in shebang[0]
        self.bash = bash
        own = all(u.profile.config.args for u in uses)
        self.has_arrays = bash and own and re.search(rf"\b{ARRAY}\b", text) is None

    # The whole

    def rewritten(self, *, arguments: bool) -> str:
        """The text on the profile. Raises CannotRewrite."""
        plan, self.spread = _Plan(), []
        last = self._environment(plan)
        if arguments:
            for use in self.uses:
                self._arguments(plan, use)
        if not plan.places:
            raise CannotRewrite(
                f"no line of it has just what {self.use.name} has: `export NAME=value` on a line "
                "of its own can be taken out",
                self.at(0),
            )
        first = self._boundary(min(plan.places))
        self._quiet(self.starts[first], last)
        if self.use.folder is not None:
            self._stays(self.starts[first])
        self._remarks(plan.lines)
        where = first
        if first not in plan.lines:  # above the remarks on what follows
            while where > 1 and self.row(where - 1).lstrip().startswith("#"):
                where -= 1
        self._blanks(plan.lines, first)
        edits = [Edit(self.starts[n], self.starts[n] + len(self.row(n)), "") for n in plan.lines]
        indent = self.row(first)[: len(self.row(first)) - len(self.row(first).lstrip(" \t"))]
        line = f"{indent}{self._eval(arguments=arguments)}\n"
        edits.append(Edit(self.starts[where], self.starts[where], line))
        return applied(self.text, [*edits, *plan.edits.values()])

    def _eval(self, *, arguments: bool) -> str:
        use = self.use
        words = [COMMAND, "export", word(use.name)]
        words += [f"--{key} {word(str(value))}" for key, value in use.target]
        if use.folder is not None:
            words.append(f"--profiles {self._folder(use.folder)}")
        if arguments:
            words.append("-f bash")
        # A command that isn't there prints nothing, and nothing is no error for eval.
        return f'eval "$({" ".join(words)} || echo exit 1)"'

    def _folder(self, folder: Path) -> str:
        me = '"$0"' if not self.bash else '"${BASH_SOURCE[0]}"'
        below = os.path.relpath(folder, self.place.parent)
        if re.fullmatch(r"[\w./ @%+=:,-]+", below) is None:
            raise CannotRewrite(
                f"the folder {below} has no name that a script can hold as it is; another "
                "--profiles DIR may have one",
                self.at(0),
            )
        return f'"$(dirname {me})/{below}"' if below != "." else f'"$(dirname {me})"'

    def _stays(self, until: int) -> None:
        """Refuse what finds no folder beside it. Raises CannotRewrite."""
        if re.search(r"^#SBATCH\b", self.text, re.MULTILINE):
            raise CannotRewrite(
                f"sbatch runs a copy of it, which has no layers beside it as {self.use.name} needs "
                "them; a script that it runs can be rewritten",
                self.at(0),
            )
        moving = [c for c in self.commands if c.pos < until and _name(c) in _MOVING]
        own = [n for n in every(self.top, _OWN_SHELL) if _is_apart(n)] if moving else []
        apart = {c for n in own for c in simple_commands(n)}  # none of these moves the script
        for command in moving:
            if command not in apart:
                raise CannotRewrite(
                    f"`{_name(command)}` goes to another folder before the settings, from where "
                    f"the layers of {self.use.name} may not be found; behind them it can stay",
                    self.at(command.pos),
                )

    def _boundary(self, pos: int) -> int:
        """The line on which the statement of the script itself begins that a position is in."""
        before = bisect_right(self.statements, pos)
        return self.line(self.statements[before - 1]) if before else self.line(pos)

    def _quiet(self, start: int, end: int) -> None:
        """Refuse what starts other programs while variables are set. Raises CannotRewrite."""
        launches = [self._command(u.launch) for u in self.uses]
        for command in self.commands:
            if not start <= command.pos < end or command in self.inside:
                continue
            if command in launches:
                continue
            name = _name(command)
            if command.words and name not in _QUIET:
                raise CannotRewrite(
                    f"`{name or '…'}` runs between the variables, and would get all of them; "
                    "before or behind them it can stay",
                    self.at(command.pos),
                )

    # Variables

    def _environment(self, plan: _Plan) -> int:
        """Take out the variables that the profile sets; where the last one is set."""
        own = self.use.profile.config.effective_env
        gone = {n for n in own if all(_always(u, self.use.profile, n) for u in self.uses)}
        last = 0
        for use in self.uses:
            for each in use.launch.env:
                where = each.location
                if each.name in own and where is not None and where.path == self.path:
                    last = max(last, self.offset(where))
        on: dict[int, list[Simple]] = {}
        nodes = [n for n in self.top if isinstance(n, Simple) and self._sets(n, gone)]
        for node in nodes:
            for number in self.numbers(node):
                on.setdefault(number, []).append(node)
        for node in nodes:
            beside = {n.pos: n for i in self.numbers(node) for n in on[i]}
            if self.alone(self.numbers(node), beside.values()):
                plan.lines |= set(self.numbers(node))
                plan.places.append(node.pos)
                last = max(last, node.end)
        if not plan.places:
            self._prefixes(plan, gone)
        return last

    def _sets(self, node: Simple, gone: set[str]) -> bool:
        """Whether a command of the script itself exports variables of the profile and no others."""
        if _name(node) != "export" or node.assigns or node.redirs:
            return False
        given = node.words[1:]
        return bool(given) and all(
            isinstance(a, Assign) and a.name in gone and _is_plain(a) for a in given
        )

    def _prefixes(self, plan: _Plan, gone: set[str]) -> None:
        """``A=1 B=2 python3 -m …`` of the launches that are commands of the script itself."""
        for use in self.uses:
            node = self._command(use.launch)
            if node not in self.top:
                continue
            for one in node.assigns:
                if one.name in gone and _is_plain(one):
                    after = _BLANKS.match(self.text, one.end)
                    assert after is not None
                    plan.put(one.pos, after.end())
                    plan.places.append(node.pos)

    # Arguments

    def _command(self, launch: LaunchConfig) -> Simple:
        """The command that makes a launch. Raises CannotRewrite."""
        where = launch.location
        pos = -1 if where is None else self.offset(where)
        fitting = [c for c in self.commands if c.pos <= pos < c.end]
        if not fitting or (where is not None and where.path != self.path):
            raise CannotRewrite(
                "its launch isn't a command of the script itself, whose words can be replaced",
                where or self.at(0),
            )
        return min(fitting, key=lambda c: c.end - c.pos)

    def _arguments(self, plan: _Plan, use: ScriptUse) -> None:
        """Take out the flags that the profile gives, and put its array in. Raises CannotRewrite."""
        own = use.profile.config.args or ()
        node = self._command(use.launch)
        holders = self._holders(node)
        sites = [site for arg in own for site in self._sites(arg, use, holders)]
        for name in {n for s in sites for w in s.words[1:] for n in _names(w)}:
            self._variable(plan, name, sites)
        places = [words for words, _ in holders]
        first = min(sites, key=lambda s: (places.index(s.holder), s.start))
        plan.places.append(first.start)
        self.spread.append(Edit(first.start, first.end, _SPREAD))
        gone = {w for s in sites for w in s.words}
        for site in sites:
            self._without(plan, site, gone, spread=site is first)

    def _holders(self, node: Simple) -> list[tuple[tuple[Word, ...], bool]]:
        """The words of a command, and those of the arrays that it spreads, in any depth.

        What else spreads such an array gets the same words, of which some stand elsewhere.
        """
        words = tuple(w for w in node.words if isinstance(w, Word))
        found = [(words, False)]
        seen: set[str] = set()
        todo = [words]
        while todo:
            for name in filter(None, map(_spread, todo.pop())):
                given = [a for a in _assigned(self.commands) if a.name == name]
                uses = len(re.findall(rf"\b{name}\b", self.text)) - len(given)
                if name in seen or uses != len(re.findall(rf"\$\{{{name}\[[@*]\]\}}", self.text)):
                    continue
                seen.add(name)
                for one in given:
                    if isinstance(one.value, list):
                        items = [i for i in one.value if i.sub is None and len(i.words) == 1]
                        found.append((tuple(i.words[0] for i in items), True))
                        todo.append(found[-1][0])
        return found

    def _sites(
        self, arg: ServerArg, use: ScriptUse, holders: Sequence[tuple[tuple[Word, ...], bool]]
    ) -> Iterator[_Site]:
        """Where the launch has an argument of the profile. Raises CannotRewrite."""
        release = use.profile.sglang
        flag = arg.flag or ""
        wanted = spelled_word(flag, release)
        same = [
            a for a in use.launch.args or ()
            if a.flag and spelled_word(a.flag, release) == wanted
        ]  # fmt: skip
        times = [a for a in use.profile.config.args or () if a.flag == arg.flag]
        if len(same) != 1 or len(times) != 1 or same[0].values != arg.values:
            ours, theirs = (" and ".join(map(_given, a)) or "nothing" for a in (same, times))
            where = next((a.location for a in same), None) or use.launch.location
            raise CannotRewrite(
                f"{flag} is given as {ours}, and {use.name} has {theirs}: only what both have once "
                "and alike can be taken out",
                where,
            )
        one = same[0]
        if one.condition is not None:
            raise CannotRewrite(
                f"{flag} is given when {one.condition}, and {use.name} has {_given(arg)} always",
                one.location,
            )
        found = []
        for words, array in holders:
            for index, here in enumerate(words):
                size = len(one.values)
                if here.plain != one.flag or index + size >= len(words):
                    continue
                site = _Site(words, index, size, array)
                if all(map(_is_told, site.words[1:])) and self._together(site):
                    found.append(site)
        if len(found) != 1:
            raise CannotRewrite(
                f"{_given(arg)}, which {use.name} has, isn't spelled out once in the command or in "
                "an array of it; written there it can be taken out",
                one.location,
            )
        yield from found

    def _together(self, site: _Site) -> bool:
        """Whether nothing but blanks stands between a flag and its values."""
        pairs = zip(site.words, site.words[1:], strict=False)
        return all(_BLANKS.fullmatch(self.text, a.end, b.pos) for a, b in pairs)

    def _variable(self, plan: _Plan, name: str, sites: Sequence[_Site]) -> None:
        """Take out a variable that only these arguments use. Raises CannotRewrite."""
        used = sum(n == name for s in sites for w in s.words[1:] for n in _names(w))
        given = [a for a in _assigned(self.commands) if a.name == name]
        holder = [n for n in self.top if isinstance(n, Simple) and n.assigns == given]
        count = len(re.findall(rf"\b{re.escape(name)}\b", self.text))
        if len(given) != 1 or len(holder) != 1 or holder[0].words or not _is_plain(given[0]):
            raise CannotRewrite(
                f"{_named(sites, name)} is ${name}, which is set in more than one way; its value "
                "written in its place can be taken out",
                self.at(sites[0].start),
            )
        if count != used + 1:
            raise CannotRewrite(
                f"{_named(sites, name)} is ${name}, which is used elsewhere, too; its value "
                "written in its place can be taken out",
                self.at(given[0].pos),
            )
        numbers = self.numbers(holder[0])
        if not self.alone(numbers, holder):
            raise CannotRewrite(
                f"{_named(sites, name)} is ${name}, which is set on a line with others; on one of "
                "its own it can be taken out",
                self.at(given[0].pos),
            )
        plan.lines |= set(numbers)

    def _without(self, plan: _Plan, site: _Site, gone: set[Word], *, spread: bool) -> None:
        """One flag taken out, with its line where an array has one for it."""
        text = self.text
        numbers = range(self.line(site.start), self.line(site.end) + 1)
        beside = [
            w for w in site.holder
            if self.line(w.pos) in numbers or self.line(w.end) in numbers
        ]  # fmt: skip
        start = self.starts[numbers[0]]
        end = self.starts[numbers[-1]] + len(self.row(numbers[-1]))
        left = text[start : beside[0].pos] + text[beside[-1].end : end]
        if site.array and gone.issuperset(beside) and re.fullmatch(r"[ \t]*(?:#[^\n]*)?\n", left):
            if spread:
                plan.put(start, end, f"{text[start : beside[0].pos]}{_SPREAD}\n")
            elif not any(first.start < end and start < first.end for first in self.spread):
                plan.lines |= set(numbers)
            return
        if spread:
            plan.put(site.start, site.end, _SPREAD)
            return
        before = _GAP.search(text[: site.start])
        at = before.start() if before is not None else site.start
        if site.index > 0 and site.holder[site.index - 1].end == at:
            plan.put(at, site.end)
            return
        after = _BLANKS.match(text, site.end)
        plan.put(site.start, after.end() if after is not None else site.end)

    # Remarks

    def _remarks(self, lines: set[int]) -> None:
        """Add the remarks to the lines that go which are about those alone."""
        rows = [self.row(n) for n in range(len(self.starts))]
        number = 1 if rows[0].startswith("#!") else 0
        while number < len(rows):
            end = number
            while end < len(rows) and rows[end].lstrip().startswith("#"):
                end += 1
            about = end
            while about in lines:
                about += 1
            following = rows[about].strip() if about < len(rows) else ""
            if end > number and about > end and (not following or following[0] in "#)"):
                lines |= set(range(number, end))
            number = max(about, number + 1)

    def _blanks(self, lines: set[int], kept: int) -> None:
        """Add a blank line to those that go where two would follow each other; *kept* stays one."""
        for number in sorted(lines):
            following = number + 1
            if following in lines or following >= len(self.starts) or self.row(following).strip():
                continue
            before = number
            while before in lines and before != kept:
                before -= 1
            if before != kept and (before < 0 or not self.row(before).strip()):
                lines.add(following)


def _settings(use: ScriptUse) -> tuple[Any, ...]:
    """What two uses have to have in common to be of one profile, whatever that is called."""
    return use.profile.env, use.profile.overridable, use.profile.server_args, use.target


def _given(arg: ServerArg) -> str:
    """An argument as it is spelled, with nothing that is secret."""
    words = " ".join(w if isinstance(w, str) else w.text for w in arg.words)
    return f"`{shortened(masked(arg.flag or '', words), 200)}`"


def _named(sites: Sequence[_Site], name: str) -> str:
    """The flag whose value is a variable."""
    told = (s.words[0].plain for s in sites if any(name in _names(w) for w in s.words[1:]))
    return next(filter(None, told), "it")


def _flat(block: Block) -> Iterator[Any]:
    for item in block.items:
        if isinstance(item, Block):
            yield from _flat(item)
        else:
            yield item


def every(node: Any, kind: type | UnionType) -> Iterator[Any]:
    """All nodes of a kind in a tree."""
    todo = [node]
    while todo:
        one = todo.pop()
        if isinstance(one, list | tuple):
            todo += reversed(one)
        elif isinstance(one, CmdSub) and one.text.startswith("`"):
            continue  # which has places of its own
        elif is_dataclass(one) and not isinstance(one, type):
            if isinstance(one, kind):
                yield one
            todo += [getattr(one, f.name) for f in reversed(fields(one))]


def _is_apart(node: Any) -> bool:
    """Whether a node of *_OWN_SHELL* runs in a shell of its own."""
    if isinstance(node, Group):
        return node.subshell
    return not isinstance(node, Pipeline) or len(node.commands) > 1


def simple_commands(node: Any) -> list[Simple]:
    """All simple commands in a tree."""
    return list(every(node, Simple))


def _name(command: Simple) -> str | None:
    first = command.words[0] if command.words else None
    return first.plain if isinstance(first, Word) else None


def _assigned(commands: Sequence[Simple]) -> list[Assign]:
    """All assignments of some commands."""
    return [a for c in commands for a in (*c.assigns, *c.words) if isinstance(a, Assign)]


def _is_plain(assign: Assign) -> bool:
    """``A=text``, or ``A="${A:-text}"``, which the outside may override."""
    value = assign.value
    if not isinstance(value, Word) or assign.append or assign.sub is not None:
        return False
    if value.plain is not None or not value.parts:
        return True
    (first, *rest) = value.parts
    return isinstance(first, Param) and not rest and first.name == assign.name and (
        first.op in (":-", "-") and first.arg is not None and first.arg.plain is not None
    )  # fmt: skip


def _is_told(value: Word) -> bool:
    """Whether a value is a text, or a variable as it is."""
    return value.plain is not None or bool(_names(value))


def _names(value: Word) -> list[str]:
    """The variable that a word is."""
    if value.plain is not None or len(value.parts) != 1:
        return []
    (part,) = value.parts
    if not isinstance(part, Param) or part.op or part.kind or part.sub is not None:
        return []
    return [part.name] if part.name.isidentifier() else []


def _spread(value: Word) -> str | None:
    """The array whose elements a word is: ``"${A[@]}"``."""
    part = value.parts[0] if len(value.parts) == 1 else None
    if not isinstance(part, Param) or part.op or part.kind or not part.quoted:
        return None
    return part.name if part.sub is not None and part.sub.plain == "@" else None


def _always(use: ScriptUse, profile: Profile, name: str) -> bool:
    """Whether a launch sets a variable to what the profile does, whatever else holds."""
    conditional = (
        use.launch.effective_env[name].condition if name in use.launch.effective_env else None
    )
    return conditional is None and agrees(use.launch, profile, name)
