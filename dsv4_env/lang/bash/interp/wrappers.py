"""Commands that run the command behind them: what they do to its words and environment.

Their options are those of coreutils 9, util-linux 2.39, numactl 2.0, sudo 1.9, Slurm 23,
Open MPI 4, PyTorch 2, OpenSSH 9, Docker 27, tmux 3 and GNU screen 4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypeAlias

from dsv4_env.lang.bash.expand.assignments import assign_for_command
from dsv4_env.lang.bash.expand.decisions import decide
from dsv4_env.lang.bash.expand.machine import Invocation, Machine
from dsv4_env.lang.bash.expand.sinks import emit, emit_unknown, heard, written_together
from dsv4_env.lang.bash.expand.state import (
    Event,
    State,
    Undecided,
    Var,
)
from dsv4_env.lang.bash.expand.tables import Layers
from dsv4_env.lang.bash.expand.values import Argv, Symbol, Text
from dsv4_env.lang.bash.expand.variables import outside_value
from dsv4_env.lang.bash.interp.options import (
    DOCKER,
    ENV,
    SCREEN,
    SSH,
    SUDO,
    TMUX,
    TRANSPARENT,
    TakenOptions,
    take_options,
)
from dsv4_env.lang.bash.interp.paths import unknown_status
from dsv4_env.lang.bash.interp.streams import read_file
from dsv4_env.lang.bash.interp.texts import MAX_TEXTS, code_of, run_lines
from dsv4_env.lang.bash.syntax.nodes import Simple, Source
from dsv4_env.model import Location, Note
from dsv4_env.model.condition import Test

Env: TypeAlias = dict[str, Var]
Notes: TypeAlias = tuple[Note, ...]
_SHELLS = frozenset({"bash", "sh", "dash", "zsh", "ksh"})


def external(vm: Machine, state: State, node: Simple, words: Argv) -> list[State]:
    """A command that isn't a builtin or a function."""
    name = words[0][0]
    given = any(r.op in ("<<", "<<-", "<<<", "<") for r in node.redirs) or state.piped is node
    site = CallSite(vm, state, node, given)
    if isinstance(name, str):
        known = vm.facts.get(" ".join(v for v, _ in words if isinstance(v, str)))
        if known is not None and all(isinstance(v, str) for v, _ in words) and heard(state):
            emit(state, known + "\n")
            state.status = 0
            return [state]
    emit_unknown(state)
    inner, given_names = assigned_before(vm, state, node)
    if follows(vm, words):
        env = exported(vm, inner, given_names)
        follow(site, words, env, ())
    state.status = unknown_status(state, node) if site.status is None else site.status
    if site.broken and "errexit" in state.opts and not state.tested:
        text = "the shell given a text with a syntax error"
        key = ("broken", node, state.seq)
        decide(vm, state, Undecided(key, Test(text, "succeeds")), True)
    return [state]


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
    events: list[tuple[str, Event, Test | None]] = []
    for name, var in env.items():
        event = var.event
        while event is not None:
            events.append((name, event, None if var.exported else var.perhaps))
            event = event.before
    vm.budget.step((state.source, node.pos), len(words) + len(events) + (len(state.vars) >> 4))
    events.sort(key=lambda e: e[1].seq)
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


@dataclass(slots=True, eq=False, repr=False)
class CallSite:
    """Where a command stands: the run, the state before it, and its node."""

    vm: Machine
    state: State
    node: Simple
    given: bool = False  # standard input is a text of the script
    status: int | None = None  # of a shell whose text was followed
    broken: bool = False  # it has a syntax error


def follows(vm: Machine, words: Argv) -> bool:
    """Whether a command may run one that is watched for: most do not, and need no environment."""
    first = words[0][0]
    if isinstance(first, Symbol):
        return True
    name = first.rpartition("/")[2]
    return (
        name in ("env", "sudo")
        or name in _SHELLS
        or name in ELSEWHERE
        or name in TRANSPARENT
        or vm.watch.length(words, 0) is not None
    )


