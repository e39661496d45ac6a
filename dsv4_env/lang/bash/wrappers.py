"""Commands that run the command behind them: what they do to its words and environment.

Their options are those of coreutils 9, util-linux 2.39, numactl 2.0, sudo 1.9, Slurm 23,
Open MPI 4, PyTorch 2, OpenSSH 9, Docker 27, tmux 3 and GNU screen 4.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TypeAlias

from dsv4_env.lang.bash import launch
from dsv4_env.lang.bash.layers import Layers
from dsv4_env.lang.bash.options import ENV, SUDO, TRANSPARENT, Taken, Words, take
from dsv4_env.lang.bash.state import Event, Run, State, Var
from dsv4_env.lang.bash.syntax import Simple, Source
from dsv4_env.model import Location, Note, Unknown, Value

Env: TypeAlias = dict[str, Var]


Notes: TypeAlias = tuple[Note, ...]


@dataclass(slots=True, eq=False, repr=False)
class Place:
    """Where a command stands: the run, the state before it, and its node."""

    run: Run
    state: State
    node: Simple
    given: bool = False  # standard input is a text of the script
    status: int | None = None  # of a shell whose text was followed
    broken: bool = False  # it has a syntax error


ELSEWHERE = frozenset({"ssh", "docker", "podman", "tmux", "screen"})
_SHELLS = frozenset({"bash", "sh", "dash", "zsh", "ksh"})


def follows(words: Words) -> bool:
    """Whether a command may make a launch: most do not, and need no environment."""
    first = words[0][0]
    if isinstance(first, Unknown):
        return True
    name = first.rpartition("/")[2]
    return (
        name in ("env", "sudo")
        or name in _SHELLS
        or name in ELSEWHERE
        or name in TRANSPARENT
        or launch.split(words) is not None
    )


def follow(p: Place, words: Words, env: Env, notes: Notes) -> None:
    """Record the launches that a command makes, seen through its wrappers."""
    env = dict(env)
    while words:
        p.run.budget.step(count=1 + (len(words) >> 4))
        size = launch.split(words)
        if size is not None:
            launch.record(p.run, p.state, p.node, words, size, env, notes)
            return
        first = words[0][0]
        if isinstance(first, Unknown):
            behind(p, words, env, notes, f"what `{first.text}` runs isn't known")
            return
        name = first.rpartition("/")[2]
        if name == "env":
            following = _env(p, words, env)
        elif name == "sudo":
            following = _sudo(p, words, env)
        elif name in _SHELLS:
            _shell(p, words, env, notes)
            return
        elif name in ELSEWHERE:
            from dsv4_env.lang.bash.elsewhere import SPECIAL

            SPECIAL[name](p, words, env, notes)
            return
        elif name in TRANSPARENT:
            following = _transparent(p, name, words, env)
        else:
            return
        if isinstance(following, str):
            behind(p, words, env, notes, following)
            return
        words = following


def behind(p: Place, words: Words, env: Env, notes: Notes, why: str) -> None:
    """A launch behind words that can't be made sense of: found, and said so."""
    for i in range(1, len(words)):
        first = words[i][0]
        if (
            isinstance(first, str)
            and first.rpartition("/")[2] in _SHELLS
            and any(re.fullmatch(r"-[a-z]*c", str(v)) for v, _ in words[i + 1 : i + 3])
        ):
            note = Note(f"{why}, so what it does to the launch isn't either", words[0][1])
            _shell(p, words[i:], env, (*notes, note))
            return
        size = launch.split(words, i)
        if size is not None:
            note = Note(f"{why}, so what it does to the launch isn't either", words[0][1])
            launch.record(p.run, p.state, p.node, words[i:], size, env, (*notes, note))
            return


def _transparent(p: Place, name: str, words: Words, env: Env) -> Words | str:
    options = TRANSPARENT[name]
    taken = take(words, options)
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


def _srun_export(p: Place, env: Env, taken: Taken) -> str:
    """``--export=ALL,A=1,B``; what is wrong with it, "" where nothing is."""
    value, place = next((v, at) for n, v, at in taken.given if n == "export")
    last: Value = ""
    pieces = p.run.parts.get(id(value), ()) if isinstance(value, Unknown) else (value,)
    if pieces and isinstance(pieces[-1], Unknown) and all(isinstance(x, str) for x in pieces[:-1]):
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
            assert isinstance(last, Unknown)
            set_variable(p, env, name, last, place, last.text)
        elif equals:
            set_variable(p, env, name, text, place, text)
        elif name in kept:
            env[name] = kept[name]
    return ""


def _mpi(p: Place, words: Words, env: Env) -> Words | str:
    options = TRANSPARENT["mpirun"]
    i = 1
    while i < len(words):
        word = words[i][0]
        if word == "-x" and i + 1 < len(words):
            value, place = words[i + 1]
            if isinstance(value, Unknown):
                return f"what `-x {value}` sets isn't known"
            name, equals, text = value.partition("=")
            if equals:
                set_variable(p, env, name, text, place, text)
            i += 2
        elif word in ("-mca", "--mca", "-gmca", "--gmca"):
            i += 3
        else:
            taken = take(words[i - 1 :], options)
            if taken.at == 1:
                break
            if taken.unknown is not None and taken.unknown not in ("-x", "-mca", "--mca"):
                return f"option `{taken.unknown}` of mpirun isn't known"
            i += taken.at - 1
    if i < len(words) and isinstance(words[i][0], str) and str(words[i][0]).startswith("-"):
        return f"option `{words[i][0]}` of mpirun isn't known"
    return words[i:]


