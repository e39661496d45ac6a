"""Profiles that a test takes its launch from: ``load_profile`` and what it gives."""

from __future__ import annotations

import ast
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from dsv4_env.lang.python.interp.machine import Machine
from dsv4_env.lang.python.syntax.trees import last_name
from dsv4_env.lang.python.values import operations as ops
from dsv4_env.lang.python.values.kinds import (
    NONE,
    BuiltinMethod,
    Call,
    Const,
    Ext,
    Instance,
    Log,
    Map,
    MapEntry,
    NotKnown,
    Scope,
    Seq,
    Val,
    is_const,
    python_value,
    splits,
    unknown_of,
    wrapped,
)
from dsv4_env.model import EnvVar, Location, Origin, Unknown, Value, group_args, text_of
from dsv4_env.model.errors import Dsv4Error, ProfileError, did_you_mean
from dsv4_env.profile import Profile, Wanted, load_all
from dsv4_env.profile.overriding import asked_of_test, changed, of_their_kinds
from dsv4_env.profile.project import TARGET
from dsv4_env.readers.taken import COST, NOT_BELOW, KnownProfiles, TakenFrom

PACKAGE = "dsv4_env"
PROFILE = f"{PACKAGE}.Profile"
_HOMES = (PACKAGE, f"{PACKAGE}.profile", f"{PACKAGE}.profile.loading")
_LOADERS = frozenset(f"{home}.load_profile" for home in _HOMES)
_LISTS = frozenset(f"{home}.profile_names" for home in _HOMES)
_METHODS = frozenset({"get", "model_path", "launch_env", "command", "changed"})
_UNTOLD = frozenset({"config", "origins"})  # objects of this package, which no launch is made of
_BY_TEST = "python"  # the origin of what a test changes of a profile


class Refused(str):
    """Why a value isn't known: the call at *where*, which nothing catches, ends the test."""

    where: Location


def _refused(vm: Machine, scope: Scope, node: ast.expr | ast.stmt, why: str) -> Unknown:
    if vm.mode.caught:
        return scope.unknown(node, why)
    reason = Refused(why)
    reason.where = scope.place(node)
    return scope.unknown(node, reason)


def _taken_by(function: str, takes: Sequence[str], call: Call, positions: int) -> str:
    """What is wrong with the arguments of a call; empty where they can be given."""
    for name in call.keywords:
        if name not in takes:
            expected = "one of " + ", ".join(f"{each}=" for each in takes)
            hint = did_you_mean(name, takes)
            return str(ProfileError(f"{function}() takes no {name}=", expected=expected, hint=hint))
    if len(call.args) > positions and not any(map(splits, call.args)):
        return f"{function}() takes {positions or 'no'} values without their names"
    return ""


def is_loader(name: str) -> bool:
    """Whether a name outside is that of a function that gives profiles."""
    return name in _LOADERS or name in _LISTS


def profile_of(value: Val) -> Profile | None:
    """The profile that a value is; None where it isn't one."""
    if isinstance(value, Instance) and isinstance(value.cls, Ext) and value.cls.name == PROFILE:
        (held,) = value.positional
        assert isinstance(held, Const)
        found: Profile = held.value
        return found
    return None


def loaded(vm: Machine, scope: Scope, known: KnownProfiles, call: Call) -> Val:
    """``load_profile(name, folder, sglang=…)``, or ``profile_names(folder)``."""
    node = call.node
    assert isinstance(call.target, Ext)
    names = ["folder"] if call.target.name in _LISTS else ["name", "folder"]
    given = dict(zip(names, call.args, strict=False)) | call.keywords
    takes = names if names == ["folder"] else [*names, *TARGET]
    function = call.target.name.rpartition(".")[2]
    if wrong := _taken_by(function, takes, call, len(names)):
        return _refused(vm, scope, node, wrong)
    nodes = dict(zip(names, node.args, strict=False))
    nodes |= {k.arg: k.value for k in node.keywords if k.arg}
    folder: Path | None = None
    at = given.get("folder")
    if at is not None and not (isinstance(at, Const) and at.value is None):
        path = _folder(scope, at, nodes.get("folder"))
        if path is None:
            return scope.unknown(node, "its folder of profiles isn't known", *call.args)
        folder = known.within(path)
        if folder is None:
            return scope.unknown(node, f"its folder of profiles {NOT_BELOW}", *call.args)
    if names == ["folder"]:
        vm.spend(COST)
        try:
            return wrapped(sorted(load_all(folder)), scope.place(node))
        except Dsv4Error as exc:
            return scope.unknown(node, str(exc))
    name = given.get("name")
    if call.open or not is_const(name or Const(None), str):
        return scope.unknown(node, "which profile it is isn't known", *call.args)
    assert isinstance(name, Const)
    target = {key: given[key] for key in TARGET if key in given}
    if not all(isinstance(value, Const) for value in target.values()):
        return scope.unknown(node, "for which target it is isn't known", *call.args)
    try:
        wanted = Wanted(**{key: value.value for key, value in target.items()})  # type: ignore[union-attr]
    except Dsv4Error as exc:
        return _refused(vm, scope, node, str(exc))
    found = profile_value(vm, scope, known, name.value, folder, node, wanted)
    # A release that only this reading goes by may be what is wrong.
    if isinstance(found, Unknown) and (known.sglang is None or wanted.sglang is not None):
        return _refused(vm, scope, node, found.reason)
    return found


