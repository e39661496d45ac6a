"""The other direction: a profile's layers edited until the profile is what a launch is."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import tomli_w

from dsv4_env.compare.differences import Difference, Kind
from dsv4_env.compare.normalise import LOCAL, is_ignored, with_model
from dsv4_env.lang import toml as toml_source
from dsv4_env.lint.advice import flag_value
from dsv4_env.model import (
    ENV_NAME,
    FROM_ENVIRONMENT,
    LaunchConfig,
    Location,
    Unknown,
    is_installed,
    own_default,
    text_of,
)
from dsv4_env.model.errors import Dsv4Error, ProfileError, UsageError, did_you_mean
from dsv4_env.model.secrets import plain_default, plain_secret, secret_name
from dsv4_env.profile import (
    Profile,
    layer_bytes,
    layer_files,
    lock,
    locked_all,
    resolve_all,
    shipped_dir,
)
from dsv4_env.profile.layer import BLOCK_SECTIONS, LayerSetting, read_layer, respelled, spelled_key
from dsv4_env.profile.layers import Layers
from dsv4_env.profile.schema import FLAG_NAME, Default, FromEnvironment
from dsv4_env.profile.target import Spec, Target, parse
from dsv4_env.writeback import facts
from dsv4_env.writeback.edits import SETTLED, Refused, hopeless, occurrences
from dsv4_env.writeback.files import FileChange
from dsv4_env.writeback.toml import LayerDocument

ProfileDiffer = Callable[[LaunchConfig, LaunchConfig], list[Difference]]
_MODEL = [flag for flag, name in LOCAL.items() if name == "model-path"]
OPTION = "--secrets-from-environment"
_HOLDS = "holds what looks like a secret, and a layer is read by everyone"
_SOURCES = ("Secret ", "${{ secrets.")  # as a manifest and a workflow refer to one


@dataclass(slots=True)
class EditedLayers:
    """The layers of a folder, of which those of the profile *name* are edited in memory.

    *only* is the one layer that changes go to, where one was chosen. The profile is that of
    *at* on the release *sglang*; without them, as it usually is.
    """

    name: str
    folder: Path | None
    only: str | None = None
    at: Target | None = None
    sglang: str | None = None
    files: dict[str, Path] = field(init=False)
    old: dict[str, bytes] = field(init=False)
    new: dict[str, bytes] = field(default_factory=dict)
    before: dict[str, Profile] = field(init=False)
    known: dict[Any, Profile] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.files = layer_files(self.folder)
        self.old = {name: layer_bytes(path) for name, path in self.files.items()}
        self.before = resolve_all(self.files, self.old, sglang=self.sglang)
        spec = parse(self.name)
        if self.at is None or self.sglang is None:
            usual = self.before[spec.base]
            self.at, self.sglang = self.at or usual.target, self.sglang or usual.sglang
        self.before[self.name] = self._at(spec, self.old)
        if self.only is not None and self.only not in (known := self.before[self.name].layers):
            raise UsageError(
                f"--layer {self.only}: {self.name} isn't made of it",
                expected="one of " + ", ".join(known),
                hint=did_you_mean(self.only, known),
            )

    def profile(self) -> Profile:
        """The profile as the edits have it. Raises ProfileError where they contradict."""
        return self._at(parse(self.name), self.old | self.new)

    @property
    def own(self) -> str:
        """The profile's own layer."""
        return parse(self.name).base

    def resolved(self, layer: str, *, below: bool = False) -> Profile:
        """What a layer holds with those below it, or (*below*) what those alone hold."""
        key = (layer, below, tuple(sorted(self.new.items())))
        if key not in self.known:
            self.known[key] = self._resolved(layer, below=below)
        return self.known[key]

    def _resolved(self, layer: str, *, below: bool) -> Profile:
        data = self.old | self.new
        overlay = read_layer(self.files[layer], data[layer]).file.overlay
        if below:
            data[layer] = _emptied(data[layer])
        return self._at(parse(self.name) if overlay else Spec(layer), data)

    def _at(self, spec: Spec, data: Mapping[str, bytes]) -> Profile:
        """A profile, or what any other layer holds, for the target."""
        if self.at is None:
            raise AssertionError("the target is known from the start")
        return Layers(self._closure(spec, data), data).profile(spec, self.at, self.sglang)

    def _closure(self, spec: Spec, data: Mapping[str, bytes]) -> dict[str, Path]:
        """The files of a profile's layers."""
        found: dict[str, Path] = {}
        pending = [spec.base, *spec.overlays]
        while pending:
            name = pending.pop()
            if name not in found and name in self.files:
                found[name] = self.files[name]
                pending += read_layer(self.files[name], data[name]).file.extends
        return found

    def add(self, layer: str, path: Path, data: bytes) -> None:
        """A layer that isn't there yet, made a profile."""
        self.files[layer] = path
        self.new[layer] = data
        self.old[layer] = b""
        self.before[layer] = self.resolved(layer)

    def target(self, section: str, key: str) -> str:
        """The layer that a setting is written to: its own, where no other profile uses that.

        Else the profile's own layer, so that other profiles stay as they are.
        """
        if self.only is not None:
            return self.only
        profile = self.profile()
        origin = _origins(profile).get((section, key))
        if origin is not None and not self.users(origin):
            return origin
        return self.own

    def users(self, layer: str) -> list[str]:
        """The other profiles that are made of a layer."""
        return [n for n, p in self.before.items() if layer in p.layers and n not in self._mine]

    @property
    def _mine(self) -> tuple[str, str]:
        return self.name, self.own

    def affected(self) -> list[str]:
        """The other profiles that the edits change."""
        after = resolve_all(self.files, self.old | self.new, sglang=self.sglang)
        return [
            name
            for name, profile in self.before.items()
            if name not in self._mine and _content(after[name]) != _content(profile)
        ]

    def put(self, layer: str, section: str, key: str, value: Any) -> None:
        """Make a setting *value* in a layer, None: it isn't set there or below."""
        data = self.new.get(layer, self.old[layer])
        document = LayerDocument(data)
        given = self._given(layer, section, key)
        if given is not None:  # a flag may stand there under another name
            key = str(given.path[-1]) if given.value is not None else key
        below = _value(self.resolved(layer, below=True), section, key)
        if given is not None and given.path[0] == "when":
            self._put_in_block(layer, document, given, section, key, value)
            return
        if value is None:
            document.drop(section, key)
            if below is not None:
                document.unset(section, key)
        else:
            document.keep(section, key)
            if below != value or document.has(section, key):
                document.put(section, key, value)
        self.new[layer] = document.encoded()

    def _given(self, layer: str, section: str, key: str) -> LayerSetting | None:
        """What a layer itself says of a setting for the target, and where."""
        if self.at is None or self.sglang is None:
            raise AssertionError("the target is known from the start")
        data = self.old | self.new
        files = self._closure(parse(self.name), data)
        if layer not in files:
            return None
        layers = Layers(files, data)
        now = layers.situation(layers.order(parse(self.name)), self.at, self.sglang)
        return respelled(layers.all[layer].settings(now), now.sglang).get(
            spelled_key((section, key), self.sglang)
        )

    def _put_in_block(
        self,
        layer: str,
        document: LayerDocument,
        given: LayerSetting,
        section: str,
        key: str,
        value: Any,
    ) -> None:
        """Edit the block that says it, as a value beside it wouldn't count."""
        block = document.block(cast("int", given.path[1]))
        # A block calls the table of the model otherwise.
        table = BLOCK_SECTIONS.get(section, section)
        if given.value is None:
            block.keep(section, key)
        if value is not None:
            block.put(table, key, value)
        else:
            block.drop(table, key)
            self.new[layer] = document.encoded()
            if _value(self.resolved(layer), section, key) is not None:
                block.unset(section, key)
        self.new[layer] = document.encoded()

    def changes(self) -> list[FileChange]:
        """The files to write. Raises UsageError where one of them can't be written."""
        found: list[FileChange] = []
        for layer, data in self.new.items():
            old = self.old[layer] if self.files[layer].exists() else None
            if data != old:
                self._writable(layer)
                found.append(FileChange(self.files[layer], old, data))
        return found

    def _writable(self, layer: str) -> None:
        path = self.files[layer]
        shipped = is_installed(str(path))
        if not shipped and os.access(path.parent, os.W_OK):
            return
        why = "comes with the package" if shipped else "is in a folder that can't be written"
        raise UsageError(
            f"the layer {layer} {why}",
            where=path,
            expected="a profile in a folder of your own (--profiles DIR); `dsv4-env import SCRIPT "
            "--as NAME --profiles DIR --write` makes one that extends this one",
        )

    def locks(self) -> list[Path]:
        """The locks that hold for the layers as they are on disk now, and won't after a write."""
        folders = {path.parent: None for path in self.files.values()}
        found = []
        for folder in folders:
            shared = folder if folder.resolve() != shipped_dir().resolve() else None
            files = layer_files(shared, own=False)
            path = lock.lock_path(folder)
            if path.is_file() and lock.read_lock(path, files) is not None:
                found.append(path)
        return found


