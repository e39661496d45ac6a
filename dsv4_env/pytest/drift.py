"""The project's check as tests of pytest, for ``--dsv4-drift``; imported only then."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dsv4_env import drift
from dsv4_env.catalogue import Catalogue
from dsv4_env.catalogue.tree import Trees
from dsv4_env.drift import CheckRun, waivers
from dsv4_env.drift.files import absent, expand_globs
from dsv4_env.model.errors import Dsv4Error, ReadError, UsageError
from dsv4_env.model.finding import Report
from dsv4_env.model.secrets import session
from dsv4_env.profile.settings import Pair, Settings
from dsv4_env.pytest.session import SessionProfiles
from dsv4_env.readers import file_bytes
from dsv4_env.reporters import REPORTERS


class DriftCheck(pytest.Collector):
    """The project's check as tests: one for each pair and file, in the order of the settings."""

    def __init__(self, *, known: SessionProfiles, **more: Any) -> None:
        super().__init__(name="dsv4-drift", nodeid="dsv4-drift", **more)
        self._known = known
        self._trees = Trees()

    def run(self) -> tuple[CheckRun, list[str]]:
        """A new check, and what is to be said of it as a whole. Raises Dsv4Error."""
        settings, folder = self._known.settings, self._known.folder
        notes: list[str] = []

        def catalogue(release: str | None, ranges: Sequence[str | None]) -> Catalogue:
            places = [settings.folder or Path.cwd()]
            found, note = self._trees.fitting(release or settings.sglang, ranges, places)
            if note and note not in notes:
                notes.append(note)
            return found

        return CheckRun(settings, folder, catalogue, drift.CheckOptions(), whole=False), notes

    def collect(self) -> Iterator[pytest.Item]:
        """The tests. Raises CollectError where the settings are wrong."""
        try:
            run, _ = self.run()
            pairs = _pairs(run.settings, self._known.start)
            for pair in pairs:
                run.profile(pair)
        except Dsv4Error as exc:
            raise self.CollectError(str(exc)) from None
        names: dict[str, int] = {}
        files: dict[Path, None] = {}
        for pair in pairs:
            found: list[Path | None] = [*expand_globs(run.folder, pair.files, pair.exclude)]
            if found:  # one that is gone fails by itself
                found += [path for _, path in absent(run.folder, pair.files)]
            for path in found or [None]:
                name = f"{pair.profile}::{_name(run.folder, pair, path)}"
                names[name] = names.get(name, 0) + 1
                name += f"-{names[name]}" if names[name] > 1 else ""
                yield _Drift.from_parent(self, name=name, pair=pair, file=path)
            files |= dict.fromkeys(p for p in found if p)
        layers = [run.layers[n] for pair in pairs for n in run.profile(pair).layers]
        if run.settings.waivers or any(map(_commented, dict.fromkeys([*files, *layers]))):
            yield _Waivers.from_parent(self, name="waivers", pairs=pairs, files=list(files))


class _Held(pytest.Item):
    """A test that fails with what a report says."""

    def __init__(self, *, parent: DriftCheck, name: str, **more: Any) -> None:
        # Given as text, the id is the same when it is read again, for --last-failed.
        nodeid = f"{parent.nodeid}::{name}"
        super().__init__(parent=parent, name=name, nodeid=nodeid, **more)
        self._check = parent
        self.add_marker("dsv4_drift")

    def runtest(self) -> None:
        """Fail with the report's text, where it fails."""
        with session():  # a secret of the file is hidden wherever it shows
            self._fail()

    def _fail(self) -> None:
        try:
            run, notes = self._check.run()
            report = self.report(run)
            if report.failed:
                report = replace(report, notes=(*report.notes, *notes))
                pytest.fail(REPORTERS["text"](report).rstrip("\n"), pytrace=False)
        except Dsv4Error as exc:
            pytest.fail(str(exc), pytrace=False)

    def report(self, run: CheckRun) -> Report:
        """What there is to say."""
        raise NotImplementedError

    def reportinfo(self) -> tuple[Path, None, str]:
        """Where the test is, and what the headline of a failure says."""
        return self.path, None, f"dsv4-drift: {self.name.replace('::', ' against ', 1)}"


class _Drift(_Held):
    """A file that is held to the profile of a pair; None where the pair has no file."""

    def __init__(self, *, pair: Pair, file: Path | None, **more: Any) -> None:
        super().__init__(**more)
        self._pair, self._file = pair, file

    def report(self, run: CheckRun) -> Report:
        """The comparisons of the file; whether waivers are of use is another test's."""
        if self._file is None:
            run.settings = replace(run.settings, waivers=())
            found = drift.check(run, [self._pair])
        else:
            drift.check_file(run, self._file, [self._pair])
            found = drift.report(run, waivers=False)
        path = run.settings.baseline
        if path is None:
            return found
        known = waivers.read_baseline(file_bytes(path).decode(errors="replace"), str(path))
        return waivers.with_baseline(found, known, str(path), whole=False)


class _Waivers(_Held):
    """Whether the project's waivers still hold, and are of use: only the whole check can tell."""

    def __init__(self, *, pairs: Sequence[Pair], files: Sequence[Path], **more: Any) -> None:
        super().__init__(**more)
        self._pairs, self._files = pairs, {str(p) for p in files}

    def report(self, run: CheckRun) -> Report:
        """What the tests of the files don't say."""
        run.whole = True
        report = drift.check(run, self._pairs)
        kept = [
            f
            for f in report.problems
            if f.rule.id == "DSV014"
            or (f.rule.id == "DSV013" and f.location and f.location.path not in self._files)
        ]
        return replace(report, comparisons=(), problems=tuple(kept))


def _pairs(settings: Settings, start: Path) -> Sequence[Pair]:
    """The project's pairs; without any, what `dsv4-env check` holds to profiles then.

    Raises UsageError where that is nothing: a run that checks nothing must not pass.
    """
    if settings.pairs:
        return settings.pairs
    script = drift.usual_script(settings, start)
    if script is None:
        raise UsageError(
            "--dsv4-drift: there is nothing to check: no pairs",
            where=settings.source,
            expected=drift.PAIRS,
        )
    release = drift.reference_release(settings)
    return [Pair(name, (str(script),), sglang=release) for name in settings.profile]


def _name(folder: Path, pair: Pair, path: Path | None) -> str:
    """What a pair's test is called: its file, and which launches of it are meant."""
    if path is None:
        name = " ".join(pair.files)
    elif path.is_relative_to(folder):
        name = path.relative_to(folder).as_posix()
    else:
        name = path.name
    name += "".join(f"#{number}" for number in pair.launch)
    return f"{name}[{','.join(pair.symbol)}]" if pair.symbol else name


def _commented(path: Path) -> bool:
    """Whether a file may hold waivers in comments."""
    try:
        return b"dsv4-env:" in file_bytes(path)
    except ReadError:
        return False
