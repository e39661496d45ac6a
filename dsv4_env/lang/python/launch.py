"""What launches a server, with the environment and the arguments that it is given."""

from __future__ import annotations

import ast
import posixpath
import re
import shlex
from collections.abc import Iterable, Sequence
from dataclasses import replace

from dsv4_env.lang.python import objects
from dsv4_env.lang.python.classes import outside_note
from dsv4_env.lang.python.expr import find, iterated, splitting, unknown
from dsv4_env.lang.python.results import Found
from dsv4_env.lang.python.run import ARGS_KEYS, ENV_KEYS, MODEL_KEYS, SUBPROCESS, Run
from dsv4_env.lang.python.values import (
    Const,
    Entry,
    Ext,
    Func,
    Instance,
    Log,
    Map,
    Scope,
    Seq,
    Val,
    shown,
    unknown_of,
)
from dsv4_env.model import (
    EnvVar,
    Location,
    Note,
    Origin,
    ServerArg,
    Unknown,
    Value,
    group_args,
    mark_superseded,
)

ENTRY = "nothing in this file launches this entry"

# The parameters of sglang.test.test_utils.popen_launch_server (python/sglang/test/test_utils.py).
_PARAMETERS = ("model", "base_url", "timeout", "api_key", "other_args", "env")
_SHELL = frozenset(
    {"os.system", "sglang.utils.launch_server_cmd", "sglang.utils.execute_shell_command"}
)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=(.*)", re.DOTALL)
_SPECIAL = re.compile(r"[$`|&;<>()*?~#{\[!\n]")
Word = tuple[Value, Location]


def is_process(name: str) -> bool:
    """Whether a name outside starts a process."""
    module, _, last = name.rpartition(".")
    return (module in ("subprocess", "asyncio") and last in SUBPROCESS) or name in _SHELL


def subject_of(run: Run, scope: Scope, node: ast.Call) -> Instance | None:
    """The entry of a list of launches that a call's arguments are taken from."""
    if not run.records:
        return None
    for inner in (n for a in (*node.args, *node.keywords) for n in ast.walk(a)):
        value: Val | None = None
        if isinstance(inner, ast.Name):
            value = find(scope, inner.id)
        elif isinstance(inner, ast.Attribute) and isinstance(inner.value, ast.Name):
            owner = find(scope, inner.value.id)
            if owner is not None and not isinstance(owner, Ext):
                value = objects.attribute(run, scope, owner, inner.attr, inner)
        if isinstance(value, Instance) and value in run.records:
            return value
    return None


def popen(
    run: Run,
    scope: Scope,
    node: ast.Call,
    args: list[Val],
    keywords: dict[str, Val],
    func: Func | None,
    more: bool,
) -> Val:
    """``popen_launch_server(…)``: a launch, its *env* laid over the process's environment."""
    names: Sequence[str] = _PARAMETERS
    if func is not None:
        names = [a.arg for a in (*func.node.args.posonlyargs, *func.node.args.args)]
    given = dict(zip(names, args, strict=False)) | keywords
    notes: list[Note] = []
    for at, value in enumerate(args):
        if _splits(value):
            for name in names[at:]:
                given.setdefault(name, value)
            given |= {n: value for n in names[at:] if n not in keywords}
            break
    if more:
        where = scope.source.place(node)
        rest = splitting(unknown(scope, node, "`**` brings arguments that aren't known"))
        given = {"other_args": rest, "env": rest} | given
        notes.append(Note("`**` brings arguments that aren't known", where))
    env, said = _environment(run, scope, given.get("env"), node, exact=False)
    model = next((given[n] for n in MODEL_KEYS if n in given), None)
    words = _words(run, scope, given.get("other_args"), node, texts=True)
    arguments = _model(scope, model, node) + group_args(words, "python")
    key = given.get("api_key")
    if key is not None and not _nothing(key):
        word = _word(scope, key, node, texts=False)
        arguments += group_args([("--api-key", word[1]), word], "python")
    _record(run, scope, node, env, arguments, [*notes, *said])
    return unknown(scope, node, "a process")


def _nothing(value: Val | None) -> bool:
    return value is None or (isinstance(value, Const) and value.value is None)


def _model(scope: Scope, value: Val | None, node: ast.AST) -> tuple[ServerArg, ...]:
    """The model as the first argument, as the launcher gives it."""
    if value is None:
        return ()
    word, where = _word(scope, value, node, texts=False)
    text = word if isinstance(word, str) else word.text
    return (ServerArg("--model-path", (word,), Origin("python", where, text)),)


