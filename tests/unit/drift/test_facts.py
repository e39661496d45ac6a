"""All versions of the AMD tests, held to the profiles: what moved is told, and nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsv4_env import drift
from dsv4_env.catalogue import Catalogue, load
from dsv4_env.model.finding import Report
from dsv4_env.profile import load_profile
from dsv4_env.profile.settings import Settings, load as load_settings
from tests.conftest import amd_tests
from tests.unit.readers.python.test_facts import written

pytestmark = pytest.mark.usefixtures("may")  # whose profiles these launches are

COMMIT = "6e9bd82714cb"  # sglang PR #26662
PROFILES = ("flash-fp4", "flash-fp8", "pro-fp4", "pro-fp8")
PAIRS = "".join(
    f'[[tool.dsv4_env.pairs]]\nprofile = "{p}"\nfiles = "test/*_{p.replace("-", "_")}.py"\n'
    for p in PROFILES
)
HACK = "SGLANG_HACK_FLASHMLA_BACKEND"


def profile_of(fact: dict[str, Any]) -> str:
    return Path(fact["path"]).stem.removeprefix("test_deepseek_v4_").replace("_", "-")


def checked(folder: Path, facts: list[dict[str, Any]], catalogue: Catalogue | None) -> Report:
    """The check of a project that holds these versions."""
    (folder / "pyproject.toml").write_text(PAIRS)
    (folder / "test").mkdir()
    for fact in facts:
        accepted = load_profile(profile_of(fact)).get("quality", "gsm8k-threshold")
        text = written(fact).replace(
            "self.assertGreater(1, 0)", f'self.assertGreater(metrics["accuracy"], {accepted})'
        )
        (folder / "test" / Path(fact["path"]).name).write_text(text)
    found: Settings = load_settings(folder, {})
    return drift.check(
        drift.CheckRun(found, None, lambda _release, _ranges: catalogue, drift.CheckOptions()),
        found.pairs,
    )


def flags(words: list[Any]) -> dict[str, list[str]]:
    """Flag to its values."""
    found: dict[str, list[str]] = {}
    for word in words:
        if str(word).startswith("--"):
            found[word] = []
        else:
            found[next(reversed(found))].append(str(word))
    return found


def settings_of(fact: dict[str, Any]) -> dict[str, Any]:
    """What a version sets, by name; a value that the environment may override by its default."""
    pairs = [tuple(p) for pairs in fact["env_dicts"].values() for p in pairs]
    env = {n: "unified_kv_triton" if isinstance(v, dict) else v for n, v in pairs}
    return env | flags(fact["other_args"][0])


def versions() -> dict[str, list[dict[str, Any]]]:
    found: dict[str, list[dict[str, Any]]] = {}
    for fact in amd_tests():
        found.setdefault(fact["commit"], []).append(fact)
    return found


def test_the_version_of_the_profiles_has_no_drift(tmp_path: Path) -> None:
    (facts,) = (f for c, f in versions().items() if c.startswith(COMMIT))
    for number, catalogue in enumerate((None, load("0.5.16"))):
        folder = tmp_path / str(number)
        folder.mkdir()
        report = checked(folder, facts, catalogue)
        assert (report.findings, drift.exit_code(report)) == ([], 0)
        assert (report.files, report.launches, report.unknown) == (4, 4, 0)
        assert report.compared == 4 * 32


@pytest.mark.parametrize("fact", amd_tests(), ids=lambda f: f"{f['path'][-8:-3]}-{f['commit'][:8]}")
def test_every_version_says_what_moved(fact: dict[str, Any], tmp_path: Path) -> None:
    name = profile_of(fact)
    (now,) = (
        f for f in amd_tests() if f["path"] == fact["path"] and f["commit"].startswith(COMMIT)
    )
    ours, theirs = settings_of(now), settings_of(fact)
    moved = {n for n in ours.keys() | theirs.keys() if ours.get(n) != theirs.get(n)}
    report = checked(tmp_path, [fact], None)
    (comparison,) = report.comparisons
    found = {f.subject for f in comparison.findings if f.rule.name != "reordered"}
    assert comparison.left == name
    assert found == moved
    assert drift.exit_code(report) == 1  # the other three pairs find no file, at least


def test_an_overridable_value_is_compared_by_its_default(tmp_path: Path) -> None:
    late = [
        f
        for f in amd_tests()
        for pairs in f["env_dicts"].values()
        if any(isinstance(v, dict) for _, v in pairs)
    ]
    report = checked(tmp_path, late[:1], load("0.5.16"))
    (finding,) = (f for f in report.findings if f.subject == HACK)
    assert finding.message.startswith(f'{HACK} is "unified_kv_triton" unless {HACK} is set; ')