def follow(p: CallSite, words: Argv, env: Env, notes: Notes) -> None:
    """Record what a command runs that is watched for, seen through its wrappers."""
    env = dict(env)
    while words:
        p.vm.budget.step(count=1 + (len(words) >> 4))
        size = p.vm.watch.length(words, 0)
        if size is not None:
            record(p.vm, p.state, p.node, words, size, env, notes)
            return
        first = words[0][0]
        if isinstance(first, Symbol):
            behind(p, words, env, notes, f"what `{first.text}` runs isn't known")
            return
        name = first.rpartition("/")[2]
        if name == "env":
            following = _env(p, words, env)
        elif name == "sudo":
            following = _sudo(p, words, env)
        elif name in _SHELLS:
            _shell_text(p, words, env, notes)
            return
        elif name in ELSEWHERE:
            ELSEWHERE[name](p, words, env, notes)
            return
        elif name in TRANSPARENT:
            following = _transparent(p, name, words, env)
        else:
            return
        if isinstance(following, str):
            behind(p, words, env, notes, following)
            return
        words = following


def behind(p: CallSite, words: Argv, env: Env, notes: Notes, why: str) -> None:
    """What is watched for behind words that can't be made sense of: found, and said so."""
    for i in range(1, len(words)):
        first = words[i][0]
        if (
            isinstance(first, str)
            and first.rpartition("/")[2] in _SHELLS
            and any(re.fullmatch(r"-[a-z]*c", str(v)) for v, _ in words[i + 1 : i + 3])
        ):
            note = Note(f"{why}, so what it does to the launch isn't either", words[0][1])
            _shell_text(p, words[i:], env, (*notes, note))
            return
        size = p.vm.watch.length(words, i)
        if size is not None:
            note = Note(f"{why}, so what it does to the launch isn't either", words[0][1])
            record(p.vm, p.state, p.node, words[i:], size, env, (*notes, note))
            return


def _transparent(p: CallSite, name: str, words: Argv, env: Env) -> Argv | str:
    options = TRANSPARENT[name]
    taken = take_options(words, options)
    if taken.unknown is not None:
        return f"option `{taken.unknown}` of {name} isn't known"
    rest = words[taken.at + options.operands :]
    given = {n: v for n, v, _ in taken.given}
    if name == "exec" and "c" in given:
        env.clear()
    if name in ("mpirun", "mpiexec", "orterun"):
        return _mpi(p, words, env)
    if name == "srun" and "export" in given and (why := _srun_export(p, env, taken)):
        return why
    if name == "torchrun":
        if given.keys() & {"m", "module"} and rest:
            rest = [("python", rest[0][1]), ("-m", rest[0][1]), *rest]
        elif rest and "no-python" not in given:
            rest = [("python", rest[0][1]), *rest]
    return rest


def _srun_export(p: CallSite, env: Env, taken: TakenOptions) -> str:
    """``--export=ALL,A=1,B``; what is wrong with it, "" where nothing is."""
    value, place = next((v, at) for n, v, at in taken.given if n == "export")
    last: Text = ""
    pieces = value.parts if isinstance(value, Symbol) else (value,)
    if pieces and isinstance(pieces[-1], Symbol) and all(isinstance(x, str) for x in pieces[:-1]):
        last = pieces[-1]
        pieces = pieces[:-1]
    known = "".join(x for x in pieces if isinstance(x, str))
    if (
        not all(isinstance(x, str) for x in pieces)
        or (last and not known.endswith("="))
        or not re.fullmatch(r"[\w./:+@%=-]*(?:,[\w./:+@%=-]*)*", known, re.ASCII)
    ):
        return f"what `--export={value}` of srun passes on isn't known"
    items = known.split(",")
    if not items[0] or "NONE" in items or "NIL" in items:
        return f"what `--export={value}` of srun passes on isn't known"
    kept = dict(env)
    if "ALL" not in items:
        env.clear()
    for item in items:
        name, equals, text = item.partition("=")
        if equals and last and item is items[-1]:
            assert isinstance(last, Symbol)
            set_variable(p, env, name, last, place, last.text)
        elif equals:
            set_variable(p, env, name, text, place, text)
        elif name in kept:
            env[name] = kept[name]
    return ""