def _word(scope: Scope, value: Val, node: ast.AST, *, texts: bool) -> Word:
    """A value as a word of a command line; *texts*: numbers become text."""
    place = scope.source.place(node)
    if isinstance(value, Const):
        where = value.where or place
        if isinstance(value.value, str):
            return value.value, where
        number = isinstance(value.value, int | float) and not isinstance(value.value, bool)
        if texts and number:
            return str(value.value), where
        return Unknown(repr(value.value), "not a string", location=where), where
    text = "…" if not isinstance(value, Ext) else value.shown
    found = unknown_of(value, text, _where(value) or place)
    return found, found.location or place


def _where(value: Val) -> Location | None:
    return value.where if isinstance(value, Seq | Map | Instance | Ext | Const) else None


def _words(run: Run, scope: Scope, value: Val | None, node: ast.expr, *, texts: bool) -> list[Word]:
    if value is None or _nothing(value):
        return []
    if isinstance(value, Seq):
        items = iterated(run, scope, value, node)
        run.spend(2 * len(items))
        return [_word(scope, item, node, texts=texts) for item in items]
    found = splitting(unknown_of(value, shown(value), scope.source.place(node)))
    return [(found, found.location or scope.source.place(node))]


def _environment(
    run: Run, scope: Scope, value: Val | None, node: ast.AST, *, exact: bool
) -> tuple[tuple[EnvVar, ...], list[Note]]:
    """The settings that a launch gets from the file; *exact*: nothing is laid under them."""
    base = run.environ.log
    given = len(value.log) if isinstance(value, Map) else 0
    run.spend(6 * (len(base) + given))
    if _nothing(value):
        return _settings(base)
    if not isinstance(value, Map):
        assert value is not None
        where = scope.source.place(node)
        found = unknown_of(value, shown(value), where)
        last = Entry(None, replace(found, splits=False), found.location or where)
        return _settings((*(() if exact else base), last))
    if exact or value is run.environ:
        return _settings(value.log)
    listed = set(value.log)
    under = [_under(run, e, value) for e in base if e not in listed]
    return _settings((*under, *value.log))


def _under(run: Run, entry: Entry, env: Map) -> Entry:
    """A setting of the process's environment, which a copy made before it was may override."""
    if not env.inherits or entry.key is None or entry in env.seen or entry.key.value in env.gone:
        return entry
    name = entry.key.value
    if name in run.given:
        return Entry(entry.key, Const(run.given[name], entry.where), entry.where)
    default = entry.value.value if isinstance(entry.value, Const) else None
    reason = "set after the environment was copied, so the copy's value wins"
    value = Unknown(
        shown(entry.value),
        reason,
        (name,),
        default if isinstance(default, str) else None,
        location=entry.where,
    )
    return Entry(entry.key, value, entry.where)


def _settings(entries: Iterable[Entry]) -> tuple[tuple[EnvVar, ...], list[Note]]:
    env: list[EnvVar] = []
    notes: list[Note] = []
    unsure, overriding = 0, ""
    for entry in entries:
        if entry.key is None:
            cause = entry.value
            text = cause.text if isinstance(cause, Unknown) else shown(cause)
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


def _setting(name: str, entry: Entry) -> EnvVar:
    value = entry.value
    if isinstance(value, Const):
        text = str(value.value)
        known: Value = (
            value.value
            if isinstance(value.value, str)
            else Unknown(text, "not a string", location=value.where or entry.where)
        )
    else:
        known = unknown_of(value, "…", entry.where)
        known = replace(known, splits=False) if known.splits else known
        text = known.text
    return EnvVar(name, known, Origin("python", entry.where, text))


def _unsure(setting: EnvVar, cause: str) -> EnvVar:
    text = setting.value if isinstance(setting.value, str) else setting.value.text
    found = Unknown(text, f"`{cause}` may override it", location=setting.location)
    return replace(setting, value=found)


def process(
    run: Run, scope: Scope, node: ast.Call, args: list[Val], keywords: dict[str, Val]
) -> Val:
    """``subprocess.Popen(…)`` and the like: a launch when its command is a server's."""
    first = (
        args[0] if args else next((keywords[k] for k in ("args", "command") if k in keywords), None)
    )
    result = unknown(scope, node, "a process")
    if first is None:
        return result
    command: Val = Seq(tuple(args)) if node_name(node) == "create_subprocess_exec" else first
    prefix: list[Entry] = []
    if isinstance(command, Seq):
        words = _words(run, scope, command, node, texts=False)
    else:
        words = _shell(run, scope, command, node)
    start = server_start(words)
    if start is None:
        return result
    for word, where in words[:start]:
        match = _ASSIGNMENT.fullmatch(word) if isinstance(word, str) else None
        if match:
            prefix.append(Entry(Const(match[1], where), Const(match[2], where), where))
    given = keywords.get("env")
    env: Val | None = given
    if prefix:
        under = run.environ.log if _nothing(given) else given.log if isinstance(given, Map) else ()
        env = Map(Log((*under, *prefix)))
    settings, notes = _environment(run, scope, env, node, exact=True)
    _record(run, scope, node, settings, group_args(words[start:], "python"), notes)
    return result