def profile_value(
    vm: Machine,
    scope: Scope,
    known: KnownProfiles,
    name: str,
    folder: Path | None,
    node: ast.expr | ast.stmt,
    wanted: Wanted | None = None,
) -> Val:
    """A profile as the value that a test has; unknown, with the reason, where there is none."""
    found = known.load(vm.spend, name, folder, wanted)
    where = scope.place(node)
    if isinstance(found, str):
        return Unknown(f"load_profile({name!r})", found, location=where)
    end = node.end_lineno or node.lineno
    return Instance(Ext(PROFILE, "Profile"), {}, where, end, (Const(found),))


def _folder(scope: Scope, value: Val, node: ast.expr | None) -> Path | None:
    """The folder that a value or its source names; relative ones are from the root."""
    if is_const(value, str):
        return Path(value.value)
    text = value.text if isinstance(value, Unknown) else ""
    for each in (node, _parsed(text)):
        found = _path(scope, each) if each is not None else None
        if found is not None:
            return Path(os.path.normpath(found))
    return None


def _parsed(text: str) -> ast.expr | None:
    """What a name was bound to, of which only the source is known."""
    try:
        return ast.parse(text[:500], mode="eval").body
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return None


def _path(scope: Scope, node: ast.expr, level: int = 0) -> Path | None:
    """``Path(__file__).parent / "launch"`` and the like."""
    if level > 20:
        return None
    if isinstance(node, ast.Constant):
        return Path(node.value) if isinstance(node.value, str) else None
    if isinstance(node, ast.Name):
        bound = scope.find(node.id)
        if node.id == "__file__" and bound is None:
            return Path(scope.module.file if scope.module else scope.source.path).absolute()
        if is_const(bound or Const(None), str):
            return Path(bound.value)  # type: ignore[union-attr]
        inner = _parsed(bound.text) if isinstance(bound, Unknown) else None
        return _path(scope, inner, level + 5) if inner is not None else None
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return _joined(scope, [node.left, node.right], level)
    if isinstance(node, ast.Attribute) and node.attr == "parent":
        owner = _path(scope, node.value, level + 1)
        return owner.parent if owner is not None else None
    if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute):
        owner = _path(scope, node.value.value, level + 1)
        at = node.slice.value if isinstance(node.slice, ast.Constant) else None
        if node.value.attr == "parents" and owner is not None and isinstance(at, int):
            return owner.parents[at] if at < len(owner.parents) else None
        return None
    if isinstance(node, ast.Call):
        name = last_name(node)
        if name in ("resolve", "absolute") and isinstance(node.func, ast.Attribute):
            return _path(scope, node.func.value, level + 1)
        if name == "dirname" and len(node.args) == 1:
            owner = _path(scope, node.args[0], level + 1)
            return owner.parent if owner is not None else None
        if name in ("Path", "str", "abspath", "realpath", "join", "fspath") and node.args:
            return _joined(scope, node.args, level)
    return None


def _joined(scope: Scope, nodes: Sequence[ast.expr], level: int) -> Path | None:
    parts = [_path(scope, n, level + 1) for n in nodes]
    return Path(*(p for p in parts if p is not None)) if None not in parts else None


# What a profile offers


def attribute(vm: Machine, scope: Scope, owner: Instance, name: str, node: ast.expr) -> Val | None:
    """``profile.server_args`` and all else that a profile tells."""
    profile = profile_of(owner)
    if profile is None:
        return None
    if name in _METHODS:
        return BuiltinMethod(owner, name)
    if name == "env":
        return Map(Log(_variables(vm, profile, owner.where)), where=scope.place(node))
    if name == "server_args":
        return Seq(tuple(_words(vm, profile, owner.where)), "list", scope.place(node))
    if name.startswith("_") or name in _UNTOLD or not hasattr(profile, name):
        return None
    if name in ("required", "overridable") and any(map(_unknown_of_test, profile.config.env)):
        return None
    return wrapped(_plain(getattr(profile, name)), scope.place(node))


