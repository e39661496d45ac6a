"""Where a command stands, the environment it gets, and what is said of one that isn't followed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

from dsv4_env.lang.bash.expand.assignments import assign_for_command
from dsv4_env.lang.bash.expand.machine import Given, Invocation, Machine, Question
from dsv4_env.lang.bash.expand.sinks import emit, write
from dsv4_env.lang.bash.expand.state import (
    Event,
    State,
    Var,
)
from dsv4_env.lang.bash.expand.values import ALWAYS, Argv, Symbol, Text, shown_as
from dsv4_env.lang.bash.interp.choices import given_on
from dsv4_env.lang.bash.interp.paths import unknown_status
from dsv4_env.lang.bash.interp.streams import content_of, file_name
from dsv4_env.lang.bash.syntax.nodes import Simple
from dsv4_env.model import Location, Note
from dsv4_env.model.condition import Test

Env: TypeAlias = dict[str, Var]
Notes: TypeAlias = tuple[Note, ...]


SHELLS = frozenset({"bash", "sh", "dash", "zsh", "ksh"})


# Commands that look at their words or show them: none of them runs what it is given.
TALKERS = frozenset(
    "[ apt apt-get awk basename cat chmod chown cp curl cut date df diff dirname du echo egrep "
    "false fgrep file find fuser gawk gh git grep head hf huggingface-cli jq kill killall less ln "
    "logger ls lsof make man md5sum mkdir more mv ncat nc nvidia-smi pgrep pip pip3 pkill printf "
    "ps pwd readlink realpath rg rm rocm-smi rsync scancel scp sed sha256sum sleep sort squeue "
    "stat tail tar tee test touch tr true type uname uniq wc wget "
    "whereis which whoami yq".split()
)


# Those that leave a file as it is.
READERS = frozenset(
    "[ bash cat chmod cmp diff dirname basename du egrep fgrep file grep head less ls md5sum more "
    "readlink realpath sbatch scp sh sha256sum sort source stat tail test tr wc".split()
)


def assigned_before(vm: Machine, state: State, node: Simple) -> tuple[State, dict[str, Var]]:
    """The state as a command sees it, with the assignments before it, and what they set."""
    given: dict[str, Var] = {}
    if not node.assigns or state.applied is node.assigns:
        return state, given
    inner = state.copy()
    for assign in node.assigns:
        if not isinstance(assign.value, list) and assign_for_command(vm, inner, assign):
            given.pop(assign.name, None)
            given[assign.name] = replace(inner.vars[assign.name], exported=True)
    state.seq, state.required, state.decided = inner.seq, inner.required, inner.decided
    names = {a.name for a in node.assigns}
    for name in state.vars.differing(inner.vars):
        if name not in names and name in inner.vars:
            state.vars[name] = inner.vars[name]
    return inner, given


def exported(vm: Machine, inner: State, given: dict[str, Var]) -> dict[str, Var]:
    """The environment of a command: exported variables and the assignments before it."""
    vm.budget.step(count=len(inner.vars) >> 4)
    # What the expansions in them set counts here too; they stand behind all that was exported.
    env = {n: v for n, v in inner.vars.items() if n not in given and (v.exported or v.perhaps)}
    env = {n: v for n, v in (env | given).items() if v.kind == "s"}
    for scope in reversed(inner.scopes):  # a local that isn't exported doesn't hide one that is
        for name, old in scope.outer.items():
            if old is not None and old.exported and old.kind == "s" and name not in scope.given:
                env.setdefault(name, old)
    return env


def record(
    vm: Machine,
    state: State,
    node: Simple,
    words: Argv,
    size: int,
    env: dict[str, Var],
    notes: tuple[Note, ...],
) -> None:
    """Note a command that is watched for on this path through the script."""
    key = (node, *state.rounds)
    occurrence = state.counts.get(key, 0)
    state.counts[key] = occurrence + 1
    events = [g for name, var in env.items() for g in _history(vm, name, var)]
    vm.budget.step((state.source, node.pos), len(words) + len(events) + (len(state.vars) >> 4))
    events.sort(key=lambda e: e.event.seq)
    end = state.source.place(max(node.pos, node.end - 1))
    missing = tuple(
        Note("the variable is an array, which is never exported", state.source.place(node.pos))
        for name, v in state.vars.items()
        if v.exported and v.kind in ("a", "A") and not name
    )
    more = (
        (Note(f"{state.unsaid:,} more notes like these", state.source.place(node.pos)),)
        if state.unsaid
        else ()
    )
    vm.invocations.append(
        Invocation(
            (node.pos, *key, occurrence),
            state.alts,
            state.settled,
            events,
            words[:size],
            words[size:],
            state.source.place(node.pos),
            end.line,
            (*state.notes, *notes, *missing, *more),
            state.required,
            state.partial,
        )
    )


def _history(vm: Machine, name: str, var: Var) -> Iterator[Given]:
    """All that a variable was given, from the last on; of a choice, on which paths."""
    perhaps = None if var.exported else var.perhaps
    told: list[Event] = []
    event = var.event
    while event is not None:
        chosen = list(given_on(vm, event, ALWAYS, exported=var.exported)) if event.options else ()
        for one, on in chosen:
            told.append(one)
            yield Given(name, replace(one, seq=event.seq), None, on)
        if not event.options and event not in told:
            yield Given(name, event, perhaps)
        event = event.before


@dataclass(slots=True, eq=False, repr=False)
class CallSite:
    """Where a command stands: the run, the state before it, and its node."""

    vm: Machine
    state: State
    node: Simple
    given: bool = False  # standard input is a text of the script
    status: int | None = None  # of a shell whose text was followed
    broken: bool = False  # it has a syntax error
    followed: bool = False  # what it runs was followed, whatever that is
    away: bool = False  # it runs in a container, which has an environment of its own


def answered(p: CallSite, words: Argv) -> bool:
    """Print what is known to be a command's output, or that it isn't known, with the reason."""
    vm, state, node = p.vm, p.state, p.node

    def variable(name: str) -> Text | None:
        var = state.vars.get(name)
        if any(a.name == name for a in node.assigns) or (var is not None and var.perhaps):
            return vm.unknown(f"${{{name}}}", "it is set for a command", ("before", name, node))
        return var.value if var is not None and var.exported and var.kind == "s" else None

    place = words[0][1]
    asked = Question(
        [v for v, _ in words], place, variable, lambda text: vm.located(text, state),
        lambda steps: vm.budget.step(count=steps),
    )  # fmt: skip
    found = vm.watch.answer(asked)
    if found is None:
        return False
    if found.text is None:
        shown = " ".join(v if isinstance(v, str) else v.text for v, _ in words)
        vm.reasons.add(found.reason)
        key = ("answer", node, place, found.reason)
        emit(state, vm.unknown(f"$({shown})", found.reason, key, splits=True, location=place))
        state.status = unknown_status(state, node)
        return True
    vm.made(len(found.text))
    emit(state, found.text)
    state.status = 0
    return True


def lost(p: CallSite, words: Argv) -> None:
    """Say so where a command that is watched for stands in words that aren't followed."""
    name = name_of(words)
    if talks(words) or (name is not None and name in p.state.funcs):
        return
    first = words[0][0]
    held = _HELD.match(first.text) if isinstance(first, Symbol) else None
    if held is not None and any(map(p.vm.watch.told, p.vm.outline.given(held[1]))):
        assert isinstance(first, Symbol)
        p.vm.lose(f"what `{shown_as(first)}` runs isn't known: {first.reason}", words[0][1])
        return
    texts: list[Text] = [v for v, _ in words[1:]]
    if name is not None and re.match(r"python|pypy|perl|node$", name):
        code = next((i for i, v in enumerate(texts) if v in ("-c", "-e")), None)
        texts = texts if code is None else texts[code + 1 : code + 2]  # the others are arguments
    whole = " ".join(v if isinstance(v, str) else v.text for v in texts)
    takes = name is None or name not in READERS or name in SHELLS
    given = p.state.stdin if p.given and takes else None
    said = given if isinstance(given, str) else "" if given is None else given.text
    p.vm.budget.step(count=(len(whole) + len(said)) >> 6)
    written = next((w for v in texts[:1] if (w := _unknown_file(p, v)) is not None), None)
    if name is not None and written is None:
        written = _unknown_file(p, words[0][0])
    if not any(p.vm.watch.told(t) for t in (whole, said, written or "")):
        return
    place = words[0][1]
    p.vm.lose(f"what `{shown_as(words[0][0])}` does with it isn't known", place)