def set_variable(
    p: Place, env: Env, name: str, value: Value, place: Location, spelled: str
) -> None:
    """Set a variable in the environment of the command behind."""
    p.state.seq += 1
    old = env.pop(name, None)
    event = Event(p.state.seq, value, place, spelled, old.event if old is not None else None)
    env[name] = Var("s", value, exported=True, event=event)


def _env(p: Place, words: Words, env: Env) -> Words | str:
    if len(words) > 1 and words[1][0] == "-":
        words = [words[0], ("-i", words[1][1]), *words[2:]]
    taken = take(words, ENV)
    if taken.unknown is not None:
        return f"option `{taken.unknown}` of env isn't known"
    for name, value, _ in taken.given:
        if name in ("i", "ignore-environment"):
            env.clear()
        elif name in ("u", "unset"):
            if isinstance(value, Unknown):
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
            isinstance(word, Unknown) and (word.splits or not re.fullmatch(r"\w+", m[1]))
        ):
            break
        if isinstance(word, str):
            set_variable(p, env, m[1], word[m.end() :], place, word[m.end() :])
        else:
            default = None if word.default is None else word.default.partition("=")[2]
            value = replace(word, text=word.text[m.end() :], default=default)
            p.run.cache[("env", id(value))] = value
            set_variable(p, env, m[1], value, place, value.text)
        i += 1
    return words[i:]


def _sudo(p: Place, words: Words, env: Env) -> Words | str:
    taken = take(words, SUDO)
    if taken.unknown is not None:
        return f"option `{taken.unknown}` of sudo isn't known"
    given = {n for n, _, _ in taken.given}
    if not given & {"E", "preserve-env"}:
        env.clear()
    elif any(n == "preserve-env" and v for n, v, _ in taken.given):
        return "which variables sudo keeps isn't followed"
    return _env(p, [words[0], *words[taken.at :]], env)


def _shell(p: Place, words: Words, env: Env, notes: Notes) -> None:
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
                zero, rest = _named(p.run, [v for v, _ in words[i + 1 :]])
                opts = frozenset(
                    n for c, n in (("e", "errexit"), ("u", "nounset"), ("x", "xtrace")) if c in word
                )
                run_text(
                    p,
                    words[i][0],
                    words[i][1],
                    rest,
                    env,
                    notes,
                    opts=opts,
                    zero=zero,
                )
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
        run_text(p, p.state.stdin, words[0][1], rest, env, notes)


def _named(run: Run, words: list[Value]) -> tuple[Value | None, list[Value]]:
    """$0 and the arguments of a text given to a shell."""
    first = words[0] if words else None
    if isinstance(first, Unknown) and first.splits:  # any number of words, $0 among them
        zero = run.derived(first.text, [first, "$0"])
        return zero, [run.derived(first.text, [first, "$@"], splits=True), *words[1:]]
    return first, words[1:]


def run_text(
    p: Place,
    text: Value,
    at: Location,
    args: list[Value],
    env: Env,
    notes: Notes,
    *,
    zero: Value | None = None,
    world: str | None = None,
    opts: frozenset[str] = frozenset(),
) -> None:
    """Follow a text in a shell of its own; *world* names another machine or container."""
    from dsv4_env.lang.bash.holes import code_of
    from dsv4_env.lang.bash.interp import program

    state = p.state.copy()
    found = code_of(p.run, state, text, at) if state.depth < 50 else None
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
        Layers({**{n: _inherited(p.run, state, n, v) for n, v in env.items()}, **holes}),
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
    inner.counts = state.counts
    if p.given and text is not p.state.stdin and len(block.items) == 1:
        inner.stdin, inner.piped = p.state.stdin, id(block.items[0])
    if world is None:
        for name, var in p.state.vars.items():
            if name not in env and (var.kind or not p.state.open) and not var.exported:
                inner.vars.setdefault(name, _inherited(p.run, state, name, var))
    pure, p.run.pure = p.run.pure, 0
    try:
        ends = program(p.run, block, [inner])
    finally:
        p.run.pure = pure
    p.state.seq = max(e.seq for e in ends)
    for note in wrong:
        p.state.note(note)
        p.state.partial = p.broken = True
    p.state.counts = ends[0].counts
    statuses = {e.status if e.flow is None or e.flow[1] < 0 else e.flow[1] for e in ends}
    status = statuses.pop() if len(statuses) == 1 and world is None else None
    p.status = status if isinstance(status, int) and problem is None else None


def _inherited(run: Run, state: State, name: str, var: Var) -> Var:
    """A variable as another shell gets it: its attributes stay here.

    One that is exported only if something holds is unset there if not. A plain one is exported
    where it was set outside, too.
    """
    if var.exported and var.maybe:
        var = replace(var, exported=False, perhaps=f"{name} is set outside")
    if var.exported:
        plain = not (var.readonly or var.integer or var.case or var.vague)
        return var if plain else replace(var, readonly=False, integer=False, case="", vague=False)
    if not var.perhaps and not state.open:
        return Var("")
    state.seq += 1
    outside = not var.perhaps or var.perhaps.endswith("is set outside")
    value = run.unknown(
        f"${{{name}}}",
        f"another shell gets it if {var.perhaps or f'{name} is set outside'}",
        ("inherited", name, state.seq),
        names=(name,) if outside else (),
        splits=True,
    )
    event = var.event if var.perhaps else None
    return Var("s", value, perhaps=var.perhaps, maybe=True, event=event)
