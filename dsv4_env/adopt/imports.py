"""A launch as a new profile or overlay: the smallest layer over what is nearest to it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from dsv4_env.adopt.carried import ORDER, carried, held_by
from dsv4_env.adopt.compositions import Composition, Compositions
from dsv4_env.adopt.planning import Source, hardware_of
from dsv4_env.compare.differences import Kind
from dsv4_env.compare.normalise import LOCAL, is_local, with_model
from dsv4_env.lint.advice import flag_value
from dsv4_env.model import LaunchConfig, Unknown, Value, facts_told, own_default
from dsv4_env.model.errors import UsageError, did_you_mean
from dsv4_env.model.hardware import ci_vendor
from dsv4_env.model.secrets import plain_secret
from dsv4_env.model.style import plain
from dsv4_env.profile import Profile, Wanted, layer_files, load_all
from dsv4_env.profile.layers import Layers
from dsv4_env.profile.schema import LAYER_NAME, Default
from dsv4_env.profile.target import Spec, Target, asked, choose, parse
from dsv4_env.writeback.edits import SETTLED, Refused, occurrences
from dsv4_env.writeback.facts import layer_value
from dsv4_env.writeback.layers import (
    EditedLayers,
    ProfileDiffer,
    edit_layers,
    model_with_variable,
    secret_refused,
)
from dsv4_env.writeback.toml import LayerDocument

_HEAD = {"description", "overlay", "extends", "needs"}  # what a layer is, without a setting
_SCHEMA = "profile.schema.json"  # where the folder has it, editors check the layer by it


@dataclass(frozen=True, slots=True)
class Imported:
    """The new layer as TOML, what it lies on, what was refused, and flags left to the machine.

    What it lies on is a profile, which it extends, or one with overlays: then it is an overlay
    itself, and *text* is empty where there is nothing left for it. *name* says how the launch is
    asked for, *wanted* for which target, where that isn't just the usual one.

    *defaults* are settings that the layer leaves out, as SGLang does the same without them,
    *overridable* those of which it holds a value that the launch lets the outside change, with
    the variables that do. *kept* are keys that the layer has from the one below it, as the test
    doesn't say them or only a run could tell, *beside* what the test says and no layer can hold.
    """

    text: str
    base: str
    refused: tuple[Refused, ...]
    local: tuple[str, ...]
    layers: EditedLayers
    defaults: tuple[str, ...] = ()
    overridable: tuple[tuple[str, tuple[str, ...]], ...] = ()
    kept: tuple[tuple[str, object], ...] = ()
    beside: tuple[Unknown, ...] = ()
    name: str = ""
    wanted: Wanted | None = None


def _nearest(launch: LaunchConfig, profiles: Mapping[str, Profile], differ: ProfileDiffer) -> str:
    """The profile that differs from a launch in the fewest settings, then in the model."""
    model, variable, _ = model_with_variable(launch)

    def far(name: str) -> tuple[int, bool, bool, str]:
        profile = profiles[name]
        found = [d for d in differ(with_model(profile), launch) if d.kind not in SETTLED]
        same = model is not None and _last(model) == _last(profile.default_model_path or "")
        known = variable is not None and variable == profile.model_path_variable
        return len(found), not known, not same, name

    return min(profiles, key=far)


def _last(path: str) -> str:
    return path.rstrip("/").rpartition("/")[2]


def import_launch(
    launch: LaunchConfig,
    name: str,
    folder: Path | None,
    differ: ProfileDiffer,
    *,
    over: str | None = None,
    title: str,
    from_environment: bool = False,
    wanted: Wanted | None = None,
) -> Imported:
    """The layer *name* that makes a launch of the nearest profile, or of *over*.

    Over a profile with overlays it is one more of them. Only targets that are *wanted* count.

    Raises UsageError where the name is taken or can't be one.
    """
    files = layer_files(folder)
    if not LAYER_NAME.fullmatch(name):
        raise UsageError(f"--as {name}", expected="a name of letters, digits, '.', '_' and '-'")
    if name in files:
        raise UsageError(f"there is a {name} already", where=files[name], expected="a new name")
    profiles = load_all(folder, wanted)
    if over is None:
        at = profiles[_nearest(launch, profiles, differ)]
        at = _composed(launch, at, folder, differ, wanted) or at
    else:
        at = profiles.get(over) or _named(over, folder, wanted, list(profiles))
    base = at.name
    spec = parse(base)
    chosen = bool(spec.overlays) or "@" in (over or "")  # a target that isn't just the usual one
    layers = EditedLayers(base, folder, None, at.target, at.sglang)
    layers.only = name
    if spec.overlays:
        spec = Spec(spec.base, tuple(sorted((*spec.overlays, name))))
        layers.at = replace(at.target, overlays=spec.overlays, verified=False)
    layers.name = spec.name if spec.overlays else name
    schema = folder is not None and (folder / _SCHEMA).is_file()
    document = LayerDocument(f"#:schema {_SCHEMA}\n".encode() if schema else b"")
    document.toml.add("description", plain(title))
    if spec.overlays:  # above them, so that what they say can be said otherwise
        document.toml.add("overlay", True)
        below = [overlay for overlay in spec.overlays if overlay != name]
        document.toml.add("extends", below)
        document.toml.add("needs", below)
    else:
        document.toml.add("extends", [base])
    for section in ("unset", "env", "args"):
        document.table(section)
    path = (folder or Path()) / f"{name}.toml"
    layers.add(name, path, document.encoded())
    refused = edit_layers(layers, launch, differ, from_environment=from_environment)
    refused += _model(layers, name, at, launch)
    left = {r.name for r in refused}
    _defaults(layers, name, at, launch, left)
    _spelled(layers, name, launch, differ, left)
    _order(layers, name, launch)
    document = LayerDocument(layers.new[name])
    for section in ("unset", "env", "args"):
        document.tidy(section)
    text = document.encoded().decode().rstrip("\n") + "\n"
    layers.new[name] = text.encode()
    if refused:
        text = _told(text, refused)
        layers.new[name] = text.encode()
    local = dict.fromkeys(
        a.flag
        for a in launch.args or ()
        if a.flag and is_local(a.flag, ()) and LOCAL[a.flag] != "model-path"
    )
    kept = tuple(_facts(layers, name, launch))
    text = layers.new[name].decode()
    if spec.overlays and not {*LayerDocument(layers.new[name]).toml} - _HEAD and not refused:
        text = ""
        spec = Spec(spec.base, tuple(overlay for overlay in spec.overlays if overlay != name))
    profile = layers.profile()
    same = [d for d in differ(with_model(profile), launch) if d.kind is Kind.EQUIVALENT]
    defaults = dict.fromkeys(d.name for d in same if d.left is None)
    return Imported(
        text,
        base,
        tuple(refused),
        tuple(local),
        layers,
        tuple(defaults),
        tuple(_overridable(launch)),
        kept,
        tuple(f.value for f in launch.facts if not f.key and isinstance(f.value, Unknown)),
        str(_asked(spec if spec.overlays else Spec(name), layers)) if chosen else name,
        _whole(at.target) if chosen else None,
    )


def _asked(spec: Spec, layers: EditedLayers) -> Composition:
    """How a profile with overlays is asked for, where the layers are as they are edited."""
    target = layers.profile().target
    known = Compositions(layers.folder, layers.profile().sglang, (), layers.new, layers.folder)
    return known.composed(spec, replace(target, overlays=spec.overlays))


def _whole(target: Target) -> Wanted:
    """All of a target, as it is asked for."""
    return Wanted(None, target.hardware, target.strategy, target.nodes, target.role)


def _composed(
    launch: LaunchConfig,
    at: Profile,
    folder: Path | None,
    differ: ProfileDiffer,
    wanted: Wanted | None,
) -> Profile | None:
    """A profile with overlays that is nearer to a launch than *at*; None where none is."""
    known = Compositions(folder, at.sglang)
    meant = wanted or Wanted()
    path = launch.location.path if launch.location is not None else ""
    hardware = meant.on or hardware_of([Source(path, 1, launch)])
    held = carried(launch, at.sglang, ci_vendor(hardware))
    found = known.nearest(held, meant)
    if found is None or not found[0].spec.overlays:
        return None

    def far(profile: Profile) -> int:
        return sum(d.kind not in SETTLED for d in differ(with_model(profile), launch))

    return found[0].profile if far(found[0].profile) < far(at) else None


def _named(
    name: str, folder: Path | None, wanted: Wanted | None, profiles: Sequence[str]
) -> Profile:
    """A profile with overlays, or a layer that is only there to be extended, as it usually is.

    Raises UsageError for none.
    """
    layers = Layers(layer_files(folder), {})
    known = [n for n, layer in layers.all.items() if not layer.file.overlay]
    spec = parse(name)
    if spec.base not in known:
        raise UsageError(
            f"--over {name}: there is no such profile",
            expected=f"one of {', '.join(profiles)}, or a layer that they extend",
            hint=did_you_mean(spec.base, known),
        )
    meant = asked(spec, wanted or Wanted())
    target = choose(spec.name, layers.rows(spec.base), meant, spec.overlays)
    return layers.profile(Spec(spec.base, spec.overlays), target, meant.sglang)


def _spelled(
    layers: EditedLayers, name: str, launch: LaunchConfig, differ: ProfileDiffer, left: set[str]
) -> None:
    """Spell values as the launch does, where SGLang reads the profile's as the same."""
    for d in differ(with_model(layers.profile()), launch):
        ours = d.left is not None and d.right is not None and d.right_name in (None, d.name)
        if d.kind is not Kind.EQUIVALENT or not ours or d.name in left or d.name in LOCAL:
            continue
        words = occurrences(launch, d.section, d.name)
        texts = [w for values in words for w in values]
        if d.condition is not None or any(plain_secret(d.name, w) for w in texts):
            continue
        if not all(isinstance(v, str) for v in d.right or ()):
            continue
        value = words[-1][0] if d.section == "env" else flag_value(words)
        layers.put(name, d.section, d.name, value)


