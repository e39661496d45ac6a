"""Commands that run the command behind them: what they do to its words and environment.

Their options are those of coreutils 9, util-linux 2.39, numactl 2.0, sudo 1.9, Slurm 23,
Open MPI 4, PyTorch 2, OpenSSH 9, Docker 27, tmux 3 and GNU screen 4.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable
from dataclasses import replace

from dsv4_env.lang.bash.expand.decisions import decide
from dsv4_env.lang.bash.expand.machine import Machine
from dsv4_env.lang.bash.expand.sinks import emit, emit_unknown, heard, written_together
from dsv4_env.lang.bash.expand.state import (
    State,
    Undecided,
)
from dsv4_env.lang.bash.expand.tables import Layers
from dsv4_env.lang.bash.expand.values import Argv, Symbol, Text, shown_as
from dsv4_env.lang.bash.expand.variables import outside_value
from dsv4_env.lang.bash.interp.options import (
    APPTAINER,
    DOCKER,
    ENV,
    SBATCH,
    SCREEN,
    SSH,
    SUDO,
    TMUX,
    TMUX_KEYS,
    TRANSPARENT,
    XARGS,
    TakenOptions,
    in_some_order,
    take_options,
    variables_of,
)
from dsv4_env.lang.bash.interp.paths import unknown_status
from dsv4_env.lang.bash.interp.sites import (
    SHELLS,
    CallSite,
    Env,
    Notes,
    answered,
    assigned_before,
    blur,
    blurred,
    changed,
    exported,
    filtered,
    inherited,
    lost,
    name_of,
    named,
    record,
    set_variable,
    talks,
)
from dsv4_env.lang.bash.interp.streams import content_of, file_name, read_file
from dsv4_env.lang.bash.interp.texts import MAX_TEXTS, code_of, run_lines
from dsv4_env.lang.bash.syntax.nodes import Simple, Source
from dsv4_env.lang.docker import env_lines
from dsv4_env.lang.yaml import Lines
from dsv4_env.model import Image, Location, Note
from dsv4_env.model.condition import Test


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
        if heard(state) and answered(site, words):
            return [state]
    emit_unknown(state, filtered(site, words))
    inner, given_names = assigned_before(vm, state, node)
    before = len(vm.invocations)
    if follows(site, words):
        env = exported(vm, inner, given_names)
        follow(site, words, env, ())
    if len(vm.invocations) == before and not site.followed:
        lost(site, words)
    changed(site, words)
    state.status = unknown_status(state, node) if site.status is None else site.status
    if site.broken and "errexit" in state.opts and not state.tested:
        text = "the shell given a text with a syntax error"
        key = ("broken", node, state.seq)
        decide(vm, state, Undecided(key, Test(text, "succeeds")), True)
    return [state]


def follows(p: CallSite, words: Argv) -> bool:
    """Whether a command may run one that is watched for: most do not, and need no environment."""
    vm, first = p.vm, words[0][0]
    if isinstance(first, Symbol):
        return True
    name = first.rpartition("/")[2]
    return (
        name in ("env", "sudo")
        or name in SHELLS
        or name in ELSEWHERE
        or name in TRANSPARENT
        or name in RUNNERS
        or vm.watch.length(words, 0) is not None
        or _torchrun(words) is not None
        or (not talks(words) and _behind(p, words) is not None)
        or _may_be_script(first)
        or (bool(p.state.written) and file_name(vm, p.state, first) in p.state.written)
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
            if not _script_file(p, words, env, notes):
                behind(p, words, env, notes, f"what `{first.text}` runs isn't known")
            return
        name = first.rpartition("/")[2]
        torchrun = _torchrun(words)
        if torchrun is not None:
            following: Argv | str = torchrun
        elif name == "env":
            following = _env(p, words, env)
        elif name == "sudo":
            following = _sudo(p, words, env)
        elif name in SHELLS:
            _shell_text(p, words, env, notes)
            return
        elif name in ELSEWHERE:
            ELSEWHERE[name](p, words, env, notes)
            return
        elif name in TRANSPARENT:
            following = _transparent(p, name, words, env)
        elif name in RUNNERS:
            following = RUNNERS[name](p, words, env)
            if following == []:
                return
        elif _script_file(p, words, env, notes) or talks(words):
            return
        else:
            at = _behind(p, words)
            if at is None:
                return
            note = Note(f"`{first}` runs it: what that sets isn't known", words[0][1])
            notes = (*notes, note)
            following = words[at:]
            if name == "find":  # ``-exec command ;``
                ends = (j for j, (v, _) in enumerate(following) if v in (";", "+"))
                following = _put_in(p, following[: next(ends, len(following))], "find")
            elif name == "parallel":
                ends = (j for j, (v, _) in enumerate(following) if str(v).startswith(":::"))
                following = _put_in(p, following[: next(ends, len(following))], name)
        if isinstance(following, str):  # what isn't known may set variables, too
            behind(p, words, env, notes, following, opens=name in SETTERS)
            return
        words = following


# Wrappers whose words set variables: where they aren't known, none of them is.
SETTERS = frozenset("env sudo mpirun mpiexec orterun srun apptainer singularity".split())


def _put_in(p: CallSite, words: Argv, name: str) -> Argv:
    """The words of a command, with what is put in for ``{}`` or behind them unknown."""
    p.state.seq += 1
    key = ("put in", p.node, p.state.seq)
    found: Argv = []
    for value, place in words:
        if isinstance(value, str) and re.search(r"\{[#%./]*\}", value):
            said = f"what {name} puts in"
            found.append((p.vm.unknown(value, said, (*key, value), location=place), place))
        else:
            found.append((value, place))
    if name == "parallel" and found == words and words:
        more = p.vm.unknown("…", "words that parallel adds", key, splits=True, location=words[0][1])
        found.append((more, words[0][1]))
    return found


_PYTHON = re.compile(r"(?:.*/)?python[\d.]*")
_TORCHRUN = ("torch.distributed.run", "torch.distributed.launch")


def _torchrun(words: Argv) -> Argv | None:
    """``python -m torch.distributed.run …`` as the ``torchrun …`` that it is."""
    if not isinstance(words[0][0], str) or not _PYTHON.fullmatch(words[0][0]):
        return None
    at = next((i for i, (v, _) in enumerate(words[:5]) if v == "-m"), len(words))
    if not all(isinstance(v, str) and v.startswith("-") for v, _ in words[1:at]):
        return None  # it runs a file
    if not any(v in _TORCHRUN for v, _ in words[at + 1 : at + 2]):
        return None
    return [("torchrun", words[0][1]), *words[at + 2 :]]


def behind(
    p: CallSite, words: Argv, env: Env, notes: Notes, why: str, *, opens: bool = False
) -> None:
    """What is watched for behind words that can't be made sense of: found, and said so."""
    at = _behind(p, words)
    if at is not None:
        text = f"{why}, so what it does to the launch isn't either"
        note = Note(text, words[0][1], opens)
        if opens:
            env = dict(env)
            blur(p, env, why, words[0][1])
        follow(p, words[at:], env, (*notes, note))


