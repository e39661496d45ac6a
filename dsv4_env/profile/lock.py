"""The resolved profiles of a folder, kept beside the layers in ``profiles.lock.json``.

There is one loader, :mod:`dsv4_env.profile.layers`; the lock only remembers what it said. It is
used when its digest equals that of the layers' bytes, so it can't go stale: after an edit the
layers are read again, only slower (pydantic-settings alone takes 110 ms to import).
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from itertools import chain
from pathlib import Path
from typing import Any, cast

from dsv4_env import __version__
from dsv4_env.catalogue.store import RELEASES
from dsv4_env.model import (
    ENV_NAME,
    FROM_ENVIRONMENT,
    EnvVar,
    LaunchConfig,
    Location,
    Origin,
    ServerArg,
    Value,
    outside,
    overridable,
    shown_path,
)
from dsv4_env.model.errors import ProfileError
from dsv4_env.model.secrets import plain_secret
from dsv4_env.profile.profile import Profile, facts_of, image_of, layer_bytes
from dsv4_env.profile.target import Spec, Target

FORMAT = 2


def lock_path(folder: Path) -> Path:
    """Where the lock of a folder of profiles is."""
    return folder / "profiles.lock.json"


@cache
def _sha256() -> Callable[[bytes], Any]:
    """The interpreter's own SHA-256: to load OpenSSL takes as long as to read all profiles."""
    for module in ("_sha2", "_sha256"):  # Python 3.12 and later, 3.11
        try:
            return cast("Callable[[bytes], Any]", importlib.import_module(module).sha256)
        except (ImportError, AttributeError):
            continue
    import hashlib  # an interpreter that was built without

    return hashlib.sha256


def digest(files: Mapping[str, Path]) -> str:
    """SHA-256 over this tool's version, the releases it knows and each layer's name and bytes."""
    sha256 = _sha256()
    total = sha256(f"{FORMAT} {__version__} {' '.join(RELEASES)}\n".encode())
    for name in sorted(files):
        total.update(f"{name} {sha256(layer_bytes(files[name])).hexdigest()}\n".encode())
    return str(total.hexdigest())


@dataclass(frozen=True, slots=True)
class Entry:
    """A resolved profile and the releases of SGLang that it is the same for."""

    profile: Profile
    releases: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Contents:
    """What is to be locked: for each profile its targets, in order; what each overlay is.

    *whole* says that no profile has other targets.
    """

    profiles: Mapping[str, Sequence[Entry]]
    overlays: Mapping[str, str]
    whole: bool


class Lock:
    """What a lock holds: for each profile the targets that it was resolved for, in order."""

    def __init__(self, data: Mapping[str, Any], files: Mapping[str, Path]) -> None:
        """Take a lock's data apart; each entry is decoded when it's asked for."""
        self._entries: dict[str, list[dict[str, Any]]] = data["profiles"]
        self._texts: list[str] = data["texts"]
        self.overlays: dict[str, str] = data["overlays"]
        self.whole: bool = data["whole"]
        self._paths = {name: str(file) for name, file in files.items()}
        self.files = files

    @property
    def names(self) -> list[str]:
        """The profiles, in their order."""
        return list(self._entries)

    def usual(self) -> dict[str, Profile]:
        """Every profile as it usually is."""
        found = {name: self.profile(Spec(name), self.rows(name)[0], None) for name in self.names}
        return {name: profile for name, profile in found.items() if profile is not None}

    def rows(self, name: str) -> list[Target]:
        """The targets of a profile that the lock holds."""
        return [_target(item["target"]) for item in self._entries.get(name, ())]

    def profile(self, spec: Spec, target: Target, sglang: str | None) -> Profile | None:
        """The profile for a target that the lock holds; None where it doesn't for that release."""
        for item in self._entries.get(spec.base, ()):
            if _target(item["target"]) == target:
                release = sglang or item["sglang"]
                if release in item["releases"]:
                    return _decode(spec, item, release, self._paths, self._texts)
        return None


def read_lock(path: Path, files: Mapping[str, Path]) -> Lock | None:
    """What is locked, or None when there is no lock or it isn't of these bytes."""
    try:
        return _parsed(layer_bytes(path), digest(files), tuple(files.items()))
    except ProfileError:
        return None


