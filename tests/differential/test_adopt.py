"""Each test of the corpus that is put onto profiles launches the same when both versions run."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from dsv4_env.adopt.execution import Execution, executed
from dsv4_env.adopt.inlining import inlined
from dsv4_env.adopt.proof import outside_names
from dsv4_env.catalogue.store import RELEASES
from dsv4_env.readers import python
from dsv4_env.readers.taken import KnownProfiles
from tests.unit.adopt.putting import CASES

GOLDEN = sorted(p for p in CASES.iterdir() if (p / "expected.py").is_file())
SILENT = {"base-and-subclasses": 1, "two-launches-of-one-profile": 1}  # classes without a launch
# It names its folder from where it runs.
GOLDEN = [p for p in GOLDEN if p.name != "from-the-profile-already"]


@pytest.mark.long
@pytest.mark.parametrize("case", GOLDEN, ids=lambda p: p.name)
def test_both_versions_launch_the_same(case: Path, tmp_path: Path) -> None:
    shutil.copytree(case, tmp_path / "launch")
    path = tmp_path / "input.py"
    path.write_bytes((case / "input.py").read_bytes())
    old, new = path.read_text(), (case / "expected.py").read_text()
    names = outside_names(python.read_all(old, str(path)))
    named = [n for n in names if n.isupper() and n not in ("CI", "EXTRA", "DRAFT")]
    back = inlined(new, str(path), KnownProfiles(tmp_path))
    for other in (new, back):
        what = Execution(path, old, other, named, releases=RELEASES[-1:])
        found = executed(Path(sys.executable), what)
        assert found.wrong == []
        silent = sum("launches nothing" in aside.message for aside in found.asides)
        assert silent == SILENT.get(case.name, 0)
