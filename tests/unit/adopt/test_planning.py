"""Launches that become layers and profiles: every launch's profile is that launch."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from dsv4_env.adopt.carried import held_by
from dsv4_env.adopt.planning import Adoption, Source, Wish, adopt, hardware_of, merged_orders
from dsv4_env.compare.normalise import with_model
from dsv4_env.exporters import EXPORTERS
from dsv4_env.model import Origin, ServerArg
from dsv4_env.model.errors import UsageError
from dsv4_env.profile import Profile, Wanted, load_profile, load_targets
from dsv4_env.readers import HowRead, read
from tests.unit.adopt import eleven

THEN = "0.5.19"


def sources(root: Path, changed: list[dict[str, Any]] | None = None) -> list[Source]:
    found = []
    for path in eleven.write(root, changed):
        launches = read(path.read_bytes(), path, HowRead("python", root=root))
        shown = path.relative_to(root).as_posix()
        found += [Source(shown, i, launch) for i, launch in enumerate(launches, 1)]
    return found


def adopted(root: Path, changed: list[dict[str, Any]] | None = None, **wish: Any) -> Adoption:
    return adopt(sources(root, changed), Wish(root / "launch", THEN, **wish))


def profiles(found: Adoption) -> dict[str, str]:
    return {Path(a.source.path).stem[5:]: str(a.composition) for a in found.adopted}


def test_what_ships_is_taken_from_there(tmp_path: Path) -> None:
    found = adopted(tmp_path)
    assert found.layers == {}
    assert found.left == []
    assert profiles(found) == {
        "deepseek_v4_flash_fp4": "flash-fp4",
        "deepseek_v4_flash_fp8": "flash-fp8",
        "deepseek_v4_flash_fp8_tbo": "flash-fp8+tbo",
        "deepseek_v4_pro_fp4": "pro-fp4",
        "deepseek_v4_pro_fp4_cp": "pro-fp4+cp",
        "deepseek_v4_pro_fp4_cp_tbo": "pro-fp4+cp+tbo",
        "deepseek_v4_pro_fp4_dspark": "pro-fp4+dspark",
        "deepseek_v4_pro_fp4_mtp": "pro-fp4+mtp",
        "deepseek_v4_pro_fp4_tbo": "pro-fp4+tbo",
        "deepseek_v4_pro_fp4_tbo_mtp": "pro-fp4+mtp+tbo",
        "deepseek_v4_pro_fp8": "pro-fp8",
    }


def test_what_all_have_otherwise_is_one_overlay(tmp_path: Path) -> None:
    changed = eleven.launches()
    for launch in changed:
        launch["env"] = {"SGLANG_BRAND_NEW": "1", **launch["env"], "SGLANG_USE_ROCM700A": "1"}
        for group in launch["args"] if "mtp" in launch["profile"] else ():
            if group[0] == "--speculative-num-steps":
                group[1] = "2"
    found = adopted(tmp_path, changed)
    assert list(found.layers) == ["amd"]
    assert found.layers["amd"].text() == (
        'description = "What the launches of this folder have otherwise"\n'
        "overlay = true\n"
        "\n"
        "[env]\n"
        'SGLANG_BRAND_NEW = "1"\n'
        'SGLANG_USE_ROCM700A = "1"\n'
        "\n"
        "[[when]]\n"
        'with = "mtp"\n'
        'args.--speculative-num-steps = "2"\n'
    )
    assert profiles(found)["deepseek_v4_pro_fp4_tbo_mtp"] == "pro-fp4+amd+mtp+tbo"


def test_two_that_would_be_one_profile_get_an_overlay(tmp_path: Path) -> None:
    changed = eleven.launches()[3:4] * 2
    changed[1] = {
        **changed[1],
        "source": "test/registered/amd/test_deepseek_v4_pro_fp4_long.py at x",
    }
    changed[1]["args"] = [*changed[1]["args"], ["--context-length", "1048576"]]
    found = adopted(tmp_path, changed)
    assert profiles(found) == {
        "deepseek_v4_pro_fp4": "pro-fp4",
        "deepseek_v4_pro_fp4_long": "pro-fp4+long",
    }
    assert 'args.--context-length = "1048576"' not in found.layers["long"].text()
    assert '[args]\n--context-length = "1048576"' in found.layers["long"].text()


def test_from_nothing(tmp_path: Path) -> None:
    found = adopted(tmp_path, from_nothing=True)
    kinds = {name: layer.kind for name, layer in found.layers.items()}
    assert kinds == {
        "amd-shared": "abstract",
        "amd-flash": "abstract",
        "amd-fp4": "abstract",
        "amd-fp8": "abstract",
        "amd-pro": "abstract",
        "amd-flash-fp4": "",
        "amd-flash-fp8": "",
        "amd-pro-fp4": "",
        "amd-pro-fp8": "",
        "amd-cp": "overlay",
        "amd-dspark": "overlay",
        "amd-mtp": "overlay",
        "amd-tbo": "overlay",
    }
    assert profiles(found)["deepseek_v4_pro_fp4_tbo_mtp"] == "amd-pro-fp4+amd-mtp+amd-tbo"
    lines = [t.decode().splitlines() for t in found.texts().values()]
    assert sum(bool(line.strip()) for each in lines for line in each) <= 160
    mine = found.layers["amd-pro-fp4"].text()
    assert 'extends = ["amd-pro", "amd-fp4"]' in mine
    assert "DEEPSEEK_V4_PRO_MODEL_PATH_FP4" in mine


def test_over_a_layer_and_over_a_profile(tmp_path: Path) -> None:
    found = adopted(tmp_path, over="dsv4", prefix="nightly")
    assert found.layers["nightly-shared"].extends == ("dsv4",)
    assert "--trust-remote-code = true" not in found.layers["nightly-shared"].text()
    found = adopted(tmp_path, over="pro-fp8")
    assert {name.partition("+")[0] for name in profiles(found).values()} == {"pro-fp8"}


@pytest.mark.parametrize(
    ("over", "message"),
    [("mtp", "--over mtp: it is an overlay"), ("pro-fp44", "Did you mean pro-fp4?")],
)
def test_over_what_cannot_be_extended(tmp_path: Path, over: str, message: str) -> None:
    with pytest.raises(UsageError) as told:
        adopted(tmp_path, over=over)
    assert message in str(told.value)


KINDS = ("env", "new-env", "no-env", "arg", "new-arg", "no-arg", "timeout", "model", "order", "pin")


def _change(chance: random.Random, launch: dict[str, Any], kind: str, pick: float) -> None:
    """One change of one launch; *pick* is the same for all that are changed together."""
    args, env = launch["args"], launch["env"]
    at = int(pick * len(args))
    match kind:
        case "env":
            env["SGLANG_USE_ROCM700A"] = chance.choice("12")
        case "new-env":
            launch["env"] = {f"SGLANG_NEW_{int(pick * 3)}": "x", **env}
        case "no-env":
            env.pop(list(env)[int(pick * 3)], None)
        case "arg" if len(args[at]) > 1:
            args[at][1] = chance.choice("79")
        case "new-arg" if ["--log-requests"] not in args:
            args.insert(at, ["--log-requests"])
        case "no-arg":
            args.pop(at)
        case "timeout":
            launch["test"]["timeout"] = 1000 + int(pick * 9)
        case "model":
            launch["model"] = f"a/B{int(pick * 3)}"
        case "order":
            chance.shuffle(args)
        case "pin":
            launch["test"]["overridable"] = []


@pytest.mark.parametrize("from_nothing", [False, True])
@pytest.mark.parametrize("seed", range(12))
def test_whatever_differs_every_profile_is_its_launch(
    tmp_path: Path, seed: int, from_nothing: bool
) -> None:
    chance = random.Random(seed)
    changed = eleven.launches()
    if seed % 3 == 0:
        changed = chance.sample(changed, chance.randint(1, 10))
    for _ in range(6):
        some = chance.sample(changed, chance.randint(1, len(changed)))
        kind, pick = chance.choice(KINDS), chance.random()
        for launch in some:
            _change(chance, launch, kind, pick)
    found = adopted(tmp_path, changed, from_nothing=from_nothing)
    for one in found.adopted:
        held = held_by(one.composition.profile)
        assert held.order == one.carried.order
        for section in ("env", "args"):
            ours, theirs = (
                {k: v for k, v in c.settings.items() if k[0] == section}
                for c in (one.carried, held)
            )
            assert ours == theirs
        said = {k: v for k, v in one.carried.settings.items() if k[0] not in ("env", "args")}
        assert said.items() <= held.settings.items()
    again = adopted(tmp_path, changed, from_nothing=from_nothing)
    assert again.texts() == found.texts()


def test_what_no_profile_can_hold_is_left_with_its_place(tmp_path: Path) -> None:
    (launch,) = eleven.launches()[3:4]
    text = eleven.text(launch).replace(
        "env.update(OWN_ENV_VARS)\n",
        'env["SGLANG_COMPUTED"] = str(os.getpid())\n        env.update(OWN_ENV_VARS)\n',
    )
    path = tmp_path / "test_v4.py"
    path.write_text(text)
    launches = read(path.read_bytes(), path, HowRead("python", root=tmp_path))
    found = adopt([Source("test_v4.py", 1, launches[0])], Wish(tmp_path / "launch", THEN))
    ((source, left),) = found.left
    assert (source.path, left.name) == ("test_v4.py", "SGLANG_COMPUTED")
    assert left.location is not None
    assert (
        left.location.line
        == text.splitlines().index('        env["SGLANG_COMPUTED"] = str(os.getpid())') + 1
    )


def test_the_hardware_of_tests(tmp_path: Path) -> None:
    found = sources(tmp_path)
    assert hardware_of(found) == "mi355x"
    assert hardware_of([Source("a/b200/run.sh", 1, s.launch) for s in found]) == "mi355x"
    plain = [Source("a/run.sh", 1, s.launch) for s in found]
    assert hardware_of(plain) == "mi355x"


def test_orders_of_flags_are_joined_where_they_can_be() -> None:
    assert merged_orders([("a", "c"), ("b", "c"), ("a", "b")]) == [("a", "b", "c")] * 3
    assert merged_orders([("a", "b"), ("b", "a"), ("b", "c")]) == [
        ("a", "b", "c"),
        ("b", "a"),
        ("a", "b", "c"),
    ]
    assert merged_orders([("a",), (), ("b", "a")]) == [("b", "a")] * 3


TARGETS = [p for p in load_targets(None, Wanted(sglang=THEN)) if p.target.role is None]


@pytest.mark.parametrize("profile", TARGETS[::9], ids=lambda p: f"{p.name}@{p.target}")
def test_a_launch_for_any_target_stays_for_it(tmp_path: Path, profile: Profile) -> None:
    """Also where one more overlay is laid over others that not all hardware can take."""
    config = profile.config
    more = ServerArg("--decode-log-interval", ("7",), Origin("python"))
    model = ServerArg("--model-path", (profile.default_model_path or "m",), Origin("python"))
    launch = replace(config, args=(model, *(config.args or ()), more), reader="python", facts=())
    found = adopt([Source("t/test_one.py", 1, launch)], Wish(tmp_path / "launch", THEN))
    (one,) = found.adopted
    held = held_by(one.composition.profile)
    assert held.order == one.carried.order
    assert held.settings["args", "--decode-log-interval"] == (("7",),)
    env = {k: v for k, v in held.settings.items() if k[0] == "env"}
    assert env == {k: v for k, v in one.carried.settings.items() if k[0] == "env"}


def test_another_model_is_near_no_profile(tmp_path: Path) -> None:
    (launch,) = eleven.launches()[3:4]
    launch["model"] = "deepseek-ai/DeepSeek-V3"
    launch["args"] = [g for g in launch["args"] if "v4" not in g[-1]]
    found = adopted(tmp_path, [launch])
    assert [layer.extends for layer in found.layers.values()] == [()]


def test_one_that_has_more_than_its_overlay_settles_the_order_with_it(tmp_path: Path) -> None:
    (launch,) = [x for x in eleven.launches() if "dspark" in x["profile"]]
    launch["args"].insert(3, ["--watchdog-timeout", "1200"])
    found = adopted(tmp_path, [launch])
    assert profiles(found) == {"deepseek_v4_pro_fp4_dspark": "pro-fp4+amd+dspark"}


def test_a_flag_is_held_as_the_release_spells_it(tmp_path: Path) -> None:
    found = adopt(sources(tmp_path), Wish(tmp_path / "launch", "0.5.23"))
    assert found.layers == {}
    (tbo,) = [a for a in found.adopted if str(a.composition) == "pro-fp4+tbo"]
    assert "--cuda-graph-max-bs-decode" in tbo.carried.order


@pytest.mark.parametrize(
    ("path", "on"), [("b200.sh", None), ("h200.sh", None), ("b200.sh", "h200")]
)
def test_the_nearest_for_the_hardware_that_is_named(
    tmp_path: Path, path: str, on: str | None
) -> None:
    """A launch that is as near for others is taken for the hardware of its path, or for *on*."""
    profile = load_profile("flash-fp4", on="b200", sglang="0.5.23")
    (tmp_path / path).write_text(EXPORTERS["run-sh"](with_model(profile)))
    (launch,) = read((tmp_path / path).read_bytes(), tmp_path / path, HowRead("bash"))
    found = adopt([Source(path, 1, launch)], Wish(tmp_path / "launch", "0.5.23", on=on))
    (one,) = found.adopted
    assert one.composition.target.hardware == (on or path.removesuffix(".sh"))


@pytest.mark.parametrize("name", ["flash-fp4", "flash-fp8", "pro-fp4", "pro-fp8"])
def test_where_the_model_is_not_known_the_path_decides(tmp_path: Path, name: str) -> None:
    path = tmp_path / f"dsv4_{name.replace('-', '_')}_mi355x.sh"
    text = EXPORTERS["run-sh"](with_model(load_profile("flash-fp4", sglang="0.5.23")))
    text = re.sub(r"--model-path \S+", '--model-path "$MODEL"', text)
    text = re.sub(r"export SGLANG_DSV4_FP4_EXPERTS=.*\n", "source ./unknown.sh\n", text)
    path.write_text(text)
    (launch,) = read(path.read_bytes(), path, HowRead("bash"))
    found = adopt([Source(path.name, 1, launch)], Wish(tmp_path / "launch", "0.5.23"))
    assert found.adopted[0].composition.spec.base == name