@lru_cache(maxsize=4)  # a command asks for many profiles of the same lock
def _parsed(text: bytes, layers: str, files: tuple[tuple[str, Path], ...]) -> Lock | None:
    """The lock of these bytes, where it is that of these layers."""
    try:
        data = json.loads(text)
        if data["digest"] != layers:
            return None
        lock = Lock(data, dict(files))
        for name in lock.names:  # what is damaged is told apart here, once and for all
            for item in data["profiles"][name]:
                _target(item["target"])
    except (ProfileError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # absent or damaged: the layers themselves are read
    return lock


def dump_lock(contents: Contents, files: Mapping[str, Path]) -> str:
    """The text of the lock for these profiles. Raises ProfileError where a layer holds a secret."""
    for entry in chain(*contents.profiles.values()):
        _refuse_secrets(entry.profile)
    texts: dict[str, int] = {"": 0}
    encoded = {
        name: [json.dumps(_encode(e, texts), ensure_ascii=False) for e in found]
        for name, found in contents.profiles.items()
    }
    lines = [f"  {json.dumps(n)}: [\n   {_LINES.join(found)}]" for n, found in encoded.items()]
    head = f'{{"digest": "{digest(files)}",\n "texts": {json.dumps([*texts], ensure_ascii=False)},'
    head += f'\n "overlays": {json.dumps(contents.overlays, ensure_ascii=False)},'
    head += f'\n "whole": {json.dumps(contents.whole)},'
    return f'{head}\n "profiles": {{\n' + ",\n".join(lines) + "\n }}\n"


_LINES = ",\n   "


def _refuse_secrets(profile: Profile) -> None:
    """Raise ProfileError where a lock would hold a secret of a layer."""
    config = profile.config
    given = [(e.name, [e.value], e.origin) for e in config.env]
    given += [(a.flag or "", list(a.values), a.origin) for a in config.args or ()]
    given += [(key, [], origin) for (_, key), origin in profile.origins.items()]
    for name, values, setter in given:
        told: list[tuple[Value | None, Origin]] = [(v, setter) for v in values]
        told += [(o.value, o) for o in setter.chain()]
        for value, origin in told:
            if isinstance(value, str) and plain_secret(name, value, taken=False):
                where, mended = origin.location, f"{name} = {FROM_ENVIRONMENT} under [env]"
                if not ENV_NAME.fullmatch(name):
                    mended = "it given at the launch, behind --"
                if where is not None:
                    path = shown_path(where.path, str(Path.cwd()))
                    where = Location(path, where.line, where.column)
                raise ProfileError(
                    f"{name} holds what looks like a secret, and a lock is read by everyone",
                    where=where,
                    expected=mended,
                )


def _encode(entry: Entry, texts: dict[str, int]) -> dict[str, Any]:
    profile, config = entry.profile, entry.profile.config

    def chained(origin: Origin) -> list[list[Any]]:
        return [
            [
                o.name,
                o.location.line if o.location else 1,
                o.location.column if o.location else 1,
                o.value,
                texts.setdefault(o.when, len(texts)),
                texts.setdefault(o.source, len(texts)),
            ]
            for o in origin.chain()
        ]

    target = profile.target
    return {
        "target": [
            target.hardware,
            target.strategy,
            target.nodes,
            target.role,
            target.overlays,
            target.verified,
        ],
        "sglang": profile.sglang,
        "releases": entry.releases,
        "refused": profile.refused,
        "description": profile.description,
        "layers": profile.layers,
        "env": [[e.name, _value(e.value), chained(e.origin)] for e in config.env],
        "args": [[a.flag, a.values, chained(a.origin)] for a in config.args or ()],
        "data": profile.data,
        "origins": [[*key, chained(origin)] for key, origin in profile.origins.items()],
    }


def _value(value: Value) -> str | list[str] | None:
    """A variable's value; in a list one that may be overridden, None one that isn't given."""
    if isinstance(value, str):
        return value
    return None if value.default is None else [value.default]


def _target(item: Sequence[Any]) -> Target:
    hardware, strategy, nodes, role, overlays, verified = item
    return Target(hardware, strategy, nodes, role, tuple(overlays), verified)


def _decode(
    spec: Spec, item: Mapping[str, Any], release: str, paths: Mapping[str, str], texts: list[str]
) -> Profile:
    def origin(chain: list[list[Any]]) -> Origin:
        found: Origin | None = None
        for layer, line, column, value, when, source in reversed(chain):
            place = Location(paths[layer], line, column)
            found = Origin(layer, place, value, found, texts[when], texts[source])
        if found is None:
            raise ValueError("empty chain")
        return found

    def variable(key: str, value: str | list[str] | None, chain: list[list[Any]]) -> EnvVar:
        setter = origin(chain)
        if isinstance(value, str):
            return EnvVar(key, value, setter)
        if value is None:
            return EnvVar(key, outside(key, setter.location), setter)
        return EnvVar(key, overridable(key, value[0], setter.location), setter)

    origins = {(table, key): origin(chain) for table, key, chain in item["origins"]}
    target = _target(item["target"])
    config = LaunchConfig(
        str(spec),
        "profile",
        tuple(variable(*found) for found in item["env"]),
        tuple(ServerArg(f, tuple(v), origin(c)) for f, v, c in item["args"]),
        location=Location(paths[spec.base], 1, 1),
        image=image_of(item["data"]),
        facts=facts_of(item["data"], origins, target.hardware),
    )
    return Profile(
        str(spec),
        item["description"],
        tuple(item["layers"]),
        config,
        item["data"],
        origins,
        release,
        target,
        item["refused"] if release == item["sglang"] else None,
    )
