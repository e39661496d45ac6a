"""Tests put onto profiles: what isn't in the corpus of ``tests/cases/rewrite``."""

from __future__ import annotations

import ast
from pathlib import Path

import black
import pytest

from dsv4_env.adopt.code import Code, with_import
from dsv4_env.adopt.rewriting import CannotRewrite, Folder, Use, folder_from, rewritten
from dsv4_env.profile import load_profile
from dsv4_env.readers import python
from dsv4_env.writeback.edits import applied
from tests.unit.adopt.putting import CASES, TEST, place, put

GOLDEN = sorted(p for p in CASES.iterdir() if (p / "expected.py").is_file())


def test_lines_end_as_they_did_and_the_mark_stays(tmp_path: Path) -> None:
    plain = put(place(tmp_path))
    path = place(tmp_path, "\ufeff" + TEST.replace("\n", "\r\n"))
    assert put(path) == "\ufeff" + plain.replace("\n", "\r\n")


def test_text_that_is_no_ascii_stays(tmp_path: Path) -> None:
    odd = TEST.replace(
        "        env = os", '        print("été — ß", MODEL); x = "é"\n        env = os'
    )
    new = put(place(tmp_path, odd))
    assert 'print("été — ß", MODEL); x = "é"\n        env = PROFILE.launch_env(os.environ)' in new


def test_nothing_else_changes(tmp_path: Path) -> None:
    """Each line that is new is of the profile, an import, or a part of what was there."""
    new = put(place(tmp_path))
    fresh = [line for line in new.splitlines() if line not in TEST.splitlines()]
    assert fresh == [
        "from pathlib import Path",
        "from dsv4_env import load_profile",
        'PROFILE = load_profile("mine", Path(__file__).resolve().parent / "launch")',
        "MODEL = PROFILE.model_path(os.environ)",
        "        env = PROFILE.launch_env(os.environ)",
        "            timeout=PROFILE.launch_timeout_seconds,",
        "            other_args=PROFILE.server_args,",
    ]


def test_most_cases_are_formatted() -> None:
    """So that what is said of them below isn't empty."""
    texts = [(case / "input.py").read_text() for case in GOLDEN]
    assert sum(black.format_str(t, mode=black.Mode()) == t for t in texts) > 30


@pytest.mark.parametrize("case", GOLDEN, ids=lambda p: p.name)
def test_what_is_written_is_formatted_as_before(case: Path) -> None:
    """Black has nothing to say of what comes out where it had nothing to say before."""
    texts = [(case / name).read_text() for name in ("input.py", "expected.py")]
    tidy = [black.format_str(text, mode=black.Mode()) for text in texts]
    assert tidy[0] != texts[0] or tidy[1] == texts[1]


