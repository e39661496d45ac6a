"""A resolved profile, and the files that layers are read from."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

from dsv4_env.catalogue.store import RELEASES
from dsv4_env.guard.asked import names_ending
from dsv4_env.guard.files import checkout, is_dir, read_bytes, real
from dsv4_env.model import Fact, Image, LaunchConfig, Origin, own_default, shipped_dir, text_of
from dsv4_env.model.errors import ProfileError, did_you_mean
from dsv4_env.model.hardware import ci_vendor
from dsv4_env.model.secrets import meet
from dsv4_env.profile.target import Target, shown


@dataclass(frozen=True, slots=True)
class Profile:
    """A resolved profile.

    *layers* are the names of the layers it is made of, lowest first. *data* holds the tables
    ``model, launch, ci, quality, hardware, image, image.env, sglang, source`` as in the TOML; the
    properties below give their typed values. *origins* maps ``(table, key)`` to who set it.

    It holds for the release *sglang* and for *target*; *refused* is what SGLang would stop with,
    ``""`` where it starts, None where that wasn't asked.
    """

    name: str
    description: str
    layers: tuple[str, ...]
    config: LaunchConfig = field(repr=False)  # pages of text in every failed assertion
    data: Mapping[str, Mapping[str, Any]] = field(default_factory=dict, repr=False)
    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict, repr=False)
    sglang: str = RELEASES[-1]
    target: Target = field(default_factory=Target)
    refused: str | None = field(default=None, compare=False)

    @property
    def env(self) -> dict[str, str]:
        """The environment variables, in order and as spelled; a new dict each time.

        Of one that the environment of the launch may override it's the default; those that have
        to come from there aren't in it: see :attr:`required`.
        """
        found = ((e.name, text_of(e.value)) for e in self.config.env)
        return {name: value for name, value in found if value is not None}

    @property
    def required(self) -> list[str]:
        """The variables that the environment of the launch has to hold, in order."""
        return [e.name for e in self.config.env if text_of(e.value) is None]

    @property
    def overridable(self) -> list[str]:
        """The variables whose value the environment of the launch may override, in order."""
        return [e.name for e in self.config.env if own_default(e.name, e.value) is not None]

    @property
    def server_args(self) -> list[str]:
        """The server arguments as ``other_args`` holds them; a new list each time."""
        return [w for w in self.config.argv if isinstance(w, str)]

    def get(self, table: str, key: str) -> Any:
        """What the layers give to a key of a table; None where none does.

        Every key of the schema is found so, as it is spelled in the TOML; those that the launch
        itself or a test needs have typed properties below.
        """
        return self.data.get(table, {}).get(key)

    @property
    def default_model_path(self) -> str | None:
        """The model that is launched when nothing overrides it."""
        return cast("str | None", self.get("model", "path"))

    @property
    def model_path_variable(self) -> str | None:
        """The environment variable that overrides the model path."""
        return cast("str | None", self.get("model", "path-variable"))

    def model_path(self, environ: Mapping[str, str]) -> str | None:
        """The model path, as the tests read it: the variable if set, else the default."""
        return environ.get(self.model_path_variable or "", self.default_model_path)

    @property
    def launch_timeout_seconds(self) -> int | None:
        """How long the server may take until it answers, in seconds."""
        return cast("int | None", self.get("launch", "timeout-seconds"))

    @property
    def ci_suite(self) -> str | None:
        """The CI suite that runs the profile's test."""
        return cast("str | None", self.get("ci", "suite"))

    @property
    def ci_estimated_seconds(self) -> int | None:
        """The time CI plans for the test, in seconds."""
        return cast("int | None", self.get("ci", "estimated-seconds"))

    @property
    def gsm8k_threshold(self) -> float | None:
        """The least GSM8K accuracy (0 to 1) the test accepts."""
        return cast("float | None", self.get("quality", "gsm8k-threshold"))

    @property
    def hardware(self) -> Mapping[str, Any]:
        """``accelerator``, ``count`` and ``rocm`` (a version)."""
        own = {"accelerator": self.target.hardware} if self.target.hardware else {}
        return {**own, **self.data.get("hardware", {})}

    @property
    def image(self) -> Image | None:
        """The container image that it runs in; what that sets isn't part of :attr:`env`."""
        return self.config.image

    @property
    def sglang_range(self) -> str | None:
        """The SGLang releases the values are meant for, as a PEP 440 range."""
        return cast("str | None", self.get("sglang", "range"))

    @property
    def source(self) -> Mapping[str, Any]:
        """Where the values were taken from: repository, path, pull-request, commit, date."""
        return self.data.get("source", {})

    def launch_env(self, environ: Mapping[str, str]) -> dict[str, str]:
        """A copy of *environ* with the profile's variables over it; *environ* stays as it is.

        What *environ* may override stays as it is there, unless it's empty.

        Raises ProfileError where *environ* lacks a variable that the profile takes from there.
        """
        for setting in self.config.env:
            if text_of(setting.value) is None and not environ.get(setting.name):
                found = "is empty" if setting.name in environ else "isn't set"
                raise ProfileError(
                    f"{setting.name} {found}, and {self.name} takes it from the environment",
                    where=setting.location,
                    expected=f"{setting.name} in the environment of the launch",
                )
        kept = {name: environ[name] for name in self.overridable if environ.get(name)}
        return {**environ, **self.env, **kept}

    def changed(
        self,
        *,
        args: Sequence[str] = (),
        env: Mapping[str, str] | None = None,
        without: Sequence[str] = (),
    ) -> Profile:
        """The profile with some settings changed: ``changed(args=["--tp", "4"])``.

        A flag of *args* takes the place of the profile's own, however that is spelled, and one
        that the profile lacks comes last; so do the variables *env*. *without* are flags and
        variables that are left out. Raises ProfileError for what can't be meant.
        """
        # The catalogue, which says what is one flag: most tests change nothing.
        from dsv4_env.profile.overriding import asked_of_test, of_their_kinds, overridden

        of_their_kinds(args, env, without)
        variables = env or {}
        asked_of_test(self, args, variables, without)
        made = overridden(self, variables, args, without, "python")
        meet(made.config)
        return made

    def command(
        self,
        *,
        model: str | None = None,
        host: str | None = None,
        port: int | str | None = None,
        python: str = "python3",
    ) -> list[str]:
        """The server's command line. *model* defaults to the profile's own.

        Raises ProfileError when neither names a model.
        """
        model = model or self.default_model_path
        if not model:
            raise ProfileError(f"profile {self.name} names no model", expected="model=…")
        words = [python, "-m", "sglang.launch_server", "--model-path", model, *self.server_args]
        if host is not None:
            words += ["--host", host]
        if port is not None:
            words += ["--port", str(port)]
        return words


