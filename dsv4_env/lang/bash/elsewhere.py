"""Commands that run others elsewhere: ssh, containers, terminal multiplexers."""

from __future__ import annotations

import re
from dataclasses import replace

from dsv4_env.lang.bash.options import DOCKER, SCREEN, SSH, TMUX, Words, take
from dsv4_env.lang.bash.wrappers import Env, Notes, Place, behind, follow, run_text, set_variable
from dsv4_env.model import Location, Note, Unknown, Value


def _argv(p: Place, words: Words, env: Env, notes: Notes, world: str | None) -> None:
    """A command given to something that runs it as it is."""
    if world is not None:
        before = p.state.world
        p.state.world = world
        follow(p, words, env, notes)
        p.state.world = before
    else:
        follow(p, words, env, notes)


def _ssh(p: Place, words: Words, _env: Env, notes: Notes) -> None:
    taken = take(words, SSH)
    if taken.unknown is not None:
        behind(p, words, {}, notes, f"option `{taken.unknown}` of ssh isn't known")
        return
    host, rest = words[taken.at : taken.at + 1], words[taken.at + 1 :]
    while rest and isinstance(rest[0][0], str) and rest[0][0].startswith("-"):
        return
    if not host or not rest:
        return
    text = p.run.join([x for v, _ in rest for x in (v, " ")][:-1])
    note = Note(
        f"runs on another machine ({host[0][0]}): its own environment isn't known", words[0][1]
    )
    run_text(p, text, rest[0][1], [], {}, (*notes, note), world=f"ssh {host[0][0]}")


def _docker(p: Place, words: Words, env: Env, notes: Notes) -> None:
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
    taken = take(words[i:], options)
    if taken.unknown is not None:
        behind(p, words, {}, notes, f"option `{taken.unknown}` of docker isn't known")
        return
    inside: Env = {}
    entry: Value | None = None
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
    p: Place, env: Env, inside: Env, value: Value, place: Location, notes: list[Note]
) -> None:
    text = value if isinstance(value, str) else value.text
    name, equals, given = text.partition("=")
    if isinstance(value, Unknown) and (not equals or not re.fullmatch(r"\w+", name)):
        notes.append(Note(f"what `-e {text}` sets isn't known", place))
    elif not equals:
        if name in env:
            set_variable(p, inside, name, env[name].value, place, name)
        elif p.state.open and name not in p.state.vars:
            from dsv4_env.lang.bash.lookup import outside

            set_variable(p, inside, name, outside(p.state, p.run, name), place, name)
    elif isinstance(value, str):
        set_variable(p, inside, name, given, place, given)
    else:
        default = None if value.default is None else value.default.partition("=")[2]
        known = replace(value, text=given, default=default)
        p.run.cache[("env", id(known))] = known
        set_variable(p, inside, name, known, place, given)


def _env_file(
    p: Place, env: Env, inside: Env, value: Value, place: Location, notes: list[Note]
) -> None:
    from dsv4_env.lang.bash.commands import read_file

    text = read_file(p.run, value, p.state)
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


def _tmux(p: Place, words: Words, env: Env, notes: Notes) -> None:
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
    taken = take(words[i:], TMUX)
    note = Note(
        "tmux runs it: a server that already runs has an environment of its own", words[0][1]
    )
    rest = words[i + taken.at :]
    if taken.unknown is not None:
        behind(p, words, env, notes, f"option `{taken.unknown}` of tmux isn't known")
    elif len(rest) == 1:
        run_text(p, rest[0][0], rest[0][1], [], env, (*notes, note))
    else:
        follow(p, rest, env, (*notes, note))


def _screen(p: Place, words: Words, env: Env, notes: Notes) -> None:
    taken = take(words, SCREEN)
    if taken.unknown is not None:
        behind(p, words, env, notes, f"option `{taken.unknown}` of screen isn't known")
        return
    follow(p, words[taken.at :], env, notes)


SPECIAL = {"ssh": _ssh, "docker": _docker, "podman": _docker, "tmux": _tmux, "screen": _screen}