def _behind(p: CallSite, words: Argv) -> int | None:
    """Where a command begins behind others that is watched for, or that leads to one."""
    found: int | None = None
    python = isinstance(words[0][0], str) and _PYTHON.fullmatch(words[0][0])
    for i in range(1, len(words)):
        first, before = words[i][0], words[i - 1][0]
        if python and before == "-m":
            continue  # a module, whatever the command of that name does
        if not isinstance(first, str):
            if p.vm.watch.length(words, i) is not None:
                return i if found is None else found
            continue
        name = first.rpartition("/")[2]
        if p.vm.watch.length(words, i) is not None or (
            name in SHELLS
            and any(re.fullmatch(r"-[a-z]*c", str(v)) for v, _ in words[i + 1 : i + 5])
        ):
            return i if found is None else found
        option = isinstance(before, str) and re.fullmatch(r"-[^=]+", before) and before != "--"
        leads = name in TRANSPARENT or name in ("env", "sudo")
        if name == "env" and i + 1 < len(words):
            following = words[i + 1][0]
            option = not (isinstance(following, str) and re.match(r"-|\w+=", following))
        if found is None and leads and not option and name not in ("exec", "command", "time"):
            found = i
    return None


def _script_file(p: CallSite, words: Argv, env: Env, notes: Notes) -> bool:
    """A file that is run: followed, where it's one for a shell."""
    path = words[0][0] if isinstance(words[0][0], str) else words[0][0].text
    own = file_name(p.vm, p.state, words[0][0]) in p.state.written
    text = _script(p, words[0][0]) if own or _may_be_script(path) else None
    if text is None:
        return False
    start = text if isinstance(text, str) else text.parts[0] if text.parts else ""
    first = re.match(r"#![ \t]*(?:\S*/)?(?:env[ \t]+(?:-\S+[ \t]+)*)?(?:\S*/)?(\S*)", str(start))
    if first and first[1] not in SHELLS:
        return False
    _run_script(p, text, words, env, notes)
    return True


