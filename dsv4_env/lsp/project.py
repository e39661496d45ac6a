"""The project that a file is of: its settings, its profiles, and what the editor hasn't saved."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from dsv4_env import drift
from dsv4_env.catalogue import Catalogue, load, named_by
from dsv4_env.catalogue.releases import common_words
from dsv4_env.catalogue.tree import Trees
from dsv4_env.drift.linted import pairs_with, release_of_pairs
from dsv4_env.guard.asked import Trail
from dsv4_env.guard.files import real, unsaved
from dsv4_env.guard.kept import Kept
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import Dsv4Error, ProfileError, SettingsError
from dsv4_env.model.secrets import session
from dsv4_env.profile import Profile, Wanted, layer_places, load_all, load_wanted
from dsv4_env.profile.project import find_pyproject
from dsv4_env.profile.settings import Pair, Settings, load as load_settings


def root_of(path: Path, workspace: Path | None) -> Path:
    """The folder that a file's settings are of: the nearest with some, else the workspace's.

    Of a file outside of the workspace it is its own folder, or the nearest that is there.
    """
    try:
        found = find_pyproject(path.parent)
    except Dsv4Error:
        found = None  # who reads the settings tells what is wrong
    if found is not None:
        return found.parent
    if workspace is not None and workspace in path.parents and workspace.is_dir():
        return workspace
    return next((folder for folder in path.parents if folder.is_dir()), Path(path.anchor))


@contextlib.contextmanager
def _within(folder: Path) -> Iterator[None]:
    """Within it a folder is the current one; the one before may be gone by then."""
    before = Path(folder.anchor)
    with contextlib.suppress(OSError):
        before = Path.cwd()
    os.chdir(folder)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.chdir(before)


@dataclass(slots=True, eq=False)
class Project:
    """What is known of a folder from one question to the next; one is answered at a time.

    *notes* hears of what isn't known as it is asked for.
    """

    root: Path
    notes: Callable[[str], None] = lambda _: None
    _kept: Kept = field(default_factory=Kept)
    _trees: Trees = field(default_factory=Trees)
    _told: set[str] = field(default_factory=set)
    _set: Settings | None = None
    _lenient: bool = False
    _read: dict[str, Profile] = field(default_factory=dict)

    @contextlib.contextmanager
    def asked(self, texts: Mapping[Path, bytes], *, lenient: bool = False) -> Iterator[Trail]:
        """Within it the project is asked; *texts* are those that the editor holds.

        *lenient*: where settings or layers are wrong those count that could be read before.
        It gives what is asked of the disk meanwhile. The current folder is the project's, as it is
        for a command that runs there.
        """
        self._trees, self._lenient = Trees(), lenient
        with (
            _within(self.root),
            session(common_words),
            unsaved(texts),
            self._kept.round() as trail,
        ):
            yield trail

    @contextlib.contextmanager
    def as_saved(self) -> Iterator[None]:
        """Within it nothing of what the editor holds counts, and nothing is kept."""
        with unsaved({}), Kept().round():
            yield

    @property
    def settings(self) -> Settings:
        """The settings that hold. Raises SettingsError, unless those before a mistake count."""
        try:
            self._set = load_settings(self.root, os.environ)
        except SettingsError:
            if not self._lenient:
                raise
            if self._set is None:
                self._set = Settings(folder=self.root)
                with contextlib.suppress(SettingsError), self.as_saved():
                    self._set = load_settings(self.root, os.environ)
        return self._set

    def catalogue(self, release: str | None, ranges: Collection[str | None]) -> Catalogue:
        """What the release understands that is asked for, else that of a tree or of ranges."""
        wanted = release or self.settings.sglang
        found, note = self._trees.chosen(wanted, ranges, [self.root])
        if note:
            self.tell(note)
        return found

    def tell(self, note: str) -> None:
        """Say something once."""
        if note not in self._told:
            self._told.add(note)
            self.notes(note)

    def run(self) -> drift.CheckRun:
        """A check of this project, of which nothing is looked at yet."""
        found = self.settings
        return drift.CheckRun(
            found, found.profiles, self.catalogue, drift.CheckOptions(), whole=False
        )

    def pairs(self, path: Path) -> list[Pair]:
        """The pairs that a file is of, by whichever of its names."""
        found = self.settings
        folder = found.folder or self.root
        return pairs_with(path, found) or pairs_with(
            folder / os.path.relpath(real(path), real(folder)), found
        )

    def usual_catalogue(self, path: Path) -> Catalogue:
        """The release that counts for a file, whatever its launches say."""
        return self.catalogue(*release_of_pairs(self.pairs(path), self.profiles()))

    def reader_of(self, usual: Catalogue, fixed: str | None) -> Callable[[LaunchConfig], Catalogue]:
        """The release that counts for a launch: that of its image where no other is asked for."""

        def read_as(config: LaunchConfig) -> Catalogue:
            own = None if fixed or self.settings.sglang else named_by(config.image_name)
            return usual if own is None else load(own[0])

        return read_as

    def profiles(self) -> dict[str, Profile]:
        """Every profile by its name. Raises ProfileError, unless those before a mistake count."""
        folder = self.settings.profiles
        try:
            self._read = load_all(folder, Wanted())
        except ProfileError:
            if not self._lenient:
                raise
            if not self._read:
                with contextlib.suppress(ProfileError), self.as_saved():
                    self._read = load_all(folder, Wanted())
        return dict(self._read)

    def layers(self) -> dict[str, Path]:
        """The file of every layer by its name."""
        return layer_places(self.settings.profiles)

    def profile(self, name: str) -> Profile | None:
        """The profile of a name, which may have overlays and hardware; None where there is none."""
        try:
            return load_wanted(name, self.settings.profiles, Wanted())
        except Dsv4Error:
            return None

    def layer_at(self, path: Path) -> str | None:
        """The name of the layer that a file is; None for one that is none."""
        here = real(path)
        return next((name for name, file in self.layers().items() if real(file) == here), None)
