"""What starts a server, by which names, with the environment and the arguments it is given."""

from __future__ import annotations

import ast
import posixpath
import re
import shlex
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import TypeGuard

from dsv4_env.catalogue import load, releases
from dsv4_env.catalogue.entries import Argument
from dsv4_env.lang.python.interp.machine import Machine
from dsv4_env.lang.python.syntax.effects import root_name
from dsv4_env.lang.python.syntax.reach import Sought
from dsv4_env.lang.python.syntax.trees import callee
from dsv4_env.lang.python.values.kinds import (
    Call,
    Const,
    Ext,
    Func,
    Instance,
    Log,
    Map,
    MapEntry,
    Scope,
    Seq,
    Val,
    as_shown,
    is_const,
    splits,
    splitting,
    unknown_of,
)
from dsv4_env.lang.python.values.operations import items_of, overridable
from dsv4_env.model import (
    EnvVar,
    Fact,
    Location,
    Note,
    Origin,
    ServerArg,
    Unknown,
    Value,
    lost_launch,
    mark_superseded,
)
from dsv4_env.model.errors import shortened
from dsv4_env.model.launch import ROUTER_MODULES
from dsv4_env.readers.launcher import MODULE, MODULES, ROUTER, TOLD, grouped, launcher_length
from dsv4_env.readers.python.facts import timeout_fact

# The last name of what launches, or its end; both take the same arguments.
LAUNCHERS = ("popen_launch_server", "popen_launch_pd_server")
FIXTURE_LAUNCH = "dsv4_launch"  # the fixture of this package that starts servers
FIXTURE_VALUE = "getfixturevalue"  # pytest's, which may give one that does
_SERVERS = re.compile(r"dsv4_(?:\w+_)?server")
# Calls that change the environment: of SGLang's own fields, and of pytest's monkeypatch.
FIELD_CALLS = ("set", "override", "clear")
PATCH_CALLS = ("setenv", "delenv", "setitem", "delitem")
ENTRY_CLASS = "ModelLaunchSettings"  # an entry of a list of launches
SUBPROCESS = frozenset(
    "Popen run call check_call check_output getoutput getstatusoutput create_subprocess_exec "
    "create_subprocess_shell".split()
)
_EXEC = frozenset("execv execve execvp execvpe execl execle execlp execlpe".split())
# Of SGLang: what launches a server within the process, what takes a shell's command, what words.
_ENGINES = frozenset(
    "Engine Runtime HttpServerEngineAdapter launch_server run_server launch_server_process".split()
)
_SHELL_COMMANDS = frozenset({"launch_server_cmd", "execute_shell_command"})
_PROCESSES = frozenset({"popen_with_error_check"})
_LAUNCHING = SUBPROCESS | _EXEC | _SHELL_COMMANDS | _PROCESSES | {"system", "popen"}
ENGINE_CLASSES = frozenset({"Engine", "Runtime", "HttpServerEngineAdapter"})
_FIELDS = "ServerArgs"
_ARGUMENTS = f"sglang.{_FIELDS}"
ENV_KEYS = ("env", "env_vars", "envs", "environment")
ARGS_KEYS = ("other_args", "extra_args", "server_args", "args")
PlacedWord = tuple[Value, Location]
TIMEOUT_KEYS = ("launch_timeout", "timeout", "server_timeout")
MODEL_KEYS = ("model_path", "model", "model_id", "model_name")


def _launches(node: ast.Call) -> bool:
    """Whether a call looks like a launch or like the entry of a list of launches."""
    name = callee(node)
    if name.endswith(LAUNCHERS) or name in _ENGINES or name == FIXTURE_LAUNCH:
        return True
    if name == FIXTURE_VALUE:
        asked = [*node.args[:1], *(k.value for k in node.keywords)]
        texts = [a.value for a in asked if isinstance(a, ast.Constant)]
        return not texts or any(_SERVERS.fullmatch(str(text)) for text in texts)
    return name[:1].isupper() and (
        name == ENTRY_CLASS or any(k.arg in ENV_KEYS or k.arg in ARGS_KEYS for k in node.keywords)
    )