_HELD = re.compile(r"\$\{(\w+)")
_FILTERS = frozenset("awk cut egrep fgrep gawk grep head perl sed sort tail tr uniq".split())


def filtered(p: CallSite, words: Argv) -> Text | None:
    """What a filter prints of a text that says a command that is watched for; None of others."""
    if name_of(words) not in _FILTERS or not p.state.fds:
        return None
    texts: list[Text | None] = [p.state.stdin if p.given else None]
    texts += [content_of(p.vm, v, p.state) for v, _ in words[1:] if isinstance(v, str)]
    for text in texts:
        said = text if isinstance(text, str) else text.text if text is not None else ""
        if p.vm.watch.told(said):
            key = ("filtered", p.node, p.state.seq)
            return p.vm.unknown(said, f"what {name_of(words)} makes of a text", key)
    return None


def _unknown_file(p: CallSite, path: Text) -> str | None:
    """What is known of a file that the script wrote, where not all is known."""
    written = p.state.written.get(file_name(p.vm, p.state, path))
    if written is None:
        return None
    p.vm.used.add(file_name(p.vm, p.state, path))
    return "".join(v if isinstance(v, str) else v.text for v in written if v is not None)


def changed(p: CallSite, words: Argv) -> None:
    """A command that is given a file of the script's may have changed it."""
    if not p.state.written or name_of(words) in READERS or p.followed:
        return
    if name_of(words) == "cp" and len(words) == 3:
        held = p.state.written.get(file_name(p.vm, p.state, words[1][0]))
        if held is not None and not str(words[2][0]).endswith(("/", ".")):
            name = file_name(p.vm, p.state, words[2][0])
            p.state.written[name] = held
            return
    for value, _ in words[1:]:
        name = file_name(p.vm, p.state, value)
        if name in p.state.written:
            write(p.state, name, None)