def node_name(node: ast.Call) -> str:
    """The last name of what is called."""
    return node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")


def _shell(run: Run, scope: Scope, command: Val, node: ast.Call) -> list[Word]:
    """The words of a command line given as one text; one unknown where a shell would act."""
    where = scope.source.place(node)
    if isinstance(command, Const) and isinstance(command.value, str):
        text = command.value.replace("\\\n", " ").strip()
        where = command.where or where
        if not _SPECIAL.search(text):
            try:
                run.spend(2 * len(text))  # shlex looks at one character at a time
                return [(w, where) for w in shlex.split(text)]
            except ValueError:
                pass
        found = Unknown(text, "a shell may change it", splits=True, location=where)
    elif isinstance(command, Unknown):
        found = splitting(command)
    else:
        return []
    if re.search(r"sglang\.launch_server|\bsglang\s+serve\b", found.text):
        return [("-m", where), ("sglang.launch_server", where), (found, found.location or where)]
    return []


def server_start(words: Sequence[Word]) -> int | None:
    """Where the arguments of a server begin in a command line; None where it isn't one."""
    for at in range(1, len(words)):
        before, word = words[at - 1][0], words[at][0]
        if not isinstance(before, str) or not isinstance(word, str):
            continue
        if (before, word) == ("-m", "sglang.launch_server"):
            return at + 1
        if word == "serve" and posixpath.basename(before) == "sglang":
            return at + 1
    return None


def _record(
    run: Run,
    scope: Scope,
    node: ast.Call,
    env: tuple[EnvVar, ...],
    args: tuple[ServerArg, ...],
    notes: Sequence[Note],
) -> None:
    run.hit.add(id(node))
    if not run.recording:
        return
    subject = subject_of(run, scope, node) or run.subject
    where, end = scope.source.place(node), node.end_lineno or 1
    place = where
    symbol = run.unit
    said = (*run.notes, *notes)
    if subject is not None:
        run.launched.add(subject.where)
        note = outside_note(subject)
        said = (*said, note) if note else said
        where, end, symbol = subject.where, subject.end_line, subject.symbol or symbol
    key = (place, run.unit, subject.where if subject else None)
    count = run.counts.get(key, 0)
    run.put(run.counts, key, count + 1)
    line, at = run.unit_at
    order = (where.line or 0, where.column or 0, at)
    order = order if where.path == run.main else (line, 0, at)
    found = Found(where, end, symbol, env, args, said, order=order)
    run.put(run.found, (*key, count), found)


def entry(run: Run, scope: Scope, found: Instance) -> Found:
    """The entry of a list of launches, where what launches it isn't in the file."""
    node = ast.Pass(lineno=found.where.line or 1, col_offset=(found.where.column or 1) - 1)
    given = found.attrs
    env = next((given[k] for k in ENV_KEYS if k in given), None)
    args = next((given[k] for k in ARGS_KEYS if k in given), None)
    model = next((given[k] for k in MODEL_KEYS if k in given), None)
    if model is None and found.positional:
        model = found.positional[0]
    settings, notes = _environment(run, scope, env, node, exact=False)
    place = found.where
    words: list[Word] = []
    if isinstance(args, Seq):
        words = [_word(scope, i, node, texts=True) for i in args.items]
    elif args is not None and not _nothing(args):
        value = splitting(unknown_of(args, shown(args), place))
        words = [(value, value.location or place)]
    message = f"{ENTRY}: what does may add settings of its own"
    said = [*run.notes, *notes, Note(message, place)]
    note = outside_note(found)
    arguments = _model(scope, model, node) + group_args(words, "python")
    return Found(
        place,
        found.end_line,
        found.symbol or run.unit,
        settings,
        arguments,
        tuple(said if note is None else [*said, note]),
        entry=True,
        order=(place.line or 0, place.column or 0, run.unit_at[1]),
    )


def _splits(value: Val) -> bool:
    return isinstance(value, Unknown) and value.splits
