"""Tests that take their launch from a profile of this package."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from dsv4_env.compare.findings import compare_launches
from dsv4_env.model import LaunchConfig, Location, Unknown
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.finding import Severity
from dsv4_env.profile import load_profile
from dsv4_env.readers import python

LAUNCH = "popen_launch_server('m', 'u', 1, other_args=p.server_args, env=p.launch_env(os.environ))"
HEAD = "import os\nfrom dsv4_env import load_profile\n"


def one(text: str, folder: Path, profiles: Path | None = None) -> LaunchConfig:
    (found,) = python.read_all(text, str(folder / "test_v4.py"), root=folder, profiles=profiles)
    return found


@pytest.mark.usefixtures("may")  # today one of the values may come from outside
@pytest.mark.parametrize("name", ["flash-fp4", "flash-fp8", "pro-fp4", "pro-fp8"])
def test_settings_and_origins_are_the_profile_s(name: str, tmp_path: Path) -> None:
    found = one(f"{HEAD}p = load_profile({name!r})\n{LAUNCH}\n", tmp_path)
    profile = load_profile(name)
    assert [(e.name, e.value) for e in found.env] == list(profile.env.items())
    assert found.argv[2:] == profile.server_args
    assert [e.origin for e in found.env] == [e.origin for e in profile.config.env]
    assert [a.origin for a in (found.args or ())[1:]] == [
        a.origin for a in profile.config.args or ()
    ]
    (note,) = found.notes
    assert (note.profile, note.location and note.location.line) == (name, 3)


@pytest.mark.usefixtures("may")
def test_what_the_test_sets_overrode_the_profile(tmp_path: Path) -> None:
    text = f"{HEAD}p = load_profile('flash-fp4')\nos.environ['A'] = 'x'\n"
    text += "env = p.env\nenv['SGLANG_USE_AITER'] = '0'\n"
    text += "popen_launch_server('m', 'u', 1, env=env)\n"
    found = one(text, tmp_path)
    (setting,) = (e for e in found.env if e.name == "SGLANG_USE_AITER")
    assert [o.name for o in setting.origin.chain()] == ["python", "common"]
    assert (setting.value, setting.origin.overrode and setting.origin.overrode.value) == ("0", "1")


@pytest.mark.parametrize(
    ("folder", "known"),
    [
        ("'launch'", True),
        ("folder='launch'", True),
        ("Path('launch')", True),
        ("Path(__file__).parent / 'launch'", True),
        ("Path(__file__).resolve().parents[0].joinpath", False),
        ("os.path.join(os.path.dirname(__file__), 'launch')", True),
        ("HERE / 'launch'", True),
        ("'..'", False),
        ("'/'", False),
        ("somewhere()", False),
        ("'nowhere'", False),
    ],
)
def test_a_folder_of_profiles(folder: str, known: bool, tmp_path: Path) -> None:
    (tmp_path / "launch").mkdir()
    (tmp_path / "launch" / "mine.toml").write_text('description = "x"\n[args]\n--tp = "3"\n')
    text = f"{HEAD}from pathlib import Path\nHERE = Path(__file__).parent\n"
    found = one(f"{text}p = load_profile('mine', {folder})\n{LAUNCH}\n", tmp_path)
    assert (found.argv[2:] == ["--tp", "3"]) is known
    if not known:
        (word,) = found.argv[2:]
        assert isinstance(word, Unknown)
        assert word.splits
        assert any(n.opens for n in found.notes)


def test_only_fixtures_take_the_project_s_folder(tmp_path: Path) -> None:
    (tmp_path / "launch").mkdir()
    (tmp_path / "launch" / "mine.toml").write_text('description = "x"\n[args]\n--tp = "3"\n')
    marked = "import pytest\n@pytest.mark.dsv4_profile('mine')\ndef test_a(dsv4_server): pass\n"
    loads = f"{HEAD}p = load_profile('mine')\n{LAUNCH}\n"
    assert one(marked, tmp_path, tmp_path / "launch").argv[2:4] == ["--tp", "3"]
    assert isinstance(one(marked, tmp_path).argv[0], Unknown)
    (tmp_path / "pyproject.toml").write_text('[tool.dsv4_env]\nprofiles = "launch"\n')
    assert one(marked, tmp_path).argv[2:4] == ["--tp", "3"]
    assert isinstance(one(loads, tmp_path, tmp_path / "launch").argv[2], Unknown)


def test_a_server_of_no_known_profile(tmp_path: Path) -> None:
    found = one("def test_a(dsv4_server): pass\n", tmp_path)
    (word,) = found.argv
    assert isinstance(word, Unknown)
    assert "no @pytest.mark.dsv4_profile" in word.reason
    assert [n.opens for n in found.notes] == [True]


TRITON = "unified_kv_triton"
BACKEND = "SGLANG_HACK_FLASHMLA_BACKEND"  # the outside may override the profile's value


@pytest.mark.parametrize(
    ("sets", "environ", "value", "default"),
    [
        (f"os.environ['{BACKEND}'] = 'x'", "os.environ", "x", None),
        (f"os.environ.setdefault('{BACKEND}', 'x')", "os.environ", None, "x"),
        ("", f"{{**os.environ, '{BACKEND}': 'x'}}", "x", None),
        ("", f"{{'{BACKEND}': 'x'}}", "x", None),
        ("", "{'A': 'x'}", TRITON, None),
        ("", "os.environ", None, TRITON),
        (f"os.environ['{BACKEND}'] = ''", "os.environ", TRITON, None),
        (f"os.environ['{BACKEND}'] = os.environ.get('M', '')", "os.environ", None, TRITON),
        (f"os.environ.pop('{BACKEND}', None)", "os.environ", TRITON, None),
        (f"os.environ['{BACKEND}'] = elsewhere()", "os.environ", None, None),
        ("os.environ.update(elsewhere())", "os.environ", None, None),
    ],
)
def test_what_was_set_before_overrides_what_a_profile_leaves_to_the_outside(
    sets: str, environ: str, value: str | None, default: str | None, tmp_path: Path
) -> None:
    launch = LAUNCH.replace("p.launch_env(os.environ)", f"p.launch_env({environ})")
    found = one(f"{HEAD}p = load_profile('flash-fp4')\n{sets}\n{launch}\n", tmp_path)
    got = found.effective_env[BACKEND].value
    assert (got.default if isinstance(got, Unknown) else None) == default
    assert (got if isinstance(got, str) else None) == value
    told = compare_launches(load_profile("flash-fp4").config, found).findings
    assert [f.subject for f in told if f.rule.id == "DSV006"] == []


CHANGES = [
    'args=["--tp", "4"]',
    'args=["--tensor-parallel-size=4", "--log-requests"], env={"A": "b"}',
    'args=("--mem-fraction-static", f"{0.8}"), without=["--disable-radix-cache"]',
    'without={"--trust-remote-code", "SGLANG_USE_ROCM700A"}',
    'env={"SGLANG_USE_ROCM700A": "1", "SGLANG_HACK_FLASHMLA_BACKEND": "x"}',
    'env=None, args=["--tp", "4", "--tp", "2"]',
    'args=[*load_profile("flash-fp8").server_args]',
    "",
]


@pytest.mark.usefixtures("may")
@pytest.mark.parametrize("how", CHANGES)
def test_what_a_test_changes_of_a_profile(how: str, tmp_path: Path) -> None:
    made = f"load_profile('flash-fp4').changed({how})"
    found = one(f"{HEAD}p = {made}\n{LAUNCH}\n", tmp_path)
    profile = eval(made, {"load_profile": load_profile})
    assert found.argv[2:] == profile.server_args
    assert {n: e.value for n, e in found.effective_env.items()} == profile.env
    assert not any(note.opens for note in found.notes)


def test_what_is_changed_stands_in_the_test_and_overrode_the_profile(tmp_path: Path) -> None:
    text = "p = load_profile('flash-fp4').changed(args=['--tp', '4'], env={'A': 'b'})\n"
    found = one(f"{HEAD}{text}{LAUNCH}\n", tmp_path)
    (tp,) = (a for a in found.args or () if a.flag == "--tp")
    assert [(o.name, o.value) for o in tp.origin.chain()] == [("python", "4"), ("common", "8")]
    assert tp.location == Location(str(tmp_path / "test_v4.py"), 3, text.index("'--tp'") + 1)
    assert found.effective_env["A"].location == replace(tp.location, column=text.index("'b'") + 1)
    assert [n.profile for n in found.notes] == ["flash-fp4"]


@pytest.mark.parametrize(
    "how",
    [
        "args=ARGS",
        "args=[*ARGS]",
        "args=[FLAG, '4']",
        "args=['--tp', '4', *ARGS]",
        "env=ENV",
        "env={**ENV}",
        "env=os.environ",
        "without=GONE",
        "without=[FLAG]",
        "**MORE",
        "args={'--tp=4', '--dp=2'}",
        "args='--tp 4'",
        "args=['--tp 4']",
        "args=['--tp', 4]",
        "args=['--tp=4'], without=['--tp']",
        "without=['--nowhere']",
        "env={'A': 1}",
        "env={'A': None}",
    ],
)
def test_a_change_that_isnt_known_leaves_nothing_known(how: str, tmp_path: Path) -> None:
    head = f"{HEAD}from elsewhere import ARGS, FLAG, ENV, GONE, MORE\n"
    found = one(f"{head}p = load_profile('flash-fp4').changed({how})\n{LAUNCH}\n", tmp_path)
    (word,) = found.argv[2:]
    assert isinstance(word, Unknown)
    assert word.splits
    assert any(note.opens for note in found.notes)


STOPS = [
    ("load_profile('flash-fp5')", "unknown profile 'flash-fp5'.* Did you mean flash-fp"),
    ("load_profile('flash-fp4', hardware='h200')", "load_profile.. takes no hardware="),
    ("load_profile('flash-fp4', None, 'x')", "takes 2 values without"),
    ("load_profile('flash-fp4', nodes=0)", "nodes is 0"),
    ("load_profile('flash-fp4').changed(arg=['--tp', '4'])", "takes no arg=.* Did you mean args"),
    ("load_profile('flash-fp4').changed(['--tp', '4'])", "takes no values without"),
    ("load_profile('flash-fp4').changed(args=['--tp', 4])", "the argument 4 is no text"),
    ("load_profile('flash-fp4').changed(without=['--nope'])", "doesn't give --nope"),
    ("load_profile('flash-fp4').changed(args={'--tp': '4'})", "args is a dict"),
    ("load_profile('flash-fp4').changed(args={'--tp': elsewhere()})", "args is a dict"),
    ("load_profile('flash-fp4').changed(args={'--tp=4', '--dp=4'})", "args is a set"),
    ("load_profile('flash-fp4').changed(env=['A'])", "env is a list"),
]


@pytest.mark.parametrize(("call", "message"), STOPS)
def test_a_call_that_ends_the_test_is_an_error_where_it_stands(
    call: str, message: str, tmp_path: Path
) -> None:
    found = one(f"{HEAD}p = {call}\n{LAUNCH}\n", tmp_path)
    told = compare_launches(load_profile("flash-fp4").config, found)
    (finding,) = (f for f in told.findings if f.rule.id == "DSV019")
    assert re.search(message, finding.message)
    assert (finding.severity, finding.location) == (
        Severity.ERROR,
        Location(str(tmp_path / "test_v4.py"), 3, 5),
    )
    assert not any("stops" in note for note in told.notes)
    with pytest.raises((Dsv4Error, TypeError)):
        eval(call, {"load_profile": load_profile, "elsewhere": str})


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    p = load_profile('nope')\nexcept OSError:\n    p = load_profile('pro-fp4')",
        "with pytest.raises(Exception):\n    p = load_profile('nope')",
        "def make():\n    return load_profile('nope')\ntry: p = make()\nexcept OSError: pass",
        "from elsewhere import MORE\np = load_profile('flash-fp4').changed(**MORE)",
        "from elsewhere import MORE\np = load_profile('flash-fp4', *MORE)",
        "from elsewhere import NAME\np = load_profile(NAME)",
    ],
)
def test_what_is_caught_or_isnt_known_ends_no_test(text: str, tmp_path: Path) -> None:
    found = one(f"{HEAD}import pytest\n{text}\n{LAUNCH}\n", tmp_path)
    assert [n for n in found.notes if n.refused] == []
    assert any(isinstance(word, Unknown) for word in found.argv[2:]) or found.args


def test_a_value_that_isnt_known_is_one_unknown_value(tmp_path: Path) -> None:
    how = (
        "args=['--tp', os.environ['TP'], f'--dp={N}'], env={'A': os.environ.get('A', 'b'), 'B': X}"
    )
    head = f"{HEAD}from elsewhere import N, X\n"
    found = one(f"{head}p = load_profile('flash-fp4').changed({how})\n{LAUNCH}\n", tmp_path)
    unknown = {a.flag for a in found.args or () if any(isinstance(v, Unknown) for v in a.values)}
    assert unknown == {"--tp", "--dp"}
    a, b = (found.effective_env[n].value for n in "AB")
    assert isinstance(a, Unknown)
    assert (a.names, a.default) == (("A",), "b")
    assert isinstance(b, Unknown)
    assert b.default is None


def test_marks_take_changed_profiles(tmp_path: Path) -> None:
    text = f"""{HEAD}import pytest