_COMMANDS = frozenset("args cmd command executable kwargs program target".split())


def _command_words(node: ast.Call) -> list[ast.expr]:
    """The expressions that a process's command is made of, those of its options left out."""
    return [*node.args, *(k.value for k in node.keywords if k.arg is None or k.arg in _COMMANDS)]


# In one text or in several: ``["sglang", "serve"]``, ``"sglang" + ".launch_server"``
_WORDS = re.compile(
    r"launch_(?:server|router|lb)\b|mini_lb|\bserve\b|dynamo\.sglang|\bsglang_router\b|\b[sa]mg\b"
    r"|\bsgl(?:ang)?-router\b"
)
_UPSTREAM = re.compile(r"(?:^|/)(?:python|\w+-packages)/sglang/")


def is_upstream_launcher(path: str, name: str) -> bool:
    """Whether a function is SGLang's own launcher, of which is known what it does."""
    own = name.endswith(LAUNCHERS) or name in _PROCESSES
    return own and _UPSTREAM.search(path) is not None


SOUGHT = Sought(
    certain=_launches,
    starts=_LAUNCHING.__contains__,
    words=_command_words,
    spells=lambda text: _WORDS.search(text) is not None,
    apart=lambda node: (
        _launches(node)
        or callee(node) in _PROCESSES
        or (callee(node) in SUBPROCESS and root_name(node) == "subprocess")
    ),
    closed=is_upstream_launcher,
)
"""What may launch a server: its own launchers, and processes whose words may be of a server's."""

# SGLang itself, where the root is its repository: what a server is made of launches none, and
# reading it takes longer than all else.
_RUNTIME = re.compile(r"sglang\.(?!test\b)|sglang$")


def is_runtime(module: str) -> bool:
    """Whether a module is a part of what runs, and never read: ``sglang.srt.utils``."""
    return bool(_RUNTIME.match(module))


def is_process_starter(func: Func) -> bool:
    """Whether a function that was read is SGLang's own, which starts the words that it is given."""
    module = func.scope.module
    return (
        func.name in _PROCESSES and module is not None and _UPSTREAM.search(module.file) is not None
    )


def starts_process(name: str) -> bool:
    """Whether a name outside starts a process."""
    module, _, last = name.rpartition(".")
    if module == "os":
        return last in ("system", "popen") or last in _EXEC
    if module.partition(".")[0] == "sglang":
        return last in _SHELL_COMMANDS | _PROCESSES
    return module in ("subprocess", "asyncio") and last in SUBPROCESS


def is_engine(name: str) -> bool:
    """Whether a name outside is of what launches a server within the process: ``sgl.Engine``."""
    module, _, last = name.rpartition(".")
    return module.partition(".")[0] == "sglang" and last in _ENGINES


def is_parser(name: str) -> bool:
    """Whether a name outside is of what makes SGLang's arguments, of words or of fields."""
    module, _, last = name.rpartition(".")
    return module.partition(".")[0] == "sglang" and last in ("prepare_server_args", _FIELDS)


def called_name(call: Call) -> str:
    """The last name of what is called, however the file calls it."""
    if isinstance(call.target, Ext):
        return call.target.name.rpartition(".")[2]
    return call.name


_SHELLS = frozenset({"bash", "sh", "dash", "zsh", "ksh"})


def _shell_text(items: Sequence[Val]) -> Val | None:
    """The text of ``["bash", "-c", text]``; None where that is no shell."""
    words = [i.value if is_const(i, str) else "" for i in items]
    if not words or posixpath.basename(words[0]) not in _SHELLS:
        return None
    for at, word in enumerate(words[1:-1], 1):
        if re.fullmatch(r"-[a-z]*c", word):
            return items[at + 1]
    return None