_BESIDE = ("model", "launch", "ci", "quality")


def facts_of(
    data: Mapping[str, Mapping[str, Any]],
    origins: Mapping[tuple[str, str], Origin],
    hardware: str | None,
) -> tuple[Fact, ...]:
    """What the tables of a profile say beside its settings, as a test says it.

    *hardware* is what its target runs on, where its tables name nothing else.
    """
    vendor = ci_vendor(data.get("hardware", {}).get("accelerator") or hardware)
    return tuple(
        Fact(
            table,
            key,
            value,
            origins[table, key].location if (table, key) in origins else None,
            vendor if table == "ci" else "",
        )
        for table in _BESIDE
        for key, value in data.get(table, {}).items()
        if isinstance(value, str | int | float)
    )


def image_of(data: Mapping[str, Mapping[str, Any]]) -> Image | None:
    """The image that the tables of a profile name; None where they say nothing of one."""
    table, env = data.get("image", {}), data.get("image.env", {})
    if not table and not env:
        return None
    return Image(table.get("name"), table.get("family"), tuple(env.items()))


REFERENCE_RELEASE = "0.5.13"  # of SGLang, when PR #26662 wrote the reference script


def reference_script() -> Path:
    """The launch script that comes with the package and is held to ``pro-fp4``."""
    return shipped_dir() / "run_dsv4.sh"