def _script(p: CallSite, path: Text) -> Text | None:
    """What a file holds that the script wrote, or one that lies there and may launch something."""
    name = file_name(p.vm, p.state, path)
    own = name in p.state.written
    if not own and name in p.vm.running:
        return None
    text = content_of(p.vm, path, p.state)
    return text if text is not None and (own or p.vm.watch.hint(str(text))) else None


def _run_script(
    p: CallSite, text: Text, words: Argv, env: Env, notes: Notes, world: str | None = None
) -> None:
    """Follow a file that is run with the words behind its name."""
    path, place = words[0]
    name = file_name(p.vm, p.state, path)
    file = None if name in p.state.written else str(p.vm.located(path, p.state))
    args = [v for v, _ in words[1:]]
    p.vm.used.add(name)
    p.vm.running.append(name)
    run_in_shell(p, text, place, args, env, notes, zero=path, world=world, file=file)
    p.vm.running.pop()


def _may_be_script(path: str) -> bool:
    """Whether a word names a file, and none of another language's."""
    return "/" in path or path.endswith((".sh", ".bash", ".slurm", ".sbatch"))


def _transparent(p: CallSite, name: str, words: Argv, env: Env) -> Argv | str:
    options = TRANSPARENT[name]
    if name in ("mpirun", "mpiexec", "orterun"):
        return _mpi(p, words, env)
    taken = take_options(words, options)
    if taken.unknown is not None:
        return f"option `{taken.unknown}` of {name} isn't known"
    rest = words[taken.at + options.operands :]
    given = {n: v for n, v, _ in taken.given}
    if name == "exec" and "c" in given:
        env.clear()
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
        return f"what `--export={value}` passes on isn't known"
    items = known.split(",")
    if items in (["NONE"], ["NIL"]):
        env.clear()
        return f"`--export={value}` passes nothing on: what a login sets isn't known"
    if not items[0] or "NONE" in items or "NIL" in items:
        return f"what `--export={value}` passes on isn't known"
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


