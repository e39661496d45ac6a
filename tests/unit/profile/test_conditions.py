"""What a profile is for a target: blocks, conditions, targets, overlays, and what is meant."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import pytest

from dsv4_env import load_profile
from dsv4_env.catalogue import releases
from dsv4_env.model.errors import ProfileError
from dsv4_env.profile import known_targets, load_all, lock, locked_all
from dsv4_env.profile.profile import layer_files

if TYPE_CHECKING:
    from pathlib import Path

    from dsv4_env import Profile

NEWEST = releases()[-1]
TARGETS = """\
[axes]
model = "flash"
precision = "fp4"
[[targets]]
hardware = ["mi355x", "b200"]
strategy = ["ci", "balanced"]
[[targets]]
hardware = "b200"
strategy = "balanced"
nodes = 2
role = ["prefill", "decode"]
[[targets]]
hardware = "b200"
strategy = "ci"
with = "fast"
verified = false
"""
FAST = 'overlay = true\n[env]\nFAST = "1"\n'


def write(folder: Path, **layers: str) -> Path:
    for name, text in layers.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


def mine(folder: Path, text: str, **asked: object) -> Profile:
    write(folder, mine=TARGETS + text, fast=FAST)
    name = str(asked.pop("name", "mine"))
    return load_profile(name, folder, **asked)  # type: ignore[arg-type]


CONDITIONS = [
    ('sglang = "<0.5.20"', {"sglang": "0.5.16"}, True),
    ('sglang = "<0.5.20"', {"sglang": "0.5.23"}, False),
    ('hardware = "mi355x"', {}, True),
    ('hardware = ["b200", "MI355X"]', {}, True),
    ('hardware = "b200"', {}, False),
    ('hardware = "b200"', {"on": "b200"}, True),
    ('strategy = "ci"', {}, True),
    ('strategy = "balanced"', {}, False),
    ('strategy = "balanced"', {"strategy": "balanced"}, True),
    ("nodes = 1", {}, True),
    ("nodes = [2, 4]", {}, False),
    ("nodes = [2, 4]", {"nodes": 2, "role": "decode"}, True),
    ('role = "decode"', {"role": "decode"}, True),
    ('role = "decode"', {"role": "prefill"}, False),
    ('role = "decode"', {}, False),
    ('precision = ["fp4", "fp8"]', {}, True),
    ('precision = "fp8"', {}, False),
    ('model = "flash"', {}, True),
    ('model = "pro"', {}, False),
    ('with = "fast"', {"name": "mine+fast"}, True),
    ('with = "fast"', {}, False),
    ('without = "fast"', {}, True),
    ('without = "fast"', {"name": "mine+fast"}, False),
    ('hardware = "mi355x"\nstrategy = "balanced"', {}, False),  # all have to hold
    ('hardware = "mi355x"\nstrategy = "ci"', {}, True),
]


@pytest.mark.parametrize(("condition", "asked", "holds"), CONDITIONS)
def test_conditions(tmp_path: Path, condition: str, asked: dict[str, object], holds: bool) -> None:
    found = mine(tmp_path, f'[[when]]\n{condition}\nenv.A = "1"\n', **asked)
    assert found.env.get("A") == ("1" if holds else None)


@pytest.mark.parametrize(("on", "env"), [("mi355x", {"A": "1", "B": "1"}), ("b200", {})])
def test_only_is_of_the_whole_layer(tmp_path: Path, on: str, env: dict[str, str]) -> None:
    write(
        tmp_path,
        low='abstract = true\n[only]\nhardware = "mi355x"\n[env]\nA = "1"\n'
        '[[when]]\nenv.B = "1"\nstrategy = "ci"\n',
        mine='extends = ["low"]\n' + TARGETS,
        fast=FAST,
    )
    assert load_profile("mine", tmp_path, on=on).env == env


def test_a_block_wins_over_the_table_of_its_layer(tmp_path: Path) -> None:
    text = '[env]\nA = "1"\nB = "1"\n[[when]]\nhardware = "mi355x"\nenv.A = "2"\n'
    text += 'unset.env = ["B"]\nargs."--tp" = "8"\nweights.path = "org/x"\n'
    found = mine(tmp_path, text)
    assert (found.env, found.server_args) == ({"A": "2"}, ["--tp", "8"])
    assert found.default_model_path == "org/x"
    (setting,) = found.config.env
    assert setting.origin.when == "mi355x"
    assert mine(tmp_path, text, on="b200").env == {"A": "1", "B": "1"}


def test_a_layer_above_wins_over_a_block(tmp_path: Path) -> None:
    low = 'abstract = true\n[[when]]\nnodes = 1\nenv.A = "1"\n'
    write(tmp_path, low=low, mine='extends = ["low"]\n[env]\nA = "2"\n')
    found = load_profile("mine", tmp_path)
    assert found.env == {"A": "2"}
    assert [o.name for o in found.config.env[0].origin.chain()] == ["mine", "low"]


def test_two_blocks_that_disagree(tmp_path: Path) -> None:
    block = '[[when]]\n{}\nenv.A = "{}"\n'
    text = block.format('hardware = "mi355x"', 1) + block.format('strategy = "ci"', 2)
    with pytest.raises(ProfileError) as caught:
        mine(tmp_path, text)
    line = TARGETS.count("\n") + 3
    path = tmp_path / "mine.toml"
    assert str(caught.value).startswith(
        f"{path}:{line + 3}:1: layer mine says two things of A for mi355x, ci on SGLang {NEWEST}: "
        f'"1" at {path}:{line}:1, "2" at {path}:{line + 3}:1; expected blocks that say the same'
    )
    assert mine(tmp_path, text, on="b200").env == {"A": "2"}
    same = block.format('hardware = "mi355x"', 1) + block.format('strategy = "ci"', 1)
    assert mine(tmp_path, same).env == {"A": "1"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('[[when]]\nnodes = 1\nenvs.A = "1"\n', "3:1: unknown key 'envs' in [when.0]; expected"),
        ('[[when]]\nhardwear = "b200"\n', "2:1: unknown key 'hardwear' in [when.0]; expected"),
        ("[[when]]\nnodes = 0\n", "2:9: when.0.nodes is 0; expected a number of nodes"),
        ("[[when]]\nenv.A = 1\n", "2:9: when.0.env.A is the number 1; expected a string"),
        ("[only]\nhardware = []\n", "2:12: only.hardware is []; expected a string, or several"),
        (
            '[[targets]]\nhardwares = "x"\n',
            "2:1: unknown key 'hardwares' in [targets.0]; expected one of hardware, stra",
        ),
        (
            '[[when]]\nnodes = 1\nunset.env = ["A"]\n',
            "3:14: layer mine unsets A, which no layer below it sets",
        ),
        (
            '[[when]]\nnodes = 1\nenv.A = "1"\nunset.env = ["A"]\n',
            "4:14: layer mine sets and unsets A",
        ),
    ],
)
def test_what_is_wrong_is_told_where_it_stands(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, mine=text)
    with pytest.raises(ProfileError) as caught:
        load_profile("mine", tmp_path)
    assert str(caught.value).removeprefix(f"{tmp_path}/mine.toml:").startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            '[[when]]\nhardware = ["b200", "mi335x"]\n',
            "2:21: no hardware is called 'mi335x', so that this never holds; expected one of mi3",
        ),
        ('[[when]]\nstrategy = "balancd"\n', "2:12: no strategy is called 'balancd', so"),
        ('[[when]]\nrole = "prefil"\n', "2:8: no role is called 'prefil', so that this never"),
        ('[only]\nmodel = "flsh"\n', "2:9: no model is called 'flsh', so that this never holds"),
        ('[[when]]\nprecision = "fp44"\n', "2:13: no precision is called 'fp44', so that"),
        ('[[when]]\nwith = ["mtp", "mpt"]\n', "2:16: no overlay is called 'mpt'; expected one of"),
        ('[[when]]\nwithout = "mpt"\n', "2:11: no overlay is called 'mpt'; expected one of"),
        ('[[targets]]\nhardware = "b200"\nwith = "mpt"\n', "3:8: no overlay is called 'mpt'"),
        ('[[targets]]\nhardware = "b200"\nmodel = "pr"\n', "3:9: no model is called 'pr', so"),
        (
            '[[when]]\nwith = "mtp"\nwithout = ["cp", "mtp"]\n',
            "2:8: with and without mtp, which never holds; expected one of the two",
        ),
        (
            '[[when]]\nwith = ["cp", "dp-attention"]\n',
            "2:9: with cp and dp-attention, which exclude each other; expected one of the two",
        ),
        (
            "only.nodes = 1\n[[when]]\nnodes = 2\n",
            "3:9: a block for the nodes 2, and layer mine is only for 1, so that it never holds",
        ),
        ('needs = ["mtp"]\n', "1:1: needs in mine, which is no overlay; expected overlay = true"),
        ('overlay = true\nneeds = ["mpt"]\n', "2:10: no overlay is called 'mpt'; expected one"),
        ('overlay = true\nexcludes = ["pro"]\n', "2:13: no overlay is called 'pro'; expected"),
        ('overlay = true\nneeds = ["mine"]\n', "2:10: mine needs itself; expected other"),
        (
            'overlay = true\nneeds = ["mtp"]\nexcludes = ["mtp"]\n',
            "2:10: mine needs mtp, and one of the two excludes the other; expected one of the two",
        ),
        (
            'overlay = true\nexcludes = ["mtp"]\n[[when]]\nwith = "mtp"\n',
            "4:8: with mtp in mine, which it excludes, so that it never holds; expected other",
        ),
        (
            'overlay = true\n[[when]]\nwithout = "mine"\n',
            "3:11: without mine in mine, which it is or needs, so that it never holds; expected",
        ),
    ],
)
def test_what_never_holds_is_told_where_it_stands(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, mine=text, other='[env]\nA = "1"\n')
    with pytest.raises(ProfileError) as caught:
        load_profile("other", tmp_path)
    assert str(caught.value).removeprefix(f"{tmp_path}/mine.toml:").startswith(message)
    with pytest.raises(ProfileError):
        locked_all(layer_files(tmp_path))


@pytest.mark.parametrize("name", ["MI35x", "mi355x", "rocm", "MI355"])
def test_hardware_and_strategies_have_one_form(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = f'[[when]]\nhardware = "{name}"\nstrategy = "CI"\nmodel = "FLASH"\nenv.A = "1"\n'
    folder = tmp_path / "launch"
    folder.mkdir()
    made = mine(folder, text, on=name, strategy="Ci")
    assert (str(made.target), made.env) == ("mi355x, ci", {"A": "1"})
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pyproject.toml").write_text(f'[tool.dsv4_env]\non = "{name}"\n')
    assert str(mine(folder, text).target) == "mi355x, ci"
    (tmp_path / "pyproject.toml").write_text("")
    monkeypatch.setenv("DSV4_ENV_ON", name)
    assert str(mine(folder, text).target) == "mi355x, ci"


def test_an_overlay_is_called_as_its_file_is(tmp_path: Path) -> None:
    write(
        tmp_path,
        Fast=FAST,
        mine='[[when]]\nwith = "Fast"\nenv.A = "1"\n',
    )
    assert load_profile("mine+Fast", tmp_path).env == {"A": "1", "FAST": "1"}


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"nodes": 0}, "nodes is 0, int; expected a whole number of nodes, 1 or more"),
    ({"nodes": True}, "nodes is True, bool; expected a whole number of nodes, 1 or more"),
    ({"nodes": "2"}, "nodes is '2', str; expected a whole number of nodes, 1 or more"),
    ({"sglang": 0.5}, "sglang is 0.5, float; expected a release of SGLang, such as '0.5.23'"),
    ({"on": ["b200"]}, "on is ['b200'], list; expected the name of hardware, such as 'mi355x'"),
    ({"strategy": 1}, "strategy is 1, int; expected the name of a strategy, such as 'balanced'"),
    ({"role": b"x"}, "role is b'x', bytes; expected the name of a role, such as 'prefill'"),
    ({"folder": 5}, "the folder is 5, int; expected a path"),
    ({"name": None}, "bad profile name None; expected NAME, NAME+OVERLAY or NAME+OVERLAY@"),
]


@pytest.mark.parametrize(("asked", "message"), WRONG)
def test_what_is_of_a_wrong_type(asked: dict[str, Any], message: str) -> None:
    given = {"name": "pro-fp4", **asked}
    with pytest.raises(ProfileError) as caught:
        load_profile(given.pop("name"), given.pop("folder", None), **given)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ('{default = ""}', "a table whose default is empty, which is as good as none"),
        ("{default = 1}", "a table whose default is a number"),
        ("{default = ['a']}", "a table whose default is an array"),
        ("{defualt = 'a'}", "a table with 'defualt' (did you mean default?)"),
        ("{default = 'a', more = 1}", "a table with 'more'"),
        ("{default = 'a', from-environment = true}", "a table with both default and from-env"),
        ("{from-environment = false}", "a table whose from-environment isn't true"),
        ("{}", "an empty table"),
    ],
)
def test_what_is_wrong_with_a_value_of_the_outside(tmp_path: Path, value: str, found: str) -> None:
    write(tmp_path, mine=f"[env]\nA = {value}\n")
    with pytest.raises(ProfileError) as caught:
        load_profile("mine", tmp_path)
    said = str(caught.value).removeprefix(f"{tmp_path}/mine.toml:2:5: env.A is ")
    assert said.startswith(found)
    assert said.endswith('expected a string, {default = "…"} or {from-environment = true}')


# Targets


def test_rows_are_every_combination_and_the_first_is_usual(tmp_path: Path) -> None:
    found = mine(tmp_path, "")
    assert str(found.target) == "mi355x, ci"
    rows = [(str(t), t.overlays, t.verified) for t in known_targets(tmp_path)["mine"]]
    assert rows == [
        ("mi355x, ci", (), True),
        ("mi355x, balanced", (), True),
        ("b200, ci", (), True),
        ("b200, balanced", (), True),
        ("b200, balanced, 2 nodes, prefill", (), True),
        ("b200, balanced, 2 nodes, decode", (), True),
        ("b200, ci", ("fast",), False),
    ]


@pytest.mark.parametrize(
    ("asked", "target"),
    [
        ({"on": "b200"}, "b200, ci"),
        ({"name": "mine@b200"}, "b200, ci"),
        ({"strategy": "balanced"}, "mi355x, balanced"),
        ({"role": "decode"}, "b200, balanced, 2 nodes, decode"),
        ({"name": "mine+fast"}, "b200, ci"),  # the row that has it
    ],
)
def test_what_is_not_asked_for_is_as_the_first_that_fits(
    tmp_path: Path, asked: dict[str, object], target: str
) -> None:
    assert str(mine(tmp_path, "", **asked).target) == target


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"on": "h100"}, "mine isn't known for the hardware h100; expected one of mi355x, b200"),
        ({"strategy": "cii"}, "mine isn't known for the strategy cii; expected one of ci, bal"),
        ({"on": "mi355x", "nodes": 2}, "mine isn't known for 2 nodes with mi355x; expected one"),
        (
            {"nodes": 2},
            "mine isn't known for serving as one with 2 nodes; expected one of prefill, dec",
        ),
        ({"name": "mine@b200", "on": "mi355x"}, "mine@b200 is for b200, and mi355x is asked for"),
        ({"name": "mine+"}, "bad profile name 'mine+'; expected NAME, NAME+OVERLAY or NAME+OV"),
    ],
)
def test_no_such_target(tmp_path: Path, asked: dict[str, object], message: str) -> None:
    with pytest.raises(ProfileError) as caught:
        mine(tmp_path, "", **asked)
    assert str(caught.value).startswith(message)


def test_a_profile_without_targets_is_for_what_is_asked_for(tmp_path: Path) -> None:
    write(tmp_path, mine='[[when]]\nhardware = "h100"\nnodes = 4\nenv.A = "1"\n')
    assert load_profile("mine", tmp_path).env == {}
    assert load_profile("mine", tmp_path, on="h100", nodes=4).env == {"A": "1"}


# Overlays


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("one+need", "need needs fast; expected one+fast+need"),
        ("one+fast+slow", "slow and fast exclude each other; expected one with one of the two"),
        ("one+fats", "no overlay 'fats': one+fats; expected one of "),
        ("one+low", "'low' is no overlay: one+low; expected one of "),
        ("one+there", "there isn't for mi355x, ci on SGLang"),
        ("fast", "'fast' is a layer, not a profile; expected one of "),
    ],
)
def test_overlays_that_cannot_be_taken(tmp_path: Path, name: str, message: str) -> None:
    overlays(tmp_path)
    with pytest.raises(ProfileError) as caught:
        load_profile(name, tmp_path)
    assert message in str(caught.value)


def overlays(folder: Path) -> None:
    write(
        folder,
        low="abstract = true\n",
        one='extends = ["low"]\n[env]\nA = "1"\nFAST = "0"\n' + TARGETS.partition("[[t")[0]
        + '[[targets]]\nhardware = ["mi355x", "b200"]\nstrategy = "ci"\n',
        fast=FAST,
        need='overlay = true\nneeds = ["fast"]\n[unset]\nenv = ["A"]\n',
        slow='overlay = true\nexcludes = ["fast"]\n',
        there='overlay = true\n[only]\nhardware = "b200"\n[env]\nT = "1"\n',
    )  # fmt: skip


def test_overlays_lie_above_all_layers_in_one_order(tmp_path: Path) -> None:
    overlays(tmp_path)
    found = load_profile("one+need+fast", tmp_path)
    assert found.env == {"FAST": "1"}
    assert (found.name, found.target.overlays) == ("one+fast+need", ("fast", "need"))
    assert found == load_profile("one+fast+need", tmp_path)
    assert found.target.verified is False
    assert load_profile("one+there@b200", tmp_path).env["T"] == "1"


def test_overlays_that_disagree(tmp_path: Path) -> None:
    overlays(tmp_path)
    write(tmp_path, other=FAST.replace("1", "2"))
    with pytest.raises(ProfileError, match=r'fast and other disagree on FAST: "1" at .*"2" at '):
        load_profile("one+fast+other", tmp_path)


# Own layers over shipped ones


def test_an_own_profile_has_the_targets_of_what_it_extends(tmp_path: Path) -> None:
    write(
        tmp_path,
        own='extends = ["pro-fp4"]\n[[when]]\nhardware = "mi355x"\nenv.A = "1"\n'
        '[[when]]\nsglang = "<0.5.14"\nenv.SGLANG_USE_AITER = "0"\n',
    )
    assert known_targets(tmp_path)["own"] == known_targets()["pro-fp4"]
    now, may = load_profile("own", tmp_path), load_profile("own", tmp_path, sglang="0.5.13")
    assert now.env == {**load_profile("pro-fp4").env, "A": "1"}
    before = load_profile("pro-fp4", sglang="0.5.13")
    assert may.env == {**before.env, "SGLANG_USE_AITER": "0", "A": "1"}


def test_a_flag_is_one_whichever_release_a_layer_spells_it_for(tmp_path: Path) -> None:
    write(
        tmp_path,
        low='abstract = true\n[args]\n--cuda-graph-max-bs = "64"\n',
        high='extends = ["low"]\n[args]\n--cuda-graph-max-bs-decode = "32"\n',
        none='extends = ["low"]\n[unset]\nargs = ["--cuda-graph-max-bs-decode"]\n',
    )
    for release, flag in (
        ("0.5.13", "--cuda-graph-max-bs"),
        (NEWEST, "--cuda-graph-max-bs-decode"),
    ):
        high = load_profile("high", tmp_path, sglang=release)
        assert high.server_args == [flag, "32"]
        assert load_profile("none", tmp_path, sglang=release).server_args == []


# Which release and target are meant


def test_the_argument_then_the_setting_then_what_is_installed_then_the_newest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "launch"
    folder.mkdir()
    write(folder, mine="[env]\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "site")])
    (tmp_path / "site").mkdir()
    assert load_profile("mine", folder).sglang == NEWEST
    (tmp_path / "site" / "sglang-0.5.16.dist-info").mkdir()
    assert load_profile("mine", folder).sglang == "0.5.16"
    assert {p.sglang for p in load_all(folder).values()} == {"0.5.16"}
    (tmp_path / "pyproject.toml").write_text('[tool.dsv4_env]\nsglang = "0.5.18"\n')
    assert load_profile("mine", folder).sglang == "0.5.18"
    monkeypatch.setenv("DSV4_ENV_SGLANG", "0.5.14")
    assert load_profile("mine", folder).sglang == "0.5.14"
    assert load_profile("mine", folder, sglang="0.5.13").sglang == "0.5.13"


def test_the_newest_is_that_of_the_range(tmp_path: Path) -> None:
    write(tmp_path, mine='[sglang]\nrange = "<0.5.17"\n')
    newest = load_profile("mine", tmp_path).sglang
    assert newest == [r for r in releases() if r.startswith(("0.5.14", "0.5.15", "0.5.16"))][-1]


def test_a_project_says_the_target(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dsv4_env]\non = "b200"\nstrategy = "balanced"\n'
    )
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "launch"
    folder.mkdir()
    assert str(mine(folder, "").target) == "b200, balanced"
    assert str(mine(folder, "", on="mi355x").target) == "mi355x, balanced"
    monkeypatch.setenv("DSV4_ENV_STRATEGY", "ci")
    assert str(mine(folder, "").target) == "b200, ci"


# The lock


def test_the_lock_of_an_own_folder_holds_each_profile_as_it_usually_is(tmp_path: Path) -> None:
    write(
        tmp_path,
        mine=TARGETS + '[[when]]\nsglang = "<0.5.20"\nenv.A = "1"\n'
        '[[when]]\nhardware = "b200"\nenv.B = "1"\n',
        fast=FAST,
    )
    files = layer_files(tmp_path)
    asked: list[dict[str, str]] = [{}, {"sglang": "0.5.16"}, {"on": "b200"}]
    plain = [load_profile("mine", tmp_path, **a) for a in asked]  # type: ignore[arg-type]
    path = lock.lock_path(tmp_path)
    path.write_text(lock.dump_lock(locked_all(files), files))
    held = lock.read_lock(path, files)
    assert held is not None
    assert [str(t) for t in held.rows("mine")] == ["mi355x, ci"]
    assert held.usual()["mine"] == plain[0]
    assert [load_profile("mine", tmp_path, **a) for a in asked] == plain  # type: ignore[arg-type]
    assert [p.env for p in plain] == [{}, {"A": "1"}, {"B": "1"}]


def test_the_order_of_flags(tmp_path: Path) -> None:
    base = "abstract = true\n[args]\n--tp = '8'\n--page-size = '1'\n--port = '2'\n--dp = '1'\n"
    order = '[launch]\nargument-order = ["--port", "--tp"]\n'
    write(tmp_path, below=base)
    write(tmp_path, mine='extends = ["below"]\n' + order)
    found = load_profile("mine", tmp_path)
    # One that isn't named stays behind the one before it.
    words = ["--port", "2", "--dp", "1", "--tp", "8", "--page-size", "1"]
    assert found.server_args == words


def test_a_block_settles_what_the_overlay_that_it_asks_for_sets(tmp_path: Path) -> None:
    write(tmp_path, alike='overlay = true\n[env]\nFAST = "2"\n')
    with pytest.raises(ProfileError, match="layers alike and fast disagree on FAST"):
        mine(tmp_path, "", name="mine+alike+fast")
    write(tmp_path, alike='overlay = true\n[[when]]\nwith = "fast"\n[when.env]\nFAST = "2"\n')
    found = mine(tmp_path, "", name="mine+alike+fast")
    assert found.env == {"FAST": "2"}
    (setting,) = found.config.env
    assert [o.name for o in setting.origin.chain()] == ["alike", "fast"]
    write(tmp_path, alike='overlay = true\n[[when]]\nwith = "fast"\nunset.env = ["FAST"]\n')
    assert mine(tmp_path, "", name="mine+alike+fast").env == {}
