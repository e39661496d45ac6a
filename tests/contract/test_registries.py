"""What a registry lists has a module of the one shape, a case of the corpus, and help."""

from __future__ import annotations

import dataclasses
import importlib
import inspect
from pathlib import Path
from typing import TYPE_CHECKING, get_type_hints

import pytest

from dsv4_env.compare.rules import RULES
from dsv4_env.exporters import EXPORTERS, ExportOptions
from dsv4_env.lint import LINT_RULES
from dsv4_env.model import LaunchConfig
from dsv4_env.model.finding import Report
from dsv4_env.readers import KINDS, bash
from dsv4_env.reporters import REPORTERS
from tests.property import hostile_files
from tests.unit.readers import hostile
from tests.unit.readers.test_detect import DETECTED, DOCUMENTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Result

CASES = Path(__file__).parent.parent / "cases"


@pytest.mark.parametrize("name", EXPORTERS)
def test_exporters(name: str) -> None:
    exporter = EXPORTERS[name]
    shape = {"config": LaunchConfig, "return": str}
    if exporter.takes_options:
        shape["options"] = ExportOptions
    assert get_type_hints(exporter.function) == shape
    assert inspect.getdoc(exporter.function)
    assert set(exporter.holds.split()) <= {"env", "args"}
    fields = {field.name for field in dataclasses.fields(ExportOptions)}
    assert set(exporter.takes.split()) <= fields
    assert (CASES / "export" / name).is_dir()


@pytest.mark.parametrize("name", REPORTERS)
def test_reporters(name: str) -> None:
    function = importlib.import_module(f"dsv4_env.reporters.{name}").report
    assert get_type_hints(function) == {"report": Report, "return": str}
    assert inspect.getdoc(function)
    assert (CASES / "report" / name).is_dir()


@pytest.mark.parametrize("name", [k.name for k in KINDS])
def test_readers(name: str) -> None:
    kind = next(k for k in KINDS if k.name == name)
    assert (CASES / name).is_dir()
    assert name in hostile_files.ENDINGS
    assert name in hostile_files.OPENERS
    hit = {reader.replace("_", "-") for reader, _ in hostile.KINDS.values()}
    assert name in hit or kind is bash.KIND  # a script's are in tests/unit/lang/bash
    rows = {reader for *_, reader in (*DETECTED, *DOCUMENTS)}
    assert name in rows


def test_lint_rules_are_shown_in_a_case() -> None:
    shown = "".join(p.read_text() for p in CASES.glob("lint/*/expected.txt"))
    assert [i for i in LINT_RULES if f"[{i}]" not in shown] == []


def test_no_case_without_an_entry() -> None:
    exports = {p.name.partition(".")[0] for p in (CASES / "export").iterdir()}
    assert exports == set(EXPORTERS)
    reports = {p.name.partition("-")[0] for p in (CASES / "report").iterdir()}
    assert reports == set(REPORTERS)


def test_help_names_every_format(run: Callable[..., Result]) -> None:
    export, check = run("export", "--help").out, run("check", "--help").out
    assert all(f"{name}:" in " ".join(export.split()) for name in EXPORTERS)
    assert all(f"{name}:" in " ".join(check.split()) for name in REPORTERS)


def test_rule_ids_are_stable_and_shown_in_a_case() -> None:
    assert list(RULES) == [f"DSV{n:03}" for n in range(1, len(RULES) + 1)]
    kinds = ("report/text*", "check/*", "commands/*")
    cases = (path for kind in kinds for path in CASES.glob(f"{kind}/expected.txt"))
    shown = "".join(p.read_text() for p in cases)
    assert [i for i in RULES if f"[{i}]" not in shown] == []