LOCAL = ".local"  # the end of the name of a layer that is laid over another one on this host


def own_folder() -> Path | None:
    """The user's own profiles for all projects; None where there are none.

    ``$XDG_CONFIG_HOME/dsv4-env/profiles``, else ``~/.config/dsv4-env/profiles``. A path that isn't
    absolute doesn't count, as the XDG Base Directory Specification says.
    """
    given = os.environ.get("XDG_CONFIG_HOME", "")
    try:
        base = Path(given) if given and Path(given).is_absolute() else Path.home() / ".config"
    except RuntimeError:
        return None
    found = base / "dsv4-env" / "profiles"
    return found if is_dir(found) else None


def profile_folders(folder: str | Path | None, *, own: bool = True) -> list[Path]:
    """The folders that layers are looked for in: the shipped one, the user's own, and *folder*.

    Without *own* the user's is left out, unless it is *folder*: what is written for everyone, such
    as a lock, doesn't depend on it.
    """
    if not isinstance(folder, str | os.PathLike | None):
        raise ProfileError(f"the folder is {shown(folder)}", expected="a path")
    folders = [shipped_dir()]
    mine = own_folder() if own else None
    if mine is not None:
        folders.append(mine)
    if folder is not None and real(folder) not in {real(f) for f in folders}:
        folders.append(Path(folder))
        if not is_dir(folders[-1]):
            raise ProfileError("no such folder", where=folder, expected="a folder of *.toml layers")
    return folders


def layer_bytes(path: Path) -> bytes:
    """The bytes of a layer or a lock, which a link may not take from outside its checkout.

    Raises ProfileError where it can't be read.
    """
    root = path.parent if path.parent != shipped_dir() else Path(path.anchor)
    return read_bytes(path, root=checkout(path) or root, error=ProfileError)


def layer_files(folder: str | Path | None = None, *, own: bool = True) -> dict[str, Path]:
    """Layer name to file: the shipped ones, the user's own and those of *folder*.

    Raises ProfileError where two have one name.
    """
    files: dict[str, Path] = {}
    for directory in profile_folders(folder, own=own):
        for name in names_ending(str(directory), ".toml"):
            path = directory / name
            if path.stem.endswith(LOCAL):
                continue
            if path.stem in files:
                raise ProfileError(
                    f"layer {path.stem!r} is defined twice",
                    where=path,
                    expected=f"another file name; {files[path.stem]} has this one "
                    "(a layer of another name can extend it)",
                )
            files[path.stem] = path
    return files


def local_files(folder: str | Path | None = None) -> dict[str, list[Path]]:
    """Layer name to the files ``NAME.local.toml`` that this host lays over it, lowest first.

    Those of the user's own folder may be for layers of any project. Raises ProfileError for one of
    another folder whose layer isn't there.
    """
    found: dict[str, list[Path]] = {}
    mine = own_folder()
    for directory in profile_folders(folder):
        for name in names_ending(str(directory), f"{LOCAL}.toml"):
            path = directory / name
            found.setdefault(path.stem.removesuffix(LOCAL), []).append(path)
    known = layer_files(folder) if found else {}
    for name in [n for n in found if n not in known]:
        path = found.pop(name)[-1]
        if path.parent != mine:
            raise ProfileError(
                f"there is no layer {name!r} for it to be laid over",
                where=path,
                expected="NAME.local.toml, with the name of a layer",
                hint=did_you_mean(name, known),
            )
    return found


def local_name(name: str, index: int) -> str:
    """What the layers are called that lie over the layer *name* on this host, from 0 on."""
    return name + LOCAL + f".{index + 1}" * (index > 0)


def layer_places(folder: str | Path | None = None) -> dict[str, Path]:
    """The file of every name that :attr:`Profile.layers` may have, those of this host, too."""
    found = layer_files(folder)
    for name, paths in local_files(folder).items():
        found |= {local_name(name, i): path for i, path in enumerate(paths)}
    return found