def _env(p: CallSite, words: Argv, env: Env) -> Argv | str:
    if len(words) > 1 and words[1][0] == "-":
        words = [words[0], ("-i", words[1][1]), *words[2:]]
    words = list(in_some_order(words))
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
            if isinstance(value, Symbol) or re.search(r"[$\\#]", value):
                return "what env -S makes of its text isn't known"
            try:
                split = shlex.split(value)
            except ValueError:
                return "what env -S makes of its text isn't known"
            place = words[0][1]
            return _env(p, [words[0], *((x, place) for x in split), *words[taken.at :]], env)
    i = taken.at
    while i < len(words):
        word, place = words[i]
        text = word if isinstance(word, str) else word.text
        m = re.match(r"([^=]+)=", text)
        if isinstance(word, Symbol) and (
            word.splits or m is None or not re.fullmatch(r"\w+", m[1])
        ):
            if m is not None and re.fullmatch(r"\w+", m[1]):
                p.state.note(Note(f"`{shown_as(word)}` is taken for one word", place))
            elif "/" in text or p.vm.watch.length(words, i) is not None:
                break  # a program in a folder that isn't known
            else:
                return f"what `{shown_as(word)}` sets isn't known"
        if m is None:
            break
        if isinstance(word, str):
            set_variable(p, env, m[1], word[m.end() :], place, word[m.end() :])
        else:
            default = None if word.default is None else word.default.partition("=")[2]
            value = p.vm.unlike(word, word.text[m.end() :], default)
            value = p.vm.derived(value.text, [value, "one word"], default=default)
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
    i, names = 1, set[str]()
    while i < len(words):
        word = words[i][0]
        if not isinstance(word, str) or not re.match(r"[-+].", word):
            break
        if word == "--":
            i += 1
            break
        if word.startswith("--"):
            i += 1 + (word in ("--rcfile", "--init-file"))
            continue
        letters = set(word[1:])
        on = word[0] == "-"
        if "c" in letters and on:
            names.add("c")
        for letter, option in (("e", "errexit"), ("u", "nounset"), ("x", "xtrace")):
            if letter in letters:
                (names.add if on else names.discard)(option)
        i += 1
        for letter in word[1:]:
            if letter in "oO" and i < len(words):  # the name of one stands behind
                (names.add if on else names.discard)(str(words[i][0]))
                i += 1
        if "s" in letters and on:
            names.add("s")
    opts = frozenset(names - {"c", "s"})
    if "c" in names:
        if i < len(words):
            zero, rest = named(p.vm, [v for v, _ in words[i + 1 :]])
            run_in_shell(p, words[i][0], words[i][1], rest, env, notes, opts=opts, zero=zero)
        return
    if i < len(words) and "s" not in names:
        if _script_file(p, words[i:], env, notes):
            return
        at = _behind(p, words[i:])
        if at is not None:
            shown = shown_as(words[i][0])
            note = Note(f"`{shown}` runs it: what that sets isn't known", words[i][1])
            follow(p, words[i + at :], env, (*notes, note))
        return
    if p.state.stdin is not None and p.given:
        rest = [v for v, _ in words[i:]]
        run_in_shell(p, p.state.stdin, words[0][1], rest, env, notes, opts=opts)


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
    file: str | None = None,
) -> None:
    """Follow a text in a shell of its own; *world* names another machine or container, *file*
    the file that it is."""
    state = p.state.copy()
    found = code_of(p.vm, state, text, at) if state.depth < MAX_TEXTS else None
    if found is None:
        return
    code, block, problem = found
    p.followed = True
    differing = state.vars.differing(p.state.vars)
    names = (n for n in differing if n in state.vars and n not in p.state.vars)
    holes = {n: state.vars[n] for n in names}
    wrong: tuple[Note, ...] = ()
    if problem is not None:
        what = f"syntax error: {problem.message}"
        told = f"{at} {what} (in the text given to a shell)"
        wrong = (Note(told, at, ended=f"{problem.message} (in the text given to a shell)"),)
    inner = State(
        Layers({**{n: inherited(p.vm, state, n, v) for n, v in env.items()}, **holes}),
        list(args),
        Source(code, at.path, at=at) if file is None else Source(code, file),
        opts=opts,
        decided=state.decided,
        alts=state.alts,
        settled=state.settled,
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
    if world is None and not p.away:
        for name in sorted(state.shared & state.funcs.keys()):
            inner.funcs = inner.funcs.plus(name, state.funcs[name])
        inner.shared = state.shared
        for name, var in p.state.vars.items():
            if name not in env and (var.kind or not p.state.open) and not var.exported:
                inner.vars.setdefault(name, inherited(p.vm, state, name, var))
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


def _argv(p: CallSite, words: Argv, env: Env, notes: Notes, world: str | None) -> None:
    """A command given to something that runs it as it is."""
    if world is not None:
        before, away = p.state.world, p.away
        p.state.world, p.away = world, True
        follow(p, words, env, notes)
        p.state.world, p.away = before, away
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
    if not host or not (rest or (p.given and p.state.stdin is not None)):
        return
    text, at = p.state.stdin, words[0][1]
    if rest:
        text, at = p.vm.join([x for v, _ in rest for x in (v, " ")][:-1]), rest[0][1]
    assert text is not None
    note = Note(
        f"runs on another machine ({host[0][0]}): its own environment isn't known", words[0][1]
    )
    run_in_shell(p, text, at, [], {}, (*notes, note), world=f"ssh {host[0][0]}")


def _docker(p: CallSite, words: Argv, env: Env, notes: Notes) -> None:
    i, composed = 1, False
    while i < len(words) and words[i][0] not in ("run", "exec"):
        word = words[i][0]
        if word in ("compose", "container", "-D", "--debug"):
            composed |= word == "compose"
            i += 1
        elif word in ("-H", "--context", "-c", "--host", "-l", "-n", "--namespace", "-f", "-p"):
            i += 2
        elif isinstance(word, str) and re.match(r"--[\w-]+=", word):
            i += 1
        elif composed and isinstance(word, str) and word.startswith("-"):
            i += 1 if word in ("--ansi", "--compatibility", "--dry-run") else 2
        else:
            return
    if i >= len(words):
        return
    inside: Env = {}
    entry: Text | None = None
    note: list[Note] = [
        Note(
            "runs in a container: of its environment only what docker's options give is known",
            words[0][1],
            image=Image(),
        )
    ]
    at, given, unknown = i, list[tuple[str, Text, Location]](), list[tuple[Text, Location]]()
    problem = ""
    while not problem:  # words that aren't known may be options: others may stand behind them
        taken = take_options(words[at:], DOCKER)
        given += taken.given
        at += taken.at
        if taken.unknown is None:
            break
        if isinstance(taken.unknown, Symbol) and (variables := variables_of(taken.unknown)):
            given += [("e", value, words[at][1]) for value in variables]
        elif isinstance(taken.unknown, Symbol):
            unknown.append(words[at])
            given.append(("", *words[at]))
        else:
            problem = f"option `{taken.unknown}` of docker isn't known"
    rest = words[at:]
    if unknown and (not rest or _begins(p, rest)):  # an image has to stand before the command
        image = unknown.pop()
        rest = [image, *rest]
        given.remove(("", *image))
        note.append(Note(f"`{shown_as(image[0])}` is taken for the image", image[1]))
    for name, value, place in given:  # what -e gives goes before what a file does, as docker has it
        if name == "env-file" and (refused := _env_file(p, env, inside, value, place, note)):
            if _behind(p, words) is not None:
                p.vm.lose(refused, place)
                p.followed = True
            return
    for name, value, place in given:
        if name in ("e", "env"):
            _container_env(p, env, inside, value, place, note)
        elif name == "entrypoint":
            entry = value
        elif not name:
            blurred(p, inside, value, place, note)
    if problem:
        behind(p, [words[0], *rest], inside, (*notes, *note), problem, opens=True)
        return
    if rest and words[i][0] == "run" and not composed and isinstance(rest[0][0], str):
        note[0] = replace(note[0], image=Image(rest[0][0]))
    command = rest[1:]
    if entry is not None and entry != "":
        command = [(entry, rest[0][1] if rest else words[0][1]), *command]
    world = f"container {shown_as(rest[0][0]) if rest else ''}"
    if unknown and not _begins(p, command):
        found = _behind(p, rest)
        command = command if found is None else rest[found:]
    _argv(p, command, inside, (*notes, *note), world)


def _begins(p: CallSite, words: Argv) -> bool:
    """Whether words begin with a command that is watched for, or that may lead to one."""
    if not words:
        return False
    name = name_of(words)
    known = name is not None and (name in SHELLS or name in TRANSPARENT or name in ("env", "sudo"))
    return known or p.vm.watch.length(words, 0) is not None


def _kubectl(p: CallSite, words: Argv, env: Env, notes: Notes) -> None:
    """``kubectl exec POD -- command``; other words of kubectl run nothing here."""
    if not any(v == "exec" for v, _ in words[1:4]):
        return
    at = next((i for i, (v, _) in enumerate(words) if v == "--"), None)
    message = "runs in a container: its own environment isn't known"
    note = Note(message, words[0][1], opens=True, image=Image())
    if at is None:
        behind(p, words, {}, (*notes, note), "where the command of kubectl begins isn't known")
    else:
        _argv(p, words[at + 1 :], {}, (*notes, note), "container")


def _sbatch(p: CallSite, words: Argv, env: Env, notes: Notes) -> None:
    """A batch job: a text, a script that was written before, or one from standard input."""
    taken = take_options(words, SBATCH)
    if taken.unknown is not None:
        return
    if any(n == "export" for n, _, _ in taken.given) and (why := _srun_export(p, env, taken)):
        notes = (*notes, Note(why, words[0][1], opens=True))
        blur(p, env, why, words[0][1])
    notes = (*notes, Note("runs as a batch job", words[0][1]))
    wrap = next(((v, at) for n, v, at in taken.given if n == "wrap"), None)
    rest = words[taken.at :]
    if wrap is not None:
        run_in_shell(p, wrap[0], wrap[1], [], env, notes, world="job")
    elif rest:
        p.vm.used.add(file_name(p.vm, p.state, rest[0][0]))
        text = _script(p, rest[0][0])
        if text is not None:
            notes = (*notes, *_directives(p, env, text, rest[0][1]))
            _run_script(p, text, rest, env, notes, "job")
    elif p.given and p.state.stdin is not None:
        notes = (*notes, *_directives(p, env, p.state.stdin, words[0][1]))
        run_in_shell(p, p.state.stdin, words[0][1], [], env, notes, world="job")


def _directives(p: CallSite, env: Env, text: Text, place: Location) -> Notes:
    """``#SBATCH --export=…`` of a job's script: what it makes of the environment."""
    whole = text if isinstance(text, str) else text.text
    found = re.search(r"^#SBATCH\s+--export[= ](\S+)", whole, re.M)
    if found is None:
        return ()
    taken = take_options([("sbatch", place), (f"--export={found[1]}", place)], SBATCH)
    why = _srun_export(p, env, taken)
    if not why:
        return ()
    blur(p, env, why, place)
    return (Note(why, place, opens=True),)


def _xargs(p: CallSite, words: Argv, env: Env, notes: Notes) -> None:
    """``xargs command``: words of standard input are added, where they are known."""
    taken = take_options(words, XARGS)
    rest = words[taken.at :]
    if taken.unknown is not None or not rest:
        behind(p, words, env, notes, "what xargs adds isn't known")
        return
    given = {n: v for n, v, _ in taken.given}
    text = p.state.stdin if p.given else None
    found: list[str] | None = None
    plain = {"r", "no-run-if-empty", "t", "verbose", "0", "null", "n", "max-args", "I", "P"}
    if isinstance(text, str) and given.keys() <= plain:
        try:
            found = (
                [x for x in text.split("\0") if x]
                if given.keys() & {"0", "null"}
                else [x.strip() for x in text.split("\n") if x.strip()]
                if "I" in given
                else shlex.split(text)
            )
        except ValueError:
            found = None
    place = words[0][1]
    if found and given.keys() & {"n", "max-args", "I"}:
        size = str(given.get("n", given.get("max-args", "1")))
        mark = str(given.get("I", ""))
        if re.fullmatch(r"[1-9]\d{0,4}", size) and len(found) <= 100 and not p.state.rounds[9:]:
            around, p.state.rounds = p.state.rounds, p.state.rounds
            for i in range(0, len(found), 1 if mark else int(size)):
                p.state.rounds = (*around, i)
                added = [] if mark else [(x, place) for x in found[i : i + int(size)]]
                put = [
                    (v.replace(mark, found[i]) if mark and isinstance(v, str) else v, at)
                    for v, at in rest
                ]
                follow(p, [*put, *added], env, notes)
            p.state.rounds = around
            return
        found = None
    if found is None:
        p.state.seq += 1
        key = ("xargs", p.node, p.state.seq)
        note = Note("xargs runs it, maybe several times: what it adds isn't known", place)
        marks = [v or "{}" for n, v, _ in taken.given if n in ("I", "i", "replace")]
        if marks:
            rest = [
                (
                    p.vm.unknown(v, "words that xargs puts in", (*key, v), location=place)
                    if isinstance(v, str) and str(marks[-1]) in v
                    else v,
                    at,
                )
                for v, at in rest
            ]
        else:
            more = p.vm.unknown("…", "words that xargs adds", key, splits=True, location=place)
            rest = [*rest, (more, place)]
        follow(p, rest, env, (*notes, note))
    elif found or not given.keys() & {"r", "no-run-if-empty"}:
        follow(p, [*rest, *((x, place) for x in found)], env, notes)


def _apptainer(p: CallSite, words: Argv, env: Env) -> Argv | str:
    """``apptainer exec IMAGE command``: the environment goes along, unless it's cleaned."""
    verb = next((i for i, (v, _) in enumerate(words[:4]) if v in ("exec", "run")), None)
    if verb is None:
        return []
    taken = take_options(words[verb:], APPTAINER)
    given = {n for n, _, _ in taken.given}
    if given & {"e", "cleanenv", "C", "containall"}:
        env.clear()
    for name, value, place in taken.given:
        if name == "env" and isinstance(value, str):
            for item in re.split(r",(?=\w+=)", value):
                key, _, text = item.partition("=")
                set_variable(p, env, key, text, place, text)
        elif name == "env" and isinstance(value, Symbol):
            key, equals, text = value.text.partition("=")
            if not equals or not key.isidentifier():
                return f"what `--env {value}` sets isn't known"
            default = None if value.default is None else value.default.partition("=")[2]
            set_variable(p, env, key, p.vm.unlike(value, text, default), place, text)
    if taken.unknown is not None:
        return f"option `{taken.unknown}` of apptainer isn't known"
    return words[verb + taken.at + 1 :]


def _runner(*verbs: str) -> Callable[[CallSite, Argv, Env], Argv | str]:
    """One that only finds a program's environment: what follows it runs as it is."""

    def run(p: CallSite, words: Argv, env: Env) -> Argv | str:
        if verbs and not any(v in verbs for v, _ in words[1:5]):
            return []
        at = _behind(p, words)
        return [] if at is None else words[at:]

    return run


# Commands that find a program in an environment or look at it, and the words that say they do.
RUNNERS: dict[str, Callable[[CallSite, Argv, Env], Argv | str]] = {
    "uv": _runner("run", "tool"),
    "uvx": _runner(),
    "pipx": _runner("run"),
    "poetry": _runner("run"),
    "pixi": _runner("run", "exec"),
    "pdm": _runner("run"),
    "hatch": _runner("run"),
    "rye": _runner("run"),
    "pipenv": _runner("run"),
    "conda": _runner("run"),
    "mamba": _runner("run"),
    "micromamba": _runner("run"),
    "nsys": _runner("profile", "launch", "start"),
    "ncu": _runner(),
    "rocprof": _runner(),
    "rocprofv2": _runner(),
    "rocprofv3": _runner(),
    "rocprof-sys-run": _runner(),
    "rocprof-sys-sample": _runner(),
    "omnitrace-run": _runner(),
    "py-spy": _runner("record"),
    "strace": _runner(),
    "perf": _runner("record", "stat"),
    "catchsegv": _runner(),
    "flock": _runner(),
    "watch": _runner(),
    "chroot": _runner(),
    "runuser": _runner(),
    "apptainer": _apptainer,
    "singularity": _apptainer,
}


def _container_env(
    p: CallSite, env: Env, inside: Env, value: Text, place: Location, notes: list[Note]
) -> None:
    text = value if isinstance(value, str) else value.text
    name, equals, given = text.partition("=")
    if isinstance(value, Symbol) and (not equals or not re.fullmatch(r"\w+", name)):
        blurred(p, inside, value, place, notes, "-e ")
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
) -> str:
    """Take the variables of a file; why docker refuses it, "" where it doesn't."""
    text = read_file(p.vm, value, p.state)
    if text is None:
        blurred(p, inside, value, place, notes, "--env-file ")
        return ""
    lines = Lines(str(value), text)
    for line in env_lines(text):
        at = lines.place(line.offset)
        p.vm.budget.step(count=1)
        if line.wrong:
            return f"docker refuses {at}: {line.wrong}"
        if line.value is not None:
            set_variable(p, inside, line.name, line.value, at, line.value)
        else:
            _container_env(p, env, inside, line.name, at, notes)
    return ""