def server_start(words: Sequence[PlacedWord]) -> int | None:
    """Where the arguments of a server begin in a command line; None where it isn't one."""
    found = launcher_words(words)
    return None if found is None else found.stop


def launcher_words(words: Sequence[PlacedWord]) -> slice | None:
    """The words of a command line that launch a server or a router; None where there are none."""
    for at in range(len(words)):
        size = launcher_length(words, at)
        if size is not None:
            return slice(at, at + size)
    module = next((i for i, (w, _) in enumerate(words[1:], 1) if w in MODULES), 0)
    if module and words[module - 1][0] == "-m":  # run by what isn't Python by its name
        return slice(module - 1, module + 1)
    return None


# The parameters of sglang.test.test_utils.popen_launch_server (python/sglang/test/test_utils.py).
PARAMETERS = ("model", "base_url", "timeout", "api_key", "other_args", "env")
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_SPECIAL = re.compile(r"[$`|&;<>()*?~#{\[!\n]")


@dataclass(frozen=True, slots=True)
class Command:
    """What a server is started with, as far as the file tells."""

    env: tuple[EnvVar, ...]
    args: tuple[ServerArg, ...]
    notes: tuple[Note, ...]
    facts: tuple[Fact, ...] = ()
    command: tuple[Value, ...] = ()


def launcher_command(vm: Machine, scope: Scope, call: Call, func: Func | None) -> Command:
    """What ``popen_launch_server(…)`` starts, its *env* laid over the process's environment."""
    node = call.node
    names: Sequence[str] = PARAMETERS
    if func is not None:
        names = [a.arg for a in (*func.node.args.posonlyargs, *func.node.args.args)]
    given = dict(zip(names, call.args, strict=False)) | call.keywords
    notes: list[Note] = []
    for at, value in enumerate(call.args):
        if splits(value):
            for name in names[at:]:
                given.setdefault(name, value)
            given |= {n: value for n in names[at:] if n not in call.keywords}
            break
    if call.open:
        where = scope.place(node)
        rest = splitting(scope.unknown(node, "`**` brings arguments that aren't known"))
        given = {"other_args": rest, "env": rest} | given
        notes.append(Note("`**` brings arguments that aren't known", where))
    env, said = _environment(vm, scope, given.get("env"), node, exact=False)
    model = next((given[n] for n in MODEL_KEYS if n in given), None)
    words = _words(vm, scope, given.get("other_args"), node, texts=True)
    arguments = _model(scope, model, node) + grouped(words, "python")
    key = given.get("api_key")
    if key is not None and not _nothing(key):
        word = _word(scope, key, node, texts=False)
        arguments += grouped([("--api-key", word[1]), word], "python")
    waits = timeout_fact(given.get("timeout"), scope.place(node))
    return Command(env, arguments, (*notes, *said), waits)


def _nothing(value: Val | None) -> bool:
    return value is None or (isinstance(value, Const) and value.value is None)


def _model(scope: Scope, value: Val | None, node: ast.AST) -> tuple[ServerArg, ...]:
    """The model as the first argument, as the launcher gives it."""
    if value is None:
        return ()
    word, where = _word(scope, value, node, texts=False)
    text = word if isinstance(word, str) else word.text
    return (ServerArg("--model-path", (word,), Origin("python", where, text)),)


def _word(scope: Scope, value: Val, node: ast.AST, *, texts: bool) -> PlacedWord:
    """A value as a word of a command line; *texts*: numbers become text."""
    place = scope.place(node)
    if isinstance(value, Const):
        where = value.where or place
        if isinstance(value.value, str):
            return value.value, where
        number = isinstance(value.value, int | float) and not isinstance(value.value, bool)
        if texts and number:
            return str(value.value), where
        return Unknown(repr(value.value), "not a string", location=where), where
    text = "…" if not isinstance(value, Ext) else value.shown
    own = value.where if isinstance(value, Seq | Map | Instance | Ext) else None
    found = unknown_of(value, text, own or place)
    return found, found.location or place