def _mpi(p: CallSite, words: Argv, env: Env) -> Argv | str:
    options = TRANSPARENT["mpirun"]
    i = 1
    while i < len(words):
        word = words[i][0]
        if word == "-x" and i + 1 < len(words):
            value, place = words[i + 1]
            if isinstance(value, Symbol):
                return f"what `-x {value}` sets isn't known"
            name, equals, text = value.partition("=")
            if equals:
                set_variable(p, env, name, text, place, text)
            i += 2
        elif word in ("-mca", "--mca", "-gmca", "--gmca"):
            i += 3
        else:
            taken = take_options(words[i - 1 :], options)
            if taken.at == 1:
                break
            if taken.unknown is not None and taken.unknown not in ("-x", "-mca", "--mca"):
                return f"option `{taken.unknown}` of mpirun isn't known"
            i += taken.at - 1
    if i < len(words) and isinstance(words[i][0], str) and str(words[i][0]).startswith("-"):
        return f"option `{words[i][0]}` of mpirun isn't known"
    return words[i:]


def set_variable(
    p: CallSite, env: Env, name: str, value: Text, place: Location, spelled: str
) -> None:
    """Set a variable in the environment of the command behind."""
    p.state.seq += 1
    old = env.pop(name, None)
    event = Event(p.state.seq, value, place, spelled, old.event if old is not None else None)
    env[name] = Var("s", value, exported=True, event=event)


def _env(p: CallSite, words: Argv, env: Env) -> Argv | str:
    if len(words) > 1 and words[1][0] == "-":
        words = [words[0], ("-i", words[1][1]), *words[2:]]
    taken = take_options(words, ENV)
    if taken.unknown is not None:
        return f"option `{taken.unknown}` of env isn't known"
    for name, value, _ in taken.given:
        if name in ("i", "ignore-environment"):
            env.clear()
        elif name in ("u", "unset"):
            if isinstance(value, Symbol):
                return f"which variable `env -u {value}` removes isn't known"
            env.pop(value, None)
        elif name in ("S", "split-string"):
            return "env -S splits a text in its own way"
    i = taken.at
    while i < len(words):
        word, place = words[i]
        text = word if isinstance(word, str) else word.text
        m = re.match(r"([^=]+)=", text)
        if m is None or (
            isinstance(word, Symbol) and (word.splits or not re.fullmatch(r"\w+", m[1]))
        ):
            break
        if isinstance(word, str):
            set_variable(p, env, m[1], word[m.end() :], place, word[m.end() :])
        else:
            default = None if word.default is None else word.default.partition("=")[2]
            value = p.vm.unlike(word, word.text[m.end() :], default)
            set_variable(p, env, m[1], value, place, value.text)
        i += 1
    return words[i:]


def _sudo(p: CallSite, words: Argv, env: Env) -> Argv | str:
    taken = take_options(words, SUDO)
    if taken.unknown is not None:
        return f"option `{taken.unknown}` of sudo isn't known"
    given = {n for n, _, _ in taken.given}
    if not given & {"E", "preserve-env"}:
        env.clear()
    elif any(n == "preserve-env" and v for n, v, _ in taken.given):
        return "which variables sudo keeps isn't followed"
    return _env(p, [words[0], *words[taken.at :]], env)


def _shell_text(p: CallSite, words: Argv, env: Env, notes: Notes) -> None:
    """``bash -c text name args``; a script file isn't read."""
    i = 1
    while i < len(words):
        word = words[i][0]
        if not isinstance(word, str):
            return
        if re.fullmatch(r"-[a-zA-Z]*c[a-zA-Z]*", word):
            i += 1
            while i < len(words) and re.fullmatch(r"[-+][a-zA-Z]+", str(words[i][0])):
                i += 1
            if i < len(words):
                zero, rest = _named(p.vm, [v for v, _ in words[i + 1 :]])
                opts = frozenset(
                    n for c, n in (("e", "errexit"), ("u", "nounset"), ("x", "xtrace")) if c in word
                )
                run_in_shell(p, words[i][0], words[i][1], rest, env, notes, opts=opts, zero=zero)
            return
        if word.startswith("--"):
            i += 1 + (word in ("--rcfile", "--init-file"))
        elif word.startswith(("-", "+")):
            i += 1 + (word in ("-o", "-O", "+o", "+O"))
        else:
            return
        if word == "-s":
            i += i < len(words) and words[i][0] == "--"
            break
    if p.state.stdin is not None and p.given:
        rest = [v for v, _ in words[i:]]
        run_in_shell(p, p.state.stdin, words[0][1], rest, env, notes)