HALF = load_profile("flash-fp4").changed(args=["--tp", "4"])
TWO = load_profile("flash-fp4").changed(args=["--tp", "2"], env={{"A": "b"}})

@pytest.mark.dsv4_profile(HALF, TWO, HALF, "flash-fp8")
def test_each(dsv4_server): pass

@pytest.mark.parametrize("dsv4_profile", [pytest.param("flash-fp4", id="x"), TWO], indirect=True)
def test_parameters(dsv4_server): pass

@pytest.mark.dsv4_profile("flash-fp4")
def test_launch(dsv4_profile, dsv4_launch):
    with dsv4_launch(dsv4_profile.changed(args=["--tp", "1"])): pass

@pytest.mark.dsv4_profile(elsewhere())
def test_unknown(dsv4_server): pass
"""
    *found, unknown = python.read_all(text, str(tmp_path / "test_v4.py"), root=tmp_path)
    tp = {f.symbol: f.argv[f.argv.index("--tp") + 1] for f in found}
    assert tp == {
        "test_each[flash-fp4_0]": "4",
        "test_each[flash-fp4_1]": "2",
        "test_each[flash-fp8]": "8",
        "test_parameters[flash-fp4_0]": "8",
        "test_parameters[flash-fp4_1]": "2",
        "test_launch": "1",
    }
    assert ["A" in f.effective_env for f in found] == [False, True, False, False, True, False]
    assert isinstance(unknown.argv[0], Unknown)