def _words(
    vm: Machine, scope: Scope, value: Val | None, node: ast.expr, *, texts: bool
) -> list[PlacedWord]:
    if value is None or _nothing(value):
        return []
    if isinstance(value, Seq):
        items = items_of(vm, scope, value, node)
        vm.spend(2 * len(items))
        return [_word(scope, item, node, texts=texts) for item in items]
    found = splitting(unknown_of(value, as_shown(value), scope.place(node)))
    return [(found, found.location or scope.place(node))]


def _environment(
    vm: Machine, scope: Scope, value: Val | None, node: ast.AST, *, exact: bool
) -> tuple[tuple[EnvVar, ...], list[Note]]:
    """The settings that a launch gets from the file; *exact*: nothing is laid under them."""
    base = vm.environ.log
    vm.spend(6 * (len(base) + (len(value.log) if isinstance(value, Map) else 0)))
    if _nothing(value):
        return _settings(base)
    if not isinstance(value, Map):
        assert value is not None
        where = scope.place(node)
        found = unknown_of(value, as_shown(value), where)
        last = MapEntry(None, replace(found, splits=False), found.location or where)
        return _settings((*(() if exact else base), last))
    if exact or value is vm.environ:
        return _settings(value.log)
    listed = set(value.log)
    reason = "set after the environment was copied, so the copy's value wins"
    under = (e for e in base if e not in listed)
    if value.inherits:
        under = (e if e in value.seen else overridable(vm, e, value, reason) for e in under)
    return _settings((*under, *value.log))


def _settings(entries: Iterable[MapEntry]) -> tuple[tuple[EnvVar, ...], list[Note]]:
    env: list[EnvVar] = []
    notes: list[Note] = []
    unsure, overriding = 0, ""
    for entry in entries:
        if entry.key is None:
            cause = entry.value
            text = cause.text if isinstance(cause, Unknown) else as_shown(cause)
            reason = cause.reason if isinstance(cause, Unknown) else "not known"
            notes.append(Note(f"`{text}` may set any variable: {reason}", entry.where, opens=True))
            unsure, overriding = len(env), text  # the last that may override a setting is told
        elif not isinstance(entry.key.value, str):
            message = f"the name {entry.key.value!r} isn't a string"
            notes.append(Note(message, entry.where))
        else:
            env.append(_setting(entry.key.value, entry))
    env[:unsure] = [_unsure(e, overriding) for e in env[:unsure]]
    return mark_superseded(env), _told(notes)


_TOLD = 50  # of what may have set any variable


def _told(notes: list[Note]) -> list[Note]:
    """The notes; of hundreds, the first ones."""
    if len(notes) <= _TOLD + 1:
        return notes
    rest = notes[_TOLD:]
    opens = any(n.opens for n in rest)
    return [*notes[:_TOLD], Note(f"{len(rest):,} more like it", rest[0].location, opens)]


def _setting(name: str, entry: MapEntry) -> EnvVar:
    value = entry.value
    if isinstance(value, Const):
        text = str(value.value)
        known: Value = text
        if not isinstance(value.value, str):
            known = Unknown(text, "not a string", location=value.where or entry.where)
    else:
        known = unknown_of(value, "…", entry.where)
        known = replace(known, splits=False) if known.splits else known
        text = known.text
    return EnvVar(name, known, Origin("python", entry.where, text))


def _unsure(setting: EnvVar, cause: str) -> EnvVar:
    text = setting.value if isinstance(setting.value, str) else setting.value.text
    found = Unknown(text, f"`{cause}` may override it", location=setting.location)
    return replace(setting, value=found)