def _plain(value: Any) -> Any:
    """Tables as dicts, as which values are told."""
    if isinstance(value, Mapping):
        return {k: _plain(v) for k, v in value.items()}
    return value


def _at(profile: Profile, origin: Origin, taken: Location) -> TakenFrom:
    place = origin.location or taken
    return TakenFrom(place.path, place.line, place.column, profile.name, origin, taken)


def _variables(
    vm: Machine, profile: Profile, taken: Location, over: Map | None = None
) -> list[MapEntry]:
    """A profile's variables; as a launch has them *over* an environment, which may override."""
    vm.spend(len(profile.config.env))
    found: list[MapEntry] = []
    for each in profile.config.env:
        text = text_of(each.value)
        if _unknown_of_test(each):
            at = _at(profile, each.origin, taken)
            assert isinstance(each.value, Unknown)
            found.append(MapEntry(Const(each.name, at), replace(each.value, location=at), at))
        elif text is not None:
            at = _at(profile, each.origin, taken)
            value: Val | None = Const(text, at)
            if over is not None and isinstance(each.value, Unknown):
                value = _over(vm, each, text, over, at)
            if value is not None:
                found.append(MapEntry(Const(each.name, at), value, at))
    return found


def _over(vm: Machine, own: EnvVar, text: str, env: Map, at: TakenFrom) -> Val | None:
    """A variable that an environment may override, over that; None where its own value stays.

    What is empty there overrides nothing.
    """
    vm.spend(1 + (len(env.log) >> 3))
    entry = env.log.last(own.name)
    if entry is None:
        assert isinstance(own.value, Unknown)
        if not env.inherits or own.name in env.gone:
            return Const(text, at)
        if own.name in vm.given:
            return Const(vm.given[own.name] or text, at)
        return replace(own.value, location=at)
    if entry.key is None:  # what may have set any variable
        told = entry.value.text if isinstance(entry.value, Unknown) else "…"
        return Unknown(text, f"`{told}` may override it", location=at)
    if isinstance(entry.value, Const):
        return None if entry.value.value else Const(text, at)
    if isinstance(entry.value, Unknown) and entry.value.default == "":
        return replace(entry.value, default=text)
    return None


def _unknown_of_test(setting: EnvVar) -> bool:
    """Whether a test gave a variable a value that isn't known; a profile's are of another kind."""
    return isinstance(setting.value, Unknown) and setting.origin.name == _BY_TEST


def _words(vm: Machine, profile: Profile, taken: Location) -> list[Val]:
    vm.spend(len(profile.config.args or ()))
    return [
        replace(word, location=at) if isinstance(word, Unknown) else Const(word, at)
        for each in profile.config.args or ()
        for at in (_at(profile, each.origin, taken),)
        for word in each.words
    ]


def method(vm: Machine, scope: Scope, owner: Instance, name: str, call: Call) -> Val:
    """``profile.launch_env(os.environ)`` and its other methods."""
    profile = profile_of(owner)
    assert profile is not None
    where = scope.place(call.node)
    if name == "get":
        given = [*call.args, *(call.keywords[k] for k in ("table", "key") if k in call.keywords)]
        if len(given) == 2 and all(is_const(g, str) for g in given):
            table, key = (g.value for g in given if isinstance(g, Const))
            return wrapped(_plain(profile.get(table, key)), where)
        return scope.unknown(call.node, "which key it is isn't known", *call.args)
    if name == "command":
        return _command(vm, scope, owner, profile, call)
    if name == "changed":
        return _changed(vm, scope, owner, profile, call)
    environ = call.args[0] if call.args else call.keywords.get("environ")
    if environ is None:
        return scope.unknown(call.node, "an environment that isn't given")
    if name == "model_path":
        return model_path(vm, scope, profile, environ, call)
    return launch_env(vm, scope, owner, environ, call.node)


def model_path(vm: Machine, scope: Scope, profile: Profile, environ: Val, call: Call) -> Val:
    """The variable of an environment that overrides the model, else the profile's own."""
    where = scope.place(call.node)
    default = Const(profile.default_model_path, where)
    if profile.model_path_variable is None:
        return default
    asked = replace(call, args=[Const(profile.model_path_variable, where), default], keywords={})
    if isinstance(environ, Map):
        return ops.call_method(vm, scope, environ, "get", asked)
    return scope.unknown(call.node, "an environment that isn't known", environ)