def _order(layers: EditedLayers, name: str, launch: LaunchConfig) -> None:
    """Keep the order in which the launch gives its flags."""
    profile = layers.profile()
    given = held_by(profile).order
    order = [f for f in carried(launch, profile.sglang).order if f in given]
    if [f for f in given if f in order] != order:
        layers.put(name, *ORDER, order)


_BESIDE = (
    ("launch", "timeout-seconds"),
    ("ci", "suite"),
    ("ci", "estimated-seconds"),
    ("ci", "nightly"),
    ("quality", "gsm8k-threshold"),
    ("quality", "accept-length-threshold"),
)


def _facts(layers: EditedLayers, name: str, launch: LaunchConfig) -> Iterator[tuple[str, object]]:
    """Write what a test says beside its settings; give what the layer still has from below."""
    if launch.reader != "python":
        return
    profile = layers.profile()
    vendor = next((f.vendor for f in profile.config.facts if f.vendor), "")
    variable = profile.model_path_variable
    pinned = facts_told(launch, "model", "path") and not facts_told(
        launch, "model", "path-variable"
    )
    if pinned and variable is not None:
        layers.put(name, "model", "path-variable", None)
    for table, key in _BESIDE:
        told = facts_told(launch, table, key)
        vendors = {f.vendor for f in told}
        mine = [f for f in told if not vendor or f.vendor in ("", vendor)]
        fact = mine[0] if mine and (vendor or len(vendors) == 1) else None
        below = profile.get(table, key)
        if fact is None and below is not None:
            layers.put(name, table, key, None)  # the test has none
        if fact is None:
            continue
        if isinstance(fact.value, Unknown):
            if below is not None:
                yield f"{table}.{key}", below
            continue
        value = layer_value(fact)
        if key.endswith("-seconds") and isinstance(value, int | float) and value <= 0:
            continue
        if value != below and not (below is None and value is False):
            layers.put(name, table, key, value)


