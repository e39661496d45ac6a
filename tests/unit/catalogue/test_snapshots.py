"""The shipped snapshots: figures that were counted apart from the extractor, and known truths."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib import resources
from pathlib import Path

import pytest

from dsv4_env.catalogue import load, releases
from dsv4_env.catalogue.extract import build_snapshot

# Counted in SGLang's files with regular expressions: ``add_argument("--`` calls, lines
# ``name: A[…``, of these the ones with ``no_cli=True`` or without help text (registered by a
# call or not at all) and ``dcp_size`` where it stands twice; last ``NAME = Env…(`` in Envs, less
# the one that stands there twice.
FIGURES = {
    "0.5.11": (374, 0, 0, 250),
    "0.5.12": (387, 0, 0, 295),
    "0.5.12.post1": (387, 0, 0, 295),
    "0.5.13": (406, 0, 0, 385),
    "0.5.13.post1": (406, 0, 0, 385),
    "0.5.14": (27, 399, 6, 406),
    "0.5.15": (27, 418, 7 + 1, 430),
    "0.5.15.post1": (27, 418, 7 + 1, 430),
    "0.5.16": (27, 441, 7 + 1, 495),
    "0.5.17": (28, 458, 7 + 5, 533 - 1),
    "0.5.18": (29, 472, 8 + 5, 543),
    "0.5.19": (30, 488, 10 + 5, 591),
    "0.5.20": (7, 494, 7, 623),
    "0.5.21": (7, 514, 9, 652),
    "0.5.22": (8, 531, 18, 684),
    "0.5.23": (9, 541, 19, 770),
}
# All variables: declared, read or set elsewhere, or named in the deprecated table.
KNOWN = dict(
    zip(
        FIGURES,
        (525, 588, 588, 732, 732, 760, 812, 812, 928, 976, 997, 1074, 1139, 1159, 1211, 1289),
        strict=True,
    )
)


@pytest.mark.parametrize("release", FIGURES)
def test_the_figures_of_a_release(release: str) -> None:
    calls, fields, without_flag, declared = FIGURES[release]
    catalogue = load(release)
    assert len(catalogue.arguments) == calls + fields - without_flag
    assert sum(v.in_envs for v in catalogue.variables.values()) == declared
    assert len(catalogue.variables) == KNOWN[release]


def test_every_release_has_its_figures() -> None:
    assert tuple(FIGURES) == releases()


@pytest.mark.parametrize("release", FIGURES)
def test_no_flag_belongs_to_two_arguments(release: str) -> None:
    arguments = load(release).arguments.values()
    flags = [f for a in arguments for f in a.flags]
    assert len(flags) == len(set(flags))


@pytest.mark.parametrize("release", FIGURES)
def test_every_entry_decodes_and_every_rename_leads_somewhere(release: str) -> None:
    catalogue = load(release)
    for entry in catalogue:
        target = getattr(entry, "renamed_to", None)
        assert target is None or catalogue.variable(target) is not None, entry


def test_a_variable_that_is_read_outside_envs() -> None:
    for release in releases():
        variable = load(release).variables["SGLANG_USE_ROCM700A"]
        assert variable is not None
        assert not variable.in_envs
        assert variable.read_in == ("srt/layers/dp_attention.py",)
        assert (variable.kind, variable.default) == ("bool", "false")


def test_a_variable_that_enters_envs_and_changes_its_default() -> None:
    name = "SGLANG_HACK_FLASHMLA_BACKEND"
    defaults = {
        r: v.default if v.in_envs else "read outside"
        for r in releases()
        if (v := load(r).variable(name)) is not None
    }
    assert defaults == {
        "0.5.13": "read outside",
        "0.5.13.post1": "read outside",
        "0.5.14": "tilelang",
        "0.5.15": "tilelang",
        "0.5.15.post1": "tilelang",
        "0.5.16": "tilelang",
        "0.5.17": "tilelang",
        "0.5.18": "tilelang",
        "0.5.19": "tilelang",
        "0.5.20": "tilelang",
        "0.5.21": "tilelang",
        "0.5.22": "auto",
        "0.5.23": "auto",
    }


def test_a_variable_that_is_declared_and_that_nothing_reads() -> None:
    for name in ("SGLANG_OPT_USE_FUSED_COMPRESS_TRITON", "SGLANG_OPT_USE_OLD_COMPRESSOR"):
        assert not load("0.5.13").variables[name].mentioned
    assert load("0.5.13").variables["SGLANG_OPT_USE_FUSED_COMPRESS"].mentioned


def test_a_variable_of_which_sglang_asks_whether_it_is_set() -> None:
    readings = load("0.5.23").variables["SGLANG_DSV4_FP4_EXPERTS"].readings
    assert {r.kind for r in readings} == {"bool", "set"}


def test_the_deprecated_attention_backend() -> None:
    for release in releases()[1:]:
        argument = load(release).arguments["--attention-backend"]
        assert argument.value_aliases == (("compressed", "dsv4"),), release
        assert {"compressed", "dsv4"} <= set(argument.choices or ())
    assert load("0.5.11").arguments["--attention-backend"].value_aliases == ()


def test_abbreviations_of_the_server() -> None:
    for release in releases():
        catalogue = load(release)
        match = catalogue.argument("--max-running-request")
        assert match is not None
        assert (match.flag, match.abbreviated) == ("--max-running-requests", True)
        spellings = ("--tp", "--tp-size", "--tensor-parallel-size")
        (argument,) = {m.argument for w in spellings if (m := catalogue.argument(w))}
        assert argument is not None


def test_secrets() -> None:
    assert load("0.5.23").variables["EXA_API_KEY"].secret


def test_what_isnt_resolved_is_listed() -> None:
    listed = load("0.5.23").unresolved
    assert "argument --sampling-backend: choices: token_oracle on a condition" in listed
    assert "value tokenspeed_mla: becomes cutedsl_mla, with other changes" in listed


def wheel_of(release: str, folder: Path) -> Path | None:
    """The wheel in ``$DSV4_WHEELS``, or downloaded where ``DSV4_NETWORK=1``."""
    given = os.environ.get("DSV4_WHEELS")
    if given:
        return next(Path(given).glob(f"sglang-{release}-*.whl"), None)
    if os.environ.get("DSV4_NETWORK") != "1":
        return None
    command = [
        sys.executable,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--dest",
        str(folder),
    ]
    subprocess.run([*command, f"sglang=={release}"], check=True)
    return next(folder.glob(f"sglang-{release}-*.whl"))


@pytest.mark.parametrize("release", FIGURES)
def test_a_snapshot_regenerates_byte_for_byte(release: str, tmp_path: Path) -> None:
    wheel = wheel_of(release, tmp_path)
    if wheel is None:
        pytest.skip("set DSV4_WHEELS to a folder of wheels, or DSV4_NETWORK=1")
    shipped = resources.files("dsv4_env.catalogue") / "data" / f"{release}.txt"
    assert build_snapshot(wheel) == (release, shipped.read_text(encoding="utf-8"))