def launch_env(vm: Machine, scope: Scope, owner: Instance, environ: Val, node: ast.expr) -> Map:
    """A copy of an environment with the profile's variables over it."""
    profile = profile_of(owner)
    assert profile is not None
    found = Map(where=scope.place(node))
    if isinstance(environ, Map):
        found = ops.copied_map(vm, environ, scope.place(node))
    else:
        ops.merge_into(vm, scope, found, environ, node)
    entries = _variables(vm, profile, owner.where, found)
    ops.add_entries(vm, scope, found, node, *entries)
    return found


def _given(value: Val, otherwise: Location) -> tuple[Value, Location]:
    """A word or a value that a test gives, and where; what is no text is refused by its user."""
    if isinstance(value, Const):
        found: Value = value.value
        at = value.where
    else:
        found = unknown_of(value, "…", otherwise)
        at = found.location
    at = at or otherwise
    return found, Location(at.path, at.line, at.column)


def _wrong_kinds(args: Val, env: Val, without: Val) -> str:
    """What is wrong with the kinds of what a profile is changed by; empty where that's nothing."""
    for name, value in (("args", args), ("without", without)):
        kind = "dict" if isinstance(value, Map) else value.kind if isinstance(value, Seq) else ""
        if kind == "dict" or (kind == "set" and name == "args"):
            return str(ProfileError(f"{name} is a {kind}", expected="a list of words"))
    if isinstance(env, Seq):
        expected = "a dict of variables and their values"
        return str(ProfileError(f"env is a {env.kind}", expected=expected))
    plain = [x.value if isinstance(x, Const) else () for x in (args, without)]
    try:
        of_their_kinds(plain[0], env.value if isinstance(env, Const) else {}, plain[1])
    except Dsv4Error as exc:
        return str(exc)
    return ""


def _changed(vm: Machine, scope: Scope, owner: Instance, profile: Profile, call: Call) -> Val:
    """``profile.changed(args=…, env=…, without=…)``."""
    given = call.keywords
    args, without = given.get("args", Seq(())), given.get("without", Seq(()))
    env = given.get("env", NONE)
    env = Map() if is_const(env, type(None)) else env
    nothing_known = scope.unknown(call.node, "how it is changed isn't known", *given.values())
    if wrong := _taken_by("changed", ("args", "env", "without"), call, 0):
        return _refused(vm, scope, call.node, wrong)
    if wrong := _wrong_kinds(args, env, without):
        return _refused(vm, scope, call.node, wrong)
    if not isinstance(args, Seq) or not isinstance(without, Seq) or not isinstance(env, Map):
        return nothing_known
    if call.open or call.args or args.kind == "set" or env.inherits:
        return nothing_known
    vm.spend(1 + len(args.items) + len(without.items) + len(env.log))
    here = scope.place(call.node)
    try:
        words = [_given(value, here) for value in args.items]
        variables = {k: _given(e.value, here) for k, e in env.settings().items()}
        gone = [python_value(value, vm.budget) for value in without.items]
        values = {name: value for name, (value, _) in variables.items()}
        asked_of_test(profile, [word for word, _ in words], values, gone)
        news = group_args(words, _BY_TEST)
        if any(isinstance(a.values[0], Unknown) for a in news if a.flag is None):
            raise NotKnown  # a flag, which takes the place of who knows what
        texts = {k: v if isinstance(v, str) else v.text for k, v in values.items()}
        sets = [
            EnvVar(name, value, Origin(_BY_TEST, at, texts[name]))
            for name, (value, at) in variables.items()
        ]
        made = changed(profile, sets, news, gone)
    except NotKnown:
        return nothing_known
    except Dsv4Error as exc:
        return _refused(vm, scope, call.node, str(exc))
    return replace(owner, positional=(Const(made),))


def _command(vm: Machine, scope: Scope, owner: Instance, profile: Profile, call: Call) -> Val:
    where = scope.place(call.node)
    given = call.keywords
    none = Const(None)

    def option(name: str, otherwise: Val = none) -> Val | None:
        value = given.get(name, otherwise)
        return None if isinstance(value, Const) and value.value is None else value

    model = option("model") or Const(profile.default_model_path, where)
    words: list[Val] = [option("python", Const("python3", where)) or Const("python3", where)]
    words += [Const(w, where) for w in ("-m", "sglang.launch_server", "--model-path")]
    words += [model, *_words(vm, profile, owner.where)]
    for name in ("host", "port"):
        value = option(name)
        if value is not None:
            text = Const(str(value.value), value.where) if isinstance(value, Const) else value
            words += [Const(f"--{name}", where), text]
    if call.open:
        words.append(
            Unknown(scope.text(call.node), "`**` brings more", splits=True, location=where)
        )
    return Seq(tuple(words), "list", where)