def process_command(vm: Machine, scope: Scope, call: Call) -> Command | None:
    """What ``subprocess.Popen(…)`` and the like start; None where that is no server."""
    name = called_name(call)
    named = (call.keywords[k] for k in ("args", "command") if k in call.keywords)
    first = call.args[0] if call.args else next(named, None)
    if first is None:
        return None
    env = call.keywords.get("env")
    command = Seq(tuple(call.args)) if name == "create_subprocess_exec" else first
    if name in _EXEC:
        given_env = name.endswith("e") and len(call.args) > 2
        rest = call.args[1:-1] if given_env else call.args[1:]
        env = call.args[-1] if given_env else None
        listed = name.startswith("execv")
        command = (rest[0] if rest else first) if listed else Seq(tuple(rest))
    prefix: list[MapEntry] = []
    text = _shell_text(command.items) if isinstance(command, Seq) else None
    if isinstance(command, Seq) and text is None:
        words = _words(vm, scope, command, call.node, texts=False)
    else:
        words = _shell(vm, scope, command if text is None else text, call.node)
    launcher = launcher_words(words)
    if launcher is None:
        return None
    start: int = launcher.stop
    for word, where in words[: launcher.start]:
        match = _ASSIGNMENT.fullmatch(word) if isinstance(word, str) else None
        if match:
            prefix.append(MapEntry(Const(match[1], where), Const(match[2], where), where))
    given = env
    if prefix:
        under = given.log if isinstance(given, Map) else Log()
        env = Map(Log((*(vm.environ.log if _nothing(given) else under), *prefix)))
    settings, notes = _environment(vm, scope, env, call.node, exact=True)
    notes += [_opened(w, where) for w, where in words[start:] if _may_set(w)]
    started = tuple(w for w, _ in words[launcher])
    if started[:1] == ("-m",) and started[-1] not in ROUTER_MODULES:  # what runs it isn't told
        started = ()
    return Command(settings, grouped(words[start:], "python"), tuple(notes), command=started)


# Of what says a launch, a router's.
_ROUTER = re.compile(r"launch_router|_lb\b|\blaunch\s")
_SETTING = re.compile(r"[=;&|$`{(\n]|\bsource\b|(?:^|\s)\.\s")


def _may_set(word: Value) -> bool:
    """Whether a shell's text, of which not all is known, may set variables before it launches."""
    found = TOLD.search(word.text) if isinstance(word, Unknown) else None
    return found is not None and _SETTING.search(found.string, 0, found.start()) is not None


def _opened(word: Value, where: Location) -> Note:
    assert isinstance(word, Unknown)
    message = f"`{shortened(word.text, 200)}` may set any variable: {word.reason}"
    return Note(message, where, opens=True)


def _shell(vm: Machine, scope: Scope, command: Val, node: ast.Call) -> list[PlacedWord]:
    """The words of a command line given as one text; one unknown where a shell would act."""
    where = scope.place(node)
    if isinstance(command, Const) and isinstance(command.value, str):
        text = command.value.replace("\\\n", " ").strip()
        where = command.where or where
        if not _SPECIAL.search(text):
            try:
                vm.spend(2 * len(text))  # shlex looks at one character at a time
                return [(w, where) for w in shlex.split(text)]
            except ValueError:
                pass
        found = Unknown(text, "a shell may change it", splits=True, location=where)
    elif isinstance(command, Unknown):
        found = splitting(command)
    else:
        return []
    if said := TOLD.search(found.text):
        module = ROUTER if _ROUTER.search(said[0]) else MODULE
        return [("-m", where), (module, where), (found, found.location or where)]
    return []


def plugin_command(vm: Machine, scope: Scope, words: Val, env: Val, node: ast.expr) -> Command:
    """What a server of this package's plugin is started with."""
    settings, notes = _environment(vm, scope, env, node, exact=True)
    given = _words(vm, scope, words, node, texts=True)
    return Command(settings, grouped(given, "python"), tuple(notes))


