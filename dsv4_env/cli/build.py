"""``catalogue build``."""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import click

from dsv4_env.catalogue import extract
from dsv4_env.catalogue.releases import closest
from dsv4_env.cli.options import output_option
from dsv4_env.cli.output import write
from dsv4_env.model.errors import ReadError


@click.command()
@click.option("--sglang", required=True, metavar="RELEASE", help="The release to read.")
@click.option(
    "--from",
    "where",
    metavar="WHEEL|DIR|installed",
    type=click.Path(path_type=Path),
    help="A wheel, a checkout, or the SGLang that is installed beside dsv4-env. Default: the "
    "wheel that pip downloads.",
)
@click.option(
    "--resolution",
    is_flag=True,
    help="Write what SGLang makes of a launch by itself (see plan) instead of what it understands.",
)
@output_option
def build(sglang: str, where: Path | None, resolution: bool, output: Path | None) -> None:
    """Read a release's own source and write its snapshot, as it ships with dsv4-env.

    SGLang is read as text, and never imported or run. A release has two files: of what it
    understands, and, with --resolution, of what it makes of a launch.

    \b
    Examples:
      dsv4-env catalogue build --sglang 0.5.13
      dsv4-env catalogue build --sglang 0.5.23 --from ../sglang -o 0.5.23.txt
      dsv4-env catalogue build --sglang 0.5.23 --resolution -o 0.5.23.json
    """
    wanted = sglang.removeprefix("v")
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


def _download(release: str, folder: Path) -> Path:
    """The wheel of a release, fetched by pip; nothing of it is run."""
    if not re.fullmatch(r"[0-9]+(\.[0-9]+)*([-_.a-z0-9]*)?(\+[a-z0-9.]+)?", release):
        raise ReadError(
            f"{release!r} is no release", where="--sglang", expected="one such as 0.5.23"
        )
    words = ["-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--quiet"]
    words += ["--disable-pip-version-check", "--dest", str(folder), f"sglang=={release}"]
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-P", *words],  # a pip.py of the current folder isn't pip
        capture_output=True,
        text=True,
        check=False,
        cwd=folder,
    )
    wheels = sorted(folder.glob("sglang-*.whl"))
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
