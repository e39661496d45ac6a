"""``catalogue build``."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from dsv4_env.catalogue import extract
from dsv4_env.catalogue.releases import closest, in_order
from dsv4_env.catalogue.store import DATES, RELEASES, encode_dates
from dsv4_env.cli.output import write
from dsv4_env.model.errors import ReadError, UsageError


@click.command()
@click.option(
    "--sglang", "wanted", multiple=True, metavar="RELEASE",
    help="The release to read; with --all one that is new, may be given several times.",
)  # fmt: skip
@click.option(
    "--all",
    "every",
    is_flag=True,
    help="Build every known release and those of --sglang, each against the one before it, what "
    "each makes of a launch, and the list of their dates, into the folder --output.",
)
@click.option(
    "--from",
    "where",
    metavar="WHEEL|DIR|installed",
    type=click.Path(path_type=Path),
    help="A wheel, a checkout, or the SGLang that is installed beside dsv4-env; with --all a "
    "folder of wheels. Default: the wheels that pip downloads.",
)
@click.option(
    "--resolution",
    is_flag=True,
    help="Write what SGLang makes of a launch by itself (see plan) instead of what it understands.",
)
@click.option(
    "--output",
    "-o",
    type=click.Path(path_type=Path),
    help="Write a file (in one step) instead of standard output; with --all a folder.",
)
def build(
    wanted: tuple[str, ...],
    every: bool,
    where: Path | None,
    resolution: bool,
    output: Path | None,
) -> None:
    """Read a release's own source and write its snapshot, as it ships with dsv4-env.

    SGLang is read as text, and never imported or run. A release has two files: of what it
    understands, and, with --resolution, of what it makes of a launch.

    \b
    Examples:
      dsv4-env catalogue build --sglang 0.5.13
      dsv4-env catalogue build --sglang 0.5.23 --from ../sglang -o 0.5.23.txt
      dsv4-env catalogue build --sglang 0.5.23 --resolution -o 0.5.23.json
      dsv4-env catalogue build --all --sglang 0.5.24 -o dsv4_env/catalogue/data
    """
    releases = tuple(release.removeprefix("v") for release in wanted)
    if every:
        _build_all(releases, where, output)
        return
    if len(releases) != 1:
        given = " ".join(f"--sglang {r}" for r in releases) or "no --sglang"
        raise UsageError(given, expected="--sglang RELEASE once, or --all")
    if output is not None and output.is_dir():
        raise UsageError(f"--output {output}: is a folder", expected="a file, or --all with it")
    _build_one(releases[0], where, output, resolution=resolution)


def _build_one(wanted: str, where: Path | None, output: Path | None, *, resolution: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        source: Path | None = where if where is not None else _download(wanted, Path(folder))
        if source == Path("installed") and not source.exists():
            source = None
        try:
            made = extract.build_resolution if resolution else extract.build_snapshot
            release, text = made(source, release=wanted)
        except ReadError as error:
            error.hint = f"the shipped catalogue of {closest(wanted)}"
            raise
    if release != wanted:
        raise ReadError(
            f"this is SGLang {release}", where=where, expected=f"SGLang {wanted}", hint=release
        )
    write(text, output, hands_on=True)


def _build_all(more: tuple[str, ...], where: Path | None, output: Path | None) -> None:
    """Write the snapshots of all releases and *more*, and their dates, once all are made."""
    if output is None or not output.is_dir():
        given = "no --output" if output is None else f"--output {output}: is no folder"
        raise UsageError(f"--all: {given}", expected="--output FOLDER")
    if where is not None and not where.is_dir():
        raise UsageError(f"--from {where}: is no folder", expected="a folder of wheels with --all")
    with tempfile.TemporaryDirectory() as folder:
        wheels = {
            r: _download(r, Path(folder)) if where is None else _wheel(r, where)
            for r in in_order({*RELEASES, *map(_checked, more)})
        }
        texts, dates = extract.build_snapshots(wheels)
        steps = {release: extract.build_resolution(wheel)[1] for release, wheel in wheels.items()}
    for release, text in texts.items():
        write(text, output / f"{release}.txt", hands_on=True)
    (output / "resolution").mkdir(exist_ok=True)
    for release, text in steps.items():
        write(text, output / "resolution" / f"{release}.json", hands_on=True)
    write(encode_dates(dates), output / DATES, hands_on=True)


def _wheel(release: str, folder: Path) -> Path:
    """The wheel of a release in a folder of them."""
    found = sorted(folder.glob(f"sglang-{release}-*.whl"))
    if not found:
        raise ReadError(f"there is no wheel of SGLang {release}", where=folder,
                        expected=f"sglang-{release}-….whl")  # fmt: skip
    return found[0]


def _checked(release: str) -> str:
    """The release, where it is spelled as one."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*([-_.a-z0-9]*)?(\+[a-z0-9.]+)?", release):
        raise ReadError(
            f"{release!r} is no release", where="--sglang", expected="one such as 0.5.23"
        )
    return release


def _download(release: str, folder: Path) -> Path:
    """The wheel of a release, fetched by pip; nothing of it is run."""
    _checked(release)
    words = ["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    words += ["--disable-pip-version-check", "--dest", str(folder), f"sglang=={release}"]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-P", *words],  # a pip.py of the current folder isn't pip
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    wheels = sorted(folder.glob(f"sglang-{release}-*.whl"))
    if done.returncode != 0 or not wheels:
        said = [line for line in done.stderr.splitlines() if line.strip()] or ["no wheel came"]
        reason = next((x for x in reversed(said) if x.startswith("ERROR")), said[-1])
        raise ReadError(
            f"it can't be downloaded: {reason.removeprefix('ERROR: ')}",
            where=f"pip download sglang=={release}",
            expected="a release of SGLang, or --from WHEEL|DIR",
            hint=f"the shipped catalogue of {closest(release)}",
        )
    return wheels[0]


COMMANDS = (build,)