def parsed_arguments(scope: Scope, call: Call) -> Val:
    """``prepare_server_args([…])``: what an engine is given, with the words that it is made of.

    Those of ``ServerArgs(…)`` are the flags of its fields.
    """
    argv = call.args[0] if call.args else call.keywords.get("argv")
    if called_name(call) == _FIELDS:
        argv = _of_fields(scope, call)
    if argv is None:
        return scope.unknown(call.node, "words that aren't given")
    where = scope.place(call.node)
    end = call.node.end_lineno or call.node.lineno
    return Instance(Ext(_ARGUMENTS, _FIELDS), {}, where, end, (argv, *_given_fields(scope, call)))


def _given_fields(scope: Scope, call: Call) -> tuple[Val, ...]:
    """The fields that ``ServerArgs(…)`` is given; nothing where they aren't all known."""
    if called_name(call) != _FIELDS or call.args or call.open:
        return ()
    where = scope.place(call.node)
    return (Map(Log(MapEntry(Const(n, where), v, where) for n, v in call.keywords.items())),)


def of_arguments(scope: Scope, call: Call) -> Val | None:
    """``asdict(server_args)``, ``replace(server_args, …)``: what is made of SGLang's arguments.

    None where that isn't known, or where it is of something else.
    """
    value = call.args[0] if call.args else call.keywords.get("obj")
    made = called_name(call)
    if not _is_arguments(value) or made not in _OF_ARGUMENTS or call.open:
        return None
    if made == "replace":
        return replace(value, attrs=value.attrs | call.keywords)
    if len(value.positional) < 2:  # by words
        return None
    where = scope.place(call.node)
    fields = _fields_of(value).items()
    return Map(Log(MapEntry(Const(n, where), v, where) for n, v in fields))


def _fields_of(value: Instance) -> dict[str, Val]:
    """The fields of ``ServerArgs(…)``, as they were given or set afterwards."""
    given = value.positional[1]
    assert isinstance(given, Map)
    return {n: e.value for n, e in given.settings().items()} | value.attrs


def _argument_words(scope: Scope, value: Instance, call: Call) -> Val:
    """The words that SGLang's arguments are made of, with what was set in them afterwards."""
    argv = value.positional[0]
    if len(value.positional) > 1:
        fields = _fields_of(value).items()
        return Seq(tuple(w for n, v in fields for w in _field_words(scope, n, v, call.node)))
    if not value.attrs or not isinstance(argv, Seq):
        return argv
    more = (w for n, v in value.attrs.items() for w in _later(scope, n, v, call.node))
    return Seq((*argv.items, *more))


_OF_ARGUMENTS = frozenset({"asdict", "vars", "replace"})


def _is_arguments(value: Val | None) -> TypeGuard[Instance]:
    """Whether a value is SGLang's arguments, made of words or of fields."""
    if not isinstance(value, Instance) or not isinstance(value.cls, Ext):
        return False
    return value.cls.name == _ARGUMENTS


def _of_fields(scope: Scope, call: Call) -> Seq | None:
    """Keywords that are fields of ``ServerArgs`` as the words that set them; None where some lack.

    A field that is None, or a switch that is off, has no word. Where the newest release that has
    the field gives it no flag, its word isn't known.
    """
    if call.args:
        return None
    words: list[Val] = []
    for name, value in call.keywords.items():
        words += _field_words(scope, name, value, call.node)
    if call.open:
        words.append(splitting(scope.unknown(call.node, "`**` brings arguments that aren't known")))
    return Seq(tuple(words))


def _field_words(scope: Scope, name: str, value: Val, node: ast.expr) -> Iterator[Val]:
    """The words that set a field, as far as a flag does."""
    where = (value.where if isinstance(value, Const) else None) or scope.place(node)
    argument = _argument(name)
    if argument is None:
        text = shortened(f"{name}={as_shown(value)}", 200)
        yield Unknown(text, "no flag sets this field", splits=True, location=where)
    elif not _nothing(value):
        yield from _set_field(argument, value, where)