def relock(path: Path) -> FileChange:
    """A lock made anew from the layers on disk."""
    folder = path.parent
    shared = folder if folder.resolve() != shipped_dir().resolve() else None
    files = layer_files(shared, own=False)
    return FileChange(path, layer_bytes(path), lock.dump_lock(locked_all(files), files).encode())


_KEPT = ("extends", "abstract", "overlay", "needs", "excludes", "axes", "only", "targets")


def rename_key(path: Path, text: str, place: Location, old: str, new: str) -> str | None:
    """The text of a layer with another name for what it sets or unsets at a place.

    None where that isn't all that would change, or no such name stands there.
    """
    lines = text.split("\n")
    number, at = (place.line or 1) - 1, (place.column or 1) - 1
    line = lines[number]
    at += line.startswith(("'", '"'), at)
    if not line.startswith(old, at):
        return None
    lines[number] = f"{line[:at]}{new}{line[at + len(old) :]}"
    edited = "\n".join(lines)
    try:
        before, after = (list(read_layer(path, t.encode()).every()) for t in (text, edited))
    except ProfileError:
        return None
    wanted = [
        ((section, new if given.location == place else key), given.value)
        for (section, key), given in before
    ]
    return edited if wanted == [(key, given.value) for key, given in after] else None


def _emptied(data: bytes) -> bytes:
    """The layer without any setting: what it is, and what it lies on."""
    said = toml_source.parse(data, "<layer>", ProfileError).data
    return tomli_w.dumps({key: said[key] for key in _KEPT if key in said}).encode()