# What the pytest plugin offers

FIXTURE = "dsv4_profile"
VARIABLES = "dsv4_env"
LAUNCHER = f"{PACKAGE}.pytest.plugin.dsv4_launch"
SHARED = {"dsv4_class_server": "class", "dsv4_module_server": "module"}  # by several tests
SERVERS = frozenset({"dsv4_server", *SHARED})
NAME = "dsv4_profile_name"
COMMAND = "dsv4_server_command"
STARTERS = ("dsv4_launch",)
FIXTURES = SERVERS | {FIXTURE, VARIABLES, NAME, "dsv4_server_args", *STARTERS}
MARK = f"pytest.mark.{FIXTURE}"
MARKS = frozenset({MARK, "pytest.mark.usefixtures", "pytest.mark.parametrize"})
PARAMETER = "pytest.param"
Marked: TypeAlias = str | Val  # a profile as a mark has it: a name, else what stands there


def marked(scope: Scope, call: Call) -> Instance:
    """``pytest.mark.dsv4_profile(…)`` and other marks that matter, with what they are given."""
    assert isinstance(call.target, Ext)
    where = scope.place(call.node)
    end = call.node.end_lineno or call.node.lineno
    given = [
        *call.args,
        *(call.keywords[k] for k in ("argnames", "argvalues") if k in call.keywords),
    ]
    if call.open:
        given.append(scope.unknown(call.node, "what it is given isn't known"))
    made = Ext(call.target.name, call.target.name.rpartition(".")[2])
    return Instance(made, {}, where, end, tuple(given))


def asked_profiles(values: Sequence[Val]) -> list[Marked]:
    """The profiles that a mark or a parameter asks for: each name once, and changed profiles."""
    asked: dict[object, Marked] = {}
    for value in values:
        if isinstance(value, Const):
            asked[str(value.value)] = str(value.value)
        else:
            asked[id(value)] = value
    return list(asked.values())


def marked_name(profile: Marked) -> str:
    """What a profile that is asked for is called."""
    held = profile_of(profile) if not isinstance(profile, str) else None
    return profile if isinstance(profile, str) else held.name if held else "…"


def fixture(
    vm: Machine, scope: Scope, known: KnownProfiles, name: str, profile: Marked | None, node: Any
) -> Val:
    """What a fixture of the plugin gives to a test with a profile."""
    if name == "dsv4_launch":
        return Ext(LAUNCHER, name, scope.place(node))
    if profile is None:
        reason = "no @pytest.mark.dsv4_profile says which profile it is"
        return Unknown(name, reason, location=scope.place(node))
    if name == NAME:
        return Const(profile, scope.place(node)) if isinstance(profile, str) else profile
    found = profile
    if isinstance(found, str):
        found = profile_value(vm, scope, known, found, known.of_project(), node)
    held = profile_of(found)
    if held is None or not isinstance(found, Instance):
        return unknown_of(found, name, scope.place(node))
    if name == VARIABLES:
        return exported(vm, scope, found, node)
    if name == "dsv4_server_args":
        return Seq(tuple(_words(vm, held, found.where)), "list", scope.place(node))
    return found


def server_words(vm: Machine, scope: Scope, owner: Instance, node: ast.expr) -> Seq:
    """The words that the plugin's own servers are started with, after the module's name."""
    profile = profile_of(owner)
    assert profile is not None
    where = scope.place(node)
    call = Call(ast.copy_location(ast.Call(node, [], []), node), owner, [], {})
    model = model_path(vm, scope, profile, vm.environ, call)
    if isinstance(model, Unknown):
        names = f"{profile.model_path_variable!r}, {profile.default_model_path!r}"
        model = replace(model, text=f"os.environ.get({names})")
    host = [Const("--host", where), Const("127.0.0.1", where), Const("--port", where)]
    port = Unknown("port", "a free port", location=where)
    return Seq(
        (Const("--model-path", where), model, *_words(vm, profile, owner.where), *host, port),
        "list",
        where,
    )


def exported(vm: Machine, scope: Scope, owner: Instance, node: ast.expr) -> Map:
    """``dsv4_env``: the profile's variables, set in the process's environment."""
    profile = profile_of(owner)
    assert profile is not None
    entries = _variables(vm, profile, owner.where)
    ops.add_entries(vm, scope, vm.environ, node, *entries)
    return Map(Log(entries), where=scope.place(node))