def _later(scope: Scope, name: str, value: Val, node: ast.expr) -> Iterator[Val]:
    """The words that set a field anew; what takes one back isn't known."""
    words = list(_field_words(scope, name, value, node))
    if words:
        yield from words
        return
    text = shortened(f"{name}={as_shown(value)}", 200)
    yield Unknown(text, "it may take a word back", splits=True, location=scope.place(node))


def _set_field(argument: Argument, value: Val, where: Location) -> Iterator[Val]:
    """The words that give an argument a value of Python's."""
    switch = value.value if is_const(value, bool) and isinstance(value, Const) else None
    if not argument.takes_value and switch is None:
        text = f"{argument.flag} {as_shown(value)}"
        yield Unknown(text, "whether the switch is on isn't known", splits=True, location=where)
    elif argument.takes_value or switch:
        yield Const(argument.flag, where)
        given = value.items if isinstance(value, Seq) else (value,)
        for item in given if argument.takes_value else ():
            yield Const(str(item.value), item.where) if isinstance(item, Const) else item
    else:
        off = next((f for f in argument.flags if f.startswith("--no-")), None)
        yield from [Const(off, where)] if off else []


@cache
def _argument(field: str) -> Argument | None:
    """What sets a field of ``ServerArgs``, in the newest release that has it."""
    for release in reversed(releases()):
        found = [a for a in load(release).arguments.values() if a.dest == field]
        if found:
            return min(found, key=lambda a: a.deprecated)
    return None


def engine_command(vm: Machine, scope: Scope, call: Call) -> Command:
    """What is launched within the process: the environment, and the words where it has some."""
    settings, notes = _settings(vm.environ.log)
    name = call.target.shown if isinstance(call.target, Ext) else call.name
    for value in (*call.args, *call.keywords.values()):
        if _is_arguments(value):
            words = _words(vm, scope, _argument_words(scope, value, call), call.node, texts=True)
            return Command(settings, grouped(words, "python"), tuple(notes))
    fields = _of_fields(scope, call) if called_name(call) in ENGINE_CLASSES else None
    if fields is not None:
        words = _words(vm, scope, fields, call.node, texts=True)
        return Command(settings, grouped(words, "python"), tuple(notes))
    where = scope.place(call.node)
    why = f"{name} takes Python's values, not the words of a command line"
    notes.append(lost_launch(why, where))
    text = shortened(scope.text(call.node), 200)
    word = Unknown(text, why, splits=True, location=where)
    return Command(settings, grouped([(word, where)], "python"), tuple(notes))


def held_command(vm: Machine, scope: Scope, env: Val, args: Val, node: ast.expr) -> Command:
    """What a file holds for others to launch with: a dict of variables, a list of arguments."""
    settings, notes = _environment(vm, scope, env, node, exact=True)
    words = _words(vm, scope, args, node, texts=True)
    return Command(settings, grouped(words, "python"), tuple(notes))


def entry_command(vm: Machine, scope: Scope, found: Instance) -> Command:
    """What an entry of a list of launches says that a server is started with."""
    place = found.where
    node = ast.Pass(lineno=place.line or 1, col_offset=(place.column or 1) - 1)
    given = found.attrs
    env = next((given[k] for k in ENV_KEYS if k in given), None)
    args = next((given[k] for k in ARGS_KEYS if k in given), None)
    model = next((given[k] for k in MODEL_KEYS if k in given), None)
    if model is None and found.positional:
        model = found.positional[0]
    settings, notes = _environment(vm, scope, env, node, exact=False)
    words: list[PlacedWord] = []
    if isinstance(args, Seq):
        words = [_word(scope, i, node, texts=True) for i in args.items]
    elif args is not None and not _nothing(args):
        value = splitting(unknown_of(args, as_shown(args), place))
        words = [(value, value.location or place)]
    arguments = _model(scope, model, node) + grouped(words, "python")
    waits = next((given[k] for k in TIMEOUT_KEYS if k in given), None)
    return Command(settings, arguments, tuple(notes), timeout_fact(waits, place))