def talks(words: Argv) -> bool:
    """Whether a command only looks at its words or shows them."""
    name = name_of(words)
    return name in TALKERS and not (
        name == "find" and any(v in ("-exec", "-execdir", "-ok") for v, _ in words)
    )


def name_of(words: Argv) -> str | None:
    """The name of a command without its folder, None where it isn't known."""
    first = words[0][0]
    return first.rpartition("/")[2] if isinstance(first, str) else None


def set_variable(
    p: CallSite, env: Env, name: str, value: Text, place: Location, spelled: str
) -> None:
    """Set a variable in the environment of the command behind."""
    p.state.seq += 1
    old = env.pop(name, None)
    event = Event(p.state.seq, value, place, spelled, old.event if old is not None else None)
    env[name] = Var("s", value, exported=True, event=event)


def blur(p: CallSite, env: Env, reason: str, place: Location) -> None:
    """Make every variable of an environment unknown: words that aren't known may set it."""
    for name in list(env):
        p.state.seq += 1
        key = ("blurred", name, p.node, p.state.seq)
        set_variable(
            p, env, name, p.vm.unknown(f"${{{name}}}", reason, key, location=place), place, ""
        )


def blurred(
    p: CallSite, env: Env, value: Text, place: Location, notes: list[Note], before: str = ""
) -> None:
    """Say of a word that isn't known that it may set any variable, and make them unknown."""
    reason = f"what `{before}{shown_as(value)}` sets isn't known"
    notes.append(Note(reason, place, opens=True))
    blur(p, env, reason, place)


def named(vm: Machine, words: list[Text]) -> tuple[Text | None, list[Text]]:
    """$0 and the arguments of a text given to a shell."""
    first = words[0] if words else None
    if isinstance(first, Symbol) and first.splits:  # any number of words, $0 among them
        zero = vm.derived(first.text, [first, "$0"])
        return zero, [vm.derived(first.text, [first, "$@"], splits=True), *words[1:]]
    return first, words[1:]


def inherited(vm: Machine, state: State, name: str, var: Var) -> Var:
    """A variable as another shell gets it: its attributes stay here.

    One that is exported only if something holds is unset there if not. A plain one is exported
    where it was set outside, too.
    """
    if var.exported and var.maybe:
        var = replace(var, exported=False, perhaps=Test(name, "outside"))
    if var.exported:
        plain = not (var.readonly or var.integer or var.case or var.vague)
        return var if plain else replace(var, readonly=False, integer=False, case="", vague=False)
    if not var.perhaps and not state.open:
        return Var("")
    state.seq += 1
    perhaps = var.perhaps or Test(name, "outside")
    value = vm.unknown(
        f"${{{name}}}",
        f"another shell gets it if {perhaps}",
        ("inherited", name, state.seq),
        names=(name,) if isinstance(perhaps, Test) and perhaps.operator == "outside" else (),
        splits=True,
    )
    event = var.event if var.perhaps else None
    return Var("s", value, perhaps=var.perhaps, maybe=True, event=event)