def _named(vm: Machine, words: list[Text]) -> tuple[Text | None, list[Text]]:
    """$0 and the arguments of a text given to a shell."""
    first = words[0] if words else None
    if isinstance(first, Symbol) and first.splits:  # any number of words, $0 among them
        zero = vm.derived(first.text, [first, "$0"])
        return zero, [vm.derived(first.text, [first, "$@"], splits=True), *words[1:]]
    return first, words[1:]


def run_in_shell(
    p: CallSite,
    text: Text,
    at: Location,
    args: list[Text],
    env: Env,
    notes: Notes,
    *,
    zero: Text | None = None,
    world: str | None = None,
    opts: frozenset[str] = frozenset(),
) -> None:
    """Follow a text in a shell of its own; *world* names another machine or container."""
    state = p.state.copy()
    found = code_of(p.vm, state, text, at) if state.depth < MAX_TEXTS else None
    if found is None:
        return
    code, block, problem = found
    names = (n for n in state.vars.differing(p.state.vars) if n not in p.state.vars)
    holes = {n: state.vars[n] for n in names}
    wrong: tuple[Note, ...] = ()
    if problem is not None:
        what = f"syntax error: {problem.message}"
        wrong = (Note(f"{at} {what} (in the text given to a shell)", at),)
    inner = State(
        Layers({**{n: _inherited(p.vm, state, n, v) for n, v in env.items()}, **holes}),
        list(args),
        Source(code, at.path, at=at),
        opts=opts,
        decided=state.decided,
        alts=state.alts,
        solved=state.solved,
        required=state.required,
        notes=(*state.notes, *notes, *wrong),
        seq=state.seq,
        depth=state.depth + 1,
        open=state.open or world is not None,
        partial=state.partial or problem is not None,
        world=state.world if world is None else world,
        zero=zero,
    )
    inner.counts, inner.written = state.counts, state.written
    if p.given and text is not p.state.stdin and len(block.items) == 1:
        inner.stdin, inner.piped = p.state.stdin, block.items[0]
    if world is None:
        for name, var in p.state.vars.items():
            if name not in env and (var.kind or not p.state.open) and not var.exported:
                inner.vars.setdefault(name, _inherited(p.vm, state, name, var))
    pure, p.vm.pure = p.vm.pure, 0
    try:
        ends = run_lines(p.vm, block, [inner])
    finally:
        p.vm.pure = pure
    p.state.seq = max(e.seq for e in ends)
    for note in wrong:
        p.state.note(note)
        p.state.partial = p.broken = True
    p.state.counts, p.state.written = ends[0].counts, written_together(ends)
    statuses = {e.status if e.flow is None or e.flow[1] < 0 else e.flow[1] for e in ends}
    status = statuses.pop() if len(statuses) == 1 and world is None else None
    p.status = status if isinstance(status, int) and problem is None else None


def _inherited(vm: Machine, state: State, name: str, var: Var) -> Var:
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
        names=(name,) if perhaps.operator == "outside" else (),
        splits=True,
    )
    event = var.event if var.perhaps else None
    return Var("s", value, perhaps=var.perhaps, maybe=True, event=event)


def _argv(p: CallSite, words: Argv, env: Env, notes: Notes, world: str | None) -> None:
    """A command given to something that runs it as it is."""
    if world is not None:
        before = p.state.world
        p.state.world = world
        follow(p, words, env, notes)
        p.state.world = before
    else:
        follow(p, words, env, notes)


def _ssh(p: CallSite, words: Argv, _env: Env, notes: Notes) -> None:
    taken = take_options(words, SSH)
    if taken.unknown is not None:
        behind(p, words, {}, notes, f"option `{taken.unknown}` of ssh isn't known")
        return
    host, rest = words[taken.at : taken.at + 1], words[taken.at + 1 :]
    while rest and isinstance(rest[0][0], str) and rest[0][0].startswith("-"):
        return
    if not host or not rest:
        return
    text = p.vm.join([x for v, _ in rest for x in (v, " ")][:-1])
    note = Note(
        f"runs on another machine ({host[0][0]}): its own environment isn't known", words[0][1]
    )
    run_in_shell(p, text, rest[0][1], [], {}, (*notes, note), world=f"ssh {host[0][0]}")