def _overridable(launch: LaunchConfig) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Settings whose value is but a default, and the variables that give another one."""
    found: list[tuple[str, tuple[Value, ...]]] = [
        (e.name, (e.value,))
        for e in launch.effective_env.values()
        if own_default(e.name, e.value) is None
    ]
    found += [(a.flag, a.values) for a in launch.args or () if a.flag and a.flag not in LOCAL]
    for name, values in found:
        unknown = [v for v in values if isinstance(v, Unknown) and v.default is not None]
        names = tuple(dict.fromkeys(n for v in unknown for n in v.names))
        if names:
            yield name, names


def _defaults(
    layers: EditedLayers, name: str, base: Profile, launch: LaunchConfig, refused: set[str]
) -> None:
    """What the outside may override in the launch may be so in the layer, and nothing else."""
    below = base.config.effective_env
    for key, setting in launch.effective_env.items():
        default = own_default(key, setting.value)
        if key in refused or setting.condition is not None:
            continue
        if isinstance(setting.value, str) and key in below:
            if own_default(key, below[key].value) == setting.value:
                layers.put(name, "env", key, setting.value)
            continue
        if not default:
            continue
        if key not in below or own_default(key, below[key].value) != default:
            layers.put(name, "env", key, Default(default))


def _model(layers: EditedLayers, name: str, base: Profile, launch: LaunchConfig) -> list[Refused]:
    """The launch's own model, where it isn't the base's."""
    path, variable, where = model_with_variable(launch)
    if path is not None and plain_secret("--model-path", path):
        return [secret_refused("--model-path", where)]
    if path is not None and path != base.default_model_path:
        layers.put(name, "model", "path", path)
    if path is not None and variable is not None and variable != base.model_path_variable:
        layers.put(name, "model", "path-variable", variable)
    return []


def _told(text: str, refused: list[Refused]) -> str:
    """The layer with a comment on each setting that was left out."""
    lines = [plain(f"# left out: {one}".replace("\n", " ")) for one in refused]
    head, separator, rest = text.partition("\n\n")
    return "\n".join([head.rstrip("\n"), *lines]) + "\n" + ("\n" + rest if separator else "")