@pytest.mark.parametrize("case", GOLDEN, ids=lambda p: p.name)
def test_every_name_that_is_used_is_bound(case: Path) -> None:
    tree = ast.parse((case / "expected.py").read_text())
    bound = {
        n.id for n in ast.walk(tree) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    bound |= {
        a.asname or a.name.partition(".")[0]
        for n in ast.walk(tree)
        if isinstance(n, ast.Import | ast.ImportFrom)
        for a in n.names
    }
    bound |= {n.name for n in ast.walk(tree) if isinstance(n, ast.ClassDef | ast.FunctionDef)}
    bound |= {n.arg for n in ast.walk(tree) if isinstance(n, ast.arg)} | {"__name__", "__file__"}
    used = {n.id for n in ast.walk(tree) if isinstance(n, ast.Name)}
    assert used - bound <= set(dir(__builtins__)) | {"classmethod", "list", "dict", "print", "str"}


def test_the_folder_is_named_from_the_test() -> None:
    root = Path("/checkout")
    test = root / "test" / "registered" / "amd" / "test_it.py"
    assert folder_from(test, root / "launch") == Folder(3, "launch")
    assert str(folder_from(test, root / "launch")).endswith('parents[3] / "launch"')
    assert str(folder_from(test, test.parent)) == "Path(__file__).resolve().parent"
    assert str(folder_from(test, test.parent / "a" / "b")).endswith('.parent / "a/b"')


def test_a_target_and_a_long_name_are_written_as_black_does(tmp_path: Path) -> None:
    path = place(tmp_path)
    (launch,) = python.read_all(TEST, str(path))
    profile = load_profile("mine", tmp_path / "launch")
    use = Use(launch, profile, "mine", Folder(7, "a/very/long/folder"), (("sglang", "0.5.19"),))
    new = rewritten(TEST, str(path), [use])
    assert (
        "PROFILE = load_profile(\n"
        '    "mine", Path(__file__).resolve().parents[7] / "a/very/long/folder", sglang="0.5.19"\n'
        ")\n"
    ) in new


def test_shipped_profiles_need_no_folder(tmp_path: Path) -> None:
    path = place(tmp_path)
    (launch,) = python.read_all(TEST, str(path))
    profile = load_profile("mine", tmp_path / "launch")
    new = rewritten(TEST, str(path), [Use(launch, profile, "mine")])
    assert 'PROFILE = load_profile("mine")\n' in new
    assert "pathlib" not in new


def test_a_shared_value_isnt_one_profiles(tmp_path: Path) -> None:
    """A constant that two launches with different profiles use stays what it is."""
    two = TEST + TEST[TEST.index("\n\nclass") :].replace("TestIt", "TestOther").replace(
        '"8"', '"4"'
    )
    path = place(tmp_path, two)
    (tmp_path / "launch" / "other.toml").write_text(
        (tmp_path / "launch" / "mine.toml").read_text().replace('"8"', '"4"')
    )
    launches = python.read_all(two, str(path))
    uses = [
        Use(launch, load_profile(name, tmp_path / "launch"), name, Folder(0, "launch"))
        for launch, name in zip(launches, ["mine", "other"], strict=True)
    ]
    new = rewritten(two, str(path), uses)
    assert 'MODEL = os.environ.get("THE_MODEL", "m")' in new
    assert "MINE_PROFILE.server_args" in new
    assert "OTHER_PROFILE.server_args" in new
    assert "ENV_VARS" not in new


def test_what_cant_be_done_has_its_place(tmp_path: Path) -> None:
    path = place(tmp_path, TEST.replace('"--tp", "8"', '"--tp", "4"'))
    with pytest.raises(CannotRewrite) as caught:
        put(path)
    assert caught.value.reason.startswith("`--tp 4` stands there, and mine has `--tp 8`;")
    assert caught.value.location is not None
    assert caught.value.location.line == 20


@pytest.mark.parametrize(
    ("before", "module", "name", "after"),
    [
        ("import os\n\nimport sglang\n", "dsv4_env", "load_profile",
         "import os\n\nfrom dsv4_env import load_profile\n\nimport sglang\n"),
        ("import os\nfrom a import b\n", "pathlib", "Path",
         "import os\nfrom pathlib import Path\nfrom a import b\n"),
        ("from pathlib import PurePath\n", "pathlib", "Path",
         "from pathlib import Path, PurePath\n"),
        ("from pathlib import (\n    PurePath,\n)\n", "pathlib", "Path",
         "from pathlib import (\n    Path,\n    PurePath,\n)\n"),
        ('"""It."""\n\nX = 1\n', "os", None, '"""It."""\n\nimport os\n\nX = 1\n'),
        ("X = 1\n", "os", None, "import os\n\nX = 1\n"),
        ("from sglang import a\n", "os", None, "import os\n\nfrom sglang import a\n"),
        ("import requests\nfrom zzz import a\n", "dsv4_env", "load_profile",
         "import requests\nfrom dsv4_env import load_profile\nfrom zzz import a\n"),
        ("import os\n", "os", None, None),
        ("from pathlib import Path\n", "pathlib", "Path", None),
    ],
)  # fmt: skip
def test_imports_go_where_isort_has_them(
    before: str, module: str, name: str | None, after: str | None
) -> None:
    edit = with_import(Code(before, "t.py"), module, name)
    assert (applied(before, [edit]) if edit else None) == after


def test_values_of_other_modules_are_known_as_the_reader_knows_them(tmp_path: Path) -> None:
    text = TEST.replace('"--tp", "8"', '"--tp", EIGHT').replace(
        "import unittest\n", "import unittest\n\nfrom values import EIGHT, NINE\n"
    )
    (tmp_path / "values.py").write_text('EIGHT = "8"\nNINE = "9"\n')
    new = put(place(tmp_path, text))
    assert "other_args=PROFILE.server_args" in new
    assert "from values import NINE\n" in new


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("from elsewhere import Path", "Path"),
        ("def load_profile(name): ...", "load_profile"),
        ("from elsewhere import load_profile", "load_profile"),
    ],
)
def test_names_that_mean_something_else(tmp_path: Path, line: str, name: str) -> None:
    path = place(tmp_path, TEST.replace("import unittest\n", f"import unittest\n{line}\n"))
    with pytest.raises(CannotRewrite, match=f"{name} means something else in it"):
        put(path)


def test_what_is_nested_too_deeply_is_left_alone(tmp_path: Path) -> None:
    deep = "+".join(["[]"] * 900)
    path = place(tmp_path, TEST.replace('other_args=["--tp"', f'other_args={deep}+["--tp"'))
    (launch,) = python.read_all(TEST, str(path))
    use = Use(launch, load_profile("mine", tmp_path / "launch"), "mine")
    with pytest.raises(CannotRewrite, match="nested too deeply"):
        rewritten(path.read_text(), str(path), [use])