def _su(p: CallSite, words: Argv, env: Env, notes: Notes) -> None:
    """``su USER -c text`` and ``script -c text``."""
    at = next((i for i, (v, _) in enumerate(words) if v in ("-c", "--command", "-qc")), None)
    if any(v in ("-", "-l", "--login") for v, _ in words):
        env = {}
    if at is not None and at + 1 < len(words):
        run_in_shell(p, words[at + 1][0], words[at + 1][1], [], env, notes)
    else:
        behind(p, words, env, notes, f"what `{shown_as(words[0][0])}` runs isn't known")


def _send_keys(p: CallSite, words: Argv, notes: Notes) -> None:
    """``tmux send-keys -t PANE text Enter``: typed into a shell that runs already."""
    taken = take_options(words, TMUX_KEYS)
    keys = [w for w in words[taken.at :] if w[0] not in ("C-m", "Enter", "C-M", "KPEnter", "C-c")]
    if taken.unknown is not None or not keys:
        return
    text = p.vm.join([v for v, _ in keys])
    note = Note("typed into a shell of tmux: what is set there isn't known", words[0][1], True)
    run_in_shell(p, text, keys[0][1], [], {}, (*notes, note), world="tmux")


def _tmux(p: CallSite, words: Argv, env: Env, notes: Notes) -> None:
    keys = next((j for j, (v, _) in enumerate(words[:6]) if v in ("send-keys", "send")), None)
    if keys is not None:
        _send_keys(p, words[keys:], notes)
        return
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


ELSEWHERE = {
    "ssh": _ssh,
    "docker": _docker,
    "podman": _docker,
    "nerdctl": _docker,
    "kubectl": _kubectl,
    "oc": _kubectl,
    "sbatch": _sbatch,
    "xargs": _xargs,
    "su": _su,
    "script": _su,
    "tmux": _tmux,
    "screen": _screen,
}