def _docker(p: CallSite, words: Argv, env: Env, notes: Notes) -> None:
    i = 1
    while i < len(words) and words[i][0] not in ("run", "exec"):
        word = words[i][0]
        if word not in ("container", "-D", "--debug"):
            i += 1 if word in ("-H", "--context", "-c", "--host", "-l") else 0
            if i and word not in ("-H", "--context", "-c", "--host", "-l"):
                return
        i += 1
    if i >= len(words):
        return
    options = DOCKER
    taken = take_options(words[i:], options)
    if taken.unknown is not None:
        behind(p, words, {}, notes, f"option `{taken.unknown}` of docker isn't known")
        return
    inside: Env = {}
    entry: Text | None = None
    note: list[Note] = [
        Note(
            "runs in a container: of its environment only what docker's options give is known",
            words[0][1],
        )
    ]
    for name, value, place in taken.given:
        if name in ("e", "env"):
            _container_env(p, env, inside, value, place, note)
        elif name == "env-file":
            _env_file(p, env, inside, value, place, note)
        elif name == "entrypoint":
            entry = value
    rest = words[i + taken.at :]
    command = rest[1:]
    if entry is not None and entry != "":
        command = [(entry, rest[0][1] if rest else words[0][1]), *command]
    _argv(p, command, inside, (*notes, *note), f"container {rest[0][0] if rest else ''}")


def _container_env(
    p: CallSite, env: Env, inside: Env, value: Text, place: Location, notes: list[Note]
) -> None:
    text = value if isinstance(value, str) else value.text
    name, equals, given = text.partition("=")
    if isinstance(value, Symbol) and (not equals or not re.fullmatch(r"\w+", name)):
        notes.append(Note(f"what `-e {text}` sets isn't known", place))
    elif not equals:
        if name in env:
            set_variable(p, inside, name, env[name].value, place, name)
        elif p.state.open and name not in p.state.vars:
            set_variable(p, inside, name, outside_value(p.vm, p.state, name), place, name)
    elif isinstance(value, str):
        set_variable(p, inside, name, given, place, given)
    else:
        default = None if value.default is None else value.default.partition("=")[2]
        known = p.vm.unlike(value, given, default)
        set_variable(p, inside, name, known, place, given)


def _env_file(
    p: CallSite, env: Env, inside: Env, value: Text, place: Location, notes: list[Note]
) -> None:

    text = read_file(p.vm, value, p.state)
    if text is None:
        notes.append(Note(f"the variables of {value} aren't known", place))
        return
    for number, line in enumerate(text.split("\n"), 1):
        name, equals, given = line.lstrip().partition("=")
        at = Location(str(value), number, 1)
        if not name or name.startswith("#"):
            continue
        if equals:
            set_variable(p, inside, name, given, at, given)
        else:
            _container_env(p, env, inside, name, at, notes)


def _tmux(p: CallSite, words: Argv, env: Env, notes: Notes) -> None:
    i = next(
        (
            i
            for i, (v, _) in enumerate(words)
            if v in ("new-session", "new", "new-window", "neww", "split-window", "splitw")
        ),
        None,
    )
    if i is None:
        return
    taken = take_options(words[i:], TMUX)
    note = Note(
        "tmux runs it: a server that already runs has an environment of its own", words[0][1]
    )
    rest = words[i + taken.at :]
    if taken.unknown is not None:
        behind(p, words, env, notes, f"option `{taken.unknown}` of tmux isn't known")
    elif len(rest) == 1:
        run_in_shell(p, rest[0][0], rest[0][1], [], env, (*notes, note))
    else:
        follow(p, rest, env, (*notes, note))


def _screen(p: CallSite, words: Argv, env: Env, notes: Notes) -> None:
    taken = take_options(words, SCREEN)
    if taken.unknown is not None:
        behind(p, words, env, notes, f"option `{taken.unknown}` of screen isn't known")
        return
    follow(p, words[taken.at :], env, notes)


ELSEWHERE = {"ssh": _ssh, "docker": _docker, "podman": _docker, "tmux": _tmux, "screen": _screen}