def _origins(profile: Profile) -> dict[tuple[str, str], str]:
    found = {("env", e.name): e.origin.name for e in profile.config.env}
    found |= {("args", a.flag or ""): a.origin.name for a in profile.config.args or ()}
    return found | {key: o.name for key, o in profile.origins.items()}


def _content(profile: Profile) -> Any:
    return profile.env, profile.required, profile.server_args, profile.data


def _value(profile: Profile, section: str, key: str) -> Any:
    if section == "env":
        text = profile.env.get(key)
        if text is not None and key in profile.overridable:
            return Default(text)
        return text or (FromEnvironment.REQUIRED if key in profile.required else text)
    if section == "args":
        found = occurrences(profile.config, "args", key)
        return flag_value(found) if found else None
    return profile.data.get(section, {}).get(key)


def edit_layers(
    layers: EditedLayers,
    launch: LaunchConfig,
    differ: ProfileDiffer,
    *,
    from_environment: bool = False,
) -> list[Refused]:
    """Edit the layers until the profile is the launch; what can't be written is returned.

    Secrets never are: *from_environment* says that a variable then comes from there.
    """
    refused: list[Refused] = []
    tried: set[tuple[str, str]] = set()
    while True:
        found = differ(with_model(layers.profile()), launch)
        found = [d for d in found if d.kind not in SETTLED]
        fresh = [d for d in found if (d.section, d.name) not in tried]
        if not fresh:
            return refused
        d = fresh[0]
        tried.add((d.section, d.name))
        mine = [x for x in found if (x.section, x.name) == (d.section, d.name)]
        secret = secret_of(launch, d)
        always = d.section == "env" and all(x.condition is None for x in mine)
        if always and (refers_to_secret(d) or (secret and from_environment)):
            problem = _from_environment(layers, launch, d)
        else:
            problem = secret or hopeless(mine, launch, elsewhere=True)
            problem = problem or _settle(layers, launch, d, differ)
        if problem is not None:
            refused.append(problem)


def edit_layer_facts(
    layers: EditedLayers, launch: LaunchConfig, ignore: Sequence[str] = ()
) -> list[Refused]:
    """Make the layers say what a test says beside its settings; what they can't is returned."""
    left: list[Refused] = []
    for told in facts.layer_values(layers.profile().config, launch, ignore):
        if isinstance(told, Refused):
            left.append(told)
        else:
            _put(layers, *told)
    for name, value, free in facts.chosen(layers.profile().config, launch):
        if not is_ignored(name, ignore):
            _put(layers, "env", name, Default(value) if free else value)
    return left


def _put(layers: EditedLayers, section: str, key: str, value: object) -> None:
    layers.put(layers.target(section, key), section, key, value)


def _from_environment(layers: EditedLayers, launch: LaunchConfig, d: Difference) -> Refused | None:
    """Say in a layer that a variable comes from the environment; why that can't be, or None."""
    name = d.right_name or d.name
    kept = dict(layers.new)
    try:
        if name != d.name:
            layers.put(layers.target("env", d.name), "env", d.name, None)
        layers.put(layers.target("env", name), "env", name, FromEnvironment.REQUIRED)
        layers.profile()
    except Dsv4Error as exc:
        layers.new = kept
        return Refused(name, exc.found, d.right_location or launch.location)
    return None


