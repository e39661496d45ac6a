"""The resolved profiles of a folder, kept beside the layers in ``profiles.lock.json``.

There is one loader, :mod:`dsv4_env.profile.layers`; the lock only remembers what it said. It is
used when its digest equals that of the layers' bytes, so it can't go stale: after an edit the
layers are read again, only slower (pydantic-settings alone takes 110 ms to import).
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

from dsv4_env import __version__
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
    shown_path,
)
from dsv4_env.model.errors import ProfileError
from dsv4_env.model.secrets import plain_secret
from dsv4_env.profile.profile import Profile, image_of, layer_bytes

FORMAT = 1


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
    """SHA-256 over this tool's version and each layer's name and bytes."""
    sha256 = _sha256()
    total = sha256(f"{FORMAT} {__version__}\n".encode())
    for name in sorted(files):
        total.update(f"{name} {sha256(layer_bytes(files[name])).hexdigest()}\n".encode())
    return str(total.hexdigest())


def read_lock(path: Path, files: Mapping[str, Path]) -> dict[str, Profile] | None:
    """The locked profiles, or None when there is no lock or it isn't of these bytes."""
    try:
        data = json.loads(layer_bytes(path))
        if data["digest"] != digest(files):
            return None
        paths = {name: str(file) for name, file in files.items()}
        return {name: _decode(name, item, paths) for name, item in data["profiles"].items()}
    except (ProfileError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
        return None  # absent or damaged: the layers themselves are read


def dump_lock(profiles: Mapping[str, Profile], files: Mapping[str, Path]) -> str:
    """The text of the lock for these profiles. Raises ProfileError where a layer holds a secret."""
    for profile in profiles.values():
        _refuse_secrets(profile)
    encoded = {name: _encode(profile) for name, profile in profiles.items()}
    lines = [f"  {json.dumps(n)}: {json.dumps(p, ensure_ascii=False)}" for n, p in encoded.items()]
    head = f'{{"digest": "{digest(files)}",\n "profiles": {{\n'
    return head + ",\n".join(lines) + "\n }}\n"


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


def _encode(profile: Profile) -> dict[str, Any]:
    config = profile.config
    return {
        "description": profile.description,
        "layers": profile.layers,
        "env": [[e.name, _value(e.value), _chain(e.origin)] for e in config.env],
        "args": [[a.flag, a.values, _chain(a.origin)] for a in config.args or ()],
        "data": profile.data,
        "origins": [[*key, _chain(origin)] for key, origin in profile.origins.items()],
    }


def _value(value: Value) -> str | None:
    """A variable's value; None for one that comes from outside, whatever its name."""
    return value if isinstance(value, str) else None


def _chain(origin: Origin) -> list[list[Any]]:
    return [
        [o.name, o.location.line, o.location.column, o.value] if o.location else [o.name]
        for o in origin.chain()
    ]


def _decode(name: str, item: Mapping[str, Any], paths: Mapping[str, str]) -> Profile:
    def origin(chain: list[list[Any]]) -> Origin:
        found: Origin | None = None
        for layer, line, column, value in reversed(chain):
            found = Origin(layer, Location(paths[layer], line, column), value, found)
        if found is None:
            raise ValueError("empty chain")
        return found

    def variable(key: str, value: str | None, chain: list[list[Any]]) -> EnvVar:
        setter = origin(chain)
        return EnvVar(key, outside(key, setter.location) if value is None else value, setter)

    config = LaunchConfig(
        name,
        "profile",
        tuple(variable(*found) for found in item["env"]),
        tuple(ServerArg(f, tuple(v), origin(c)) for f, v, c in item["args"]),
        location=Location(paths[name], 1, 1),
        image=image_of(item["data"]),
    )
    origins = {(table, key): origin(chain) for table, key, chain in item["origins"]}
    return Profile(name, item["description"], tuple(item["layers"]), config, item["data"], origins)