def _settle(
    layers: EditedLayers, launch: LaunchConfig, d: Difference, differ: ProfileDiffer
) -> Refused | None:
    theirs = d.right_name or d.name
    where = d.right_location or launch.location
    pattern = ENV_NAME if d.section == "env" else FLAG_NAME
    if not pattern.fullmatch(theirs) and d.kind is not Kind.REMOVED:
        return Refused(theirs, "a profile can't hold a setting of this name", where)
    values = occurrences(launch, d.section, theirs) if d.right is not None else ()
    attempts: list[list[tuple[str, str, Any]]]
    value = _toml(d.section, values)
    if d.section == "env" and value is not None and theirs in launch.effective_env:
        default = own_default(theirs, launch.effective_env[theirs].value)
        value = Default(default) if default else value
    if d.section == "args" and theirs in _MODEL:
        if value is None:
            return Refused(theirs, "a profile's model can't be unset", where)
        attempts = [[("model", "path", value)]]
    elif d.kind is Kind.REMOVED or theirs == d.name:
        attempts = [[(d.section, d.name, value)]]
    else:
        both = [(d.section, d.name, None), (d.section, theirs, value)]
        attempts = [both] if d.section == "env" else [[(d.section, d.name, value)], both]
    reason = None
    for attempt in attempts:
        kept = dict(layers.new)
        reason = _attempt(layers, launch, d, differ, attempt)
        if reason is None:
            return None
        layers.new = kept
    return Refused(theirs, reason or "it can't be written", where)


def _attempt(
    layers: EditedLayers,
    launch: LaunchConfig,
    d: Difference,
    differ: ProfileDiffer,
    attempt: list[tuple[str, str, Any]],
) -> str | None:
    """Why a change of the layers doesn't do; None where it does, and is kept."""
    try:
        for section, key, value in attempt:
            layers.put(layers.target(section, key), section, key, value)
        found = differ(with_model(layers.profile()), launch)
    except Dsv4Error as exc:
        return exc.found
    for left in found:
        if (left.section, left.name) == (d.section, d.name) and left.kind not in SETTLED:
            over = _origins(layers.profile()).get((d.section, d.name))
            if layers.only is not None and over and over != layers.only:
                return f"the layer {over} overrides what {layers.only} sets"
            if d.section == "args" and any("=" in str(w) for w in (d.right or ())[:1]):
                return "a profile gives a flag and its value as two words, never with '='"
            return "the layers can't be made to say it"
    return None


def _toml(section: str, values: tuple[tuple[str, ...], ...]) -> Any:
    if not values:
        return None
    return values[-1][0] if section == "env" else flag_value(values)


def model_with_variable(launch: LaunchConfig) -> tuple[str | None, str | None, Location | None]:
    """The model path that a launch has (of one the outside may override, the default).

    With it the variable that overrides it, and where it is given.
    """
    for arg in reversed(launch.args or ()):
        if arg.flag in _MODEL and arg.values and arg.condition is None:
            value = arg.values[0]
            names = value.names if isinstance(value, Unknown) else ()
            return text_of(value), names[0] if len(names) == 1 else None, arg.location
    return None, None, None


# Secrets are kept out of layers: refused, or left to the environment of the launch


def secret_of(launch: LaunchConfig, d: Difference) -> Refused | None:
    """Why the launch's value of a setting can't be kept in a layer; None where it can."""
    name = d.right_name or d.name
    if d.right is None:
        return None
    words = [w for values in occurrences(launch, d.section, name) for w in values]
    if not any(plain_secret(name, word) for word in words) and not any(map(plain_default, d.right)):
        return None
    return secret_refused(name, d.right_location or launch.location)


def secret_refused(name: str, where: Location | None) -> Refused:
    """The refusal of a secret, with the way to leave it to the environment."""
    if name.startswith("-"):
        expected = f"it given at the launch, behind --; {OPTION} leaves it out"
    else:
        expected = f"{name} = {FROM_ENVIRONMENT} under [env]; {OPTION} writes that"
    return Refused(name, _HOLDS, where, expected)


def refers_to_secret(d: Difference) -> bool:
    """Whether a launch takes a secret variable from outside, under its own name."""
    name = d.right_name or d.name
    value = d.right[0] if d.right else None
    if d.section != "env" or not isinstance(value, Unknown) or not secret_name(name):
        return False
    return not value.default and (name in value.names or value.text.startswith(_SOURCES))
