"""Every launch of a tree: what is looked at, what is near, and what can't be read."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dsv4_env import drift
from dsv4_env.cli.comparing import catalogue_for
from dsv4_env.drift.discover import Discovered, FoundLaunch, How, Job, Problem, discover
from dsv4_env.drift.nearest import Nearest, ProfileMatch
from dsv4_env.model import Location
from dsv4_env.model.finding import Severity
from dsv4_env.profile import Profile, load_all, load_profile, reference_script, settings
from dsv4_env.profile.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from tests.conftest import Result

SCRIPT = reference_script().read_text()
TEST = """\
from sglang.test.test_utils import CustomTestCase, popen_launch_server

class TestIt(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        cls.process = popen_launch_server("M", "U", 60, other_args=["--tp", "8"])
"""


def nearest(least: float = 0.5) -> Nearest:
    return Nearest(load_all(None), Settings(), catalogue_for, least)


def tree(folder: Path, files: Mapping[str, str | bytes]) -> Path:
    for name, text in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return folder


def found(folder: Path, jobs: int = 0, *, follow_all: bool = False) -> Discovered:
    how = How(folder, jobs=jobs, every=True, follow_all=follow_all)
    return discover([folder], nearest, how)


def launched(folder: Path, *, follow_all: bool = False) -> list[str]:
    result = found(folder, follow_all=follow_all)
    return [os.path.relpath(x.path, folder) for x in result.launches]


def problems(result: Discovered) -> dict[str, tuple[int | None, str]]:
    return {Path(p.path).name: (p.line, message) for p, message in result.problems}


# What is near


@pytest.mark.usefixtures("may")
def test_the_nearest_profile_and_how_far_it_is(tmp_path: Path) -> None:
    tree(
        tmp_path,
        {
            "a.sh": SCRIPT,
            "b.sh": SCRIPT.replace("USE_AITER=1", "USE_AITER=0").replace("--tp 8", "--tp 4"),
            "c.sh": "python3 -m sglang.launch_server --model-path llama --tp 8\n",
            "d.sh": SCRIPT.replace("USE_AITER=1", "USE_AITER=true"),
            "e.sh": SCRIPT.replace("FP4_EXPERTS=true", "FP4_EXPERTS=false"),
            "f.sh": SCRIPT.replace("--tp 8", '--tp "$(nproc)"'),
        },
    )
    matches = {Path(x.path).name: x.match for x in found(tmp_path).launches}
    assert {n: (m.profile, m.differ, m.unknown) for n, m in matches.items()} == {
        "a.sh": ("pro-fp4", 0, 0),
        "b.sh": ("pro-fp4", 2, 0),
        "c.sh": (None, 0, 0),
        "d.sh": ("pro-fp4", 0, 0),  # SGLang reads "true" as "1"
        "e.sh": ("pro-fp8", 0, 0),
        "f.sh": ("pro-fp4", 0, 1),
    }
    shares = {n: m.share for n, m in matches.items()}
    assert shares["a.sh"] == shares["d.sh"] == 1.0
    assert 1.0 > shares["f.sh"] > shares["b.sh"] > 0.9 > 0.5 > shares["c.sh"] > 0


def test_of_profiles_that_are_as_near_each_is_told(tmp_path: Path) -> None:
    text = SCRIPT.replace("deepseek-ai/DeepSeek-V4-Pro", "somebody/Model")
    (match,) = (x.match for x in found(tree(tmp_path, {"a.sh": text})).launches)
    assert (match.profile, match.also) == ("flash-fp4", ("pro-fp4",))


def test_variables_alone(tmp_path: Path) -> None:
    lines = "".join(f"{n}={v}\n" for n, v in load_all(None)["flash-fp8"].env.items())
    tree(tmp_path, {"v4.env": lines, "other.env": "A=1\nHF_HOME=x\n", ".env": "SGLANG_X=1\n"})
    result = found(tmp_path).launches
    shown = [(Path(x.path).name, x.variables, x.match.profile, x.match.differ) for x in result]
    assert shown == [(".env", True, None, 0), ("v4.env", True, "flash-fp8", 0)]


@pytest.mark.usefixtures("may")
def test_the_share_follows_the_severities_of_the_settings(tmp_path: Path) -> None:
    folder = tree(tmp_path, {"a.sh": SCRIPT.replace("USE_AITER=1", "USE_AITER=0")})
    mild = Settings(severity={"SGLANG_USE_AITER": Severity.NOTE})
    made = functools.partial(Nearest, load_all(None), mild, catalogue_for)
    usual = found(folder).launches[0].match.share
    assert discover([folder], made, How(folder, jobs=0)).launches[0].match.share > usual


def shell(profile: Profile) -> str:
    env = "".join(f"export {name}={value!r}\n" for name, value in profile.env.items())
    words = " ".join(f"'{w}'" for w in profile.server_args)
    return f"{env}sglang serve --model-path {profile.default_model_path} {words}\n"


def test_compositions_and_targets_are_what_a_pair_asks_for(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is written is the least that `check` holds the launch to; all of it passes."""
    asked: dict[str, dict[str, Any]] = {
        "pro-fp4": {},
        "pro-fp4+mtp": {},
        "flash-fp8+tbo": {},
        "pro-fp4+mtp@gb300": {},
        "pro-fp4@gb200": {},
        "pro-fp8@h200": {"strategy": "balanced"},
    }
    files = {f"{n}.sh": shell(load_profile(n, **more)) for n, more in asked.items()}
    monkeypatch.chdir(tree(tmp_path, files))
    assert run("discover", "--write").err == ""
    pairs = settings.load(tmp_path, {}).pairs
    assert {f: p.profile for p in pairs for f in p.files} == {f"{n}.sh": n for n in asked}
    assert {(p.strategy, p.nodes) for p in pairs} == {(None, None), ("balanced", None)}
    assert "6 launches: no drift (" in run("check").out
    near = json.loads(run("discover", "--json", "--profile", "pro-fp8@h200").out)["launches"]
    (held,) = (x for x in near if x["path"] == "pro-fp8@h200.sh")
    assert (held["profile"], held["strategy"], held["nodes"]) == ("pro-fp8@h200", "balanced", None)


def test_what_names_say_where_settings_do_not(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of profiles that a launch differs from, those count that its folders are called after."""
    flash = load_profile("flash-official-fp4@mi355x", strategy="balanced")
    text = shell(flash).replace(str(flash.default_model_path), "$MODEL")
    text = "export SGLANG_USE_AITER_AR=0\n" + text.rstrip() + " --watchdog-timeout 77\n"
    folders = ["dsv4-flash", "dsv4-pro", "dsv4flash_mi355x", "dsv4-pro-mi35x"]
    monkeypatch.chdir(tree(tmp_path, {f"{f}/x.sh": text for f in folders}))
    launches = json.loads(run("discover", "--json").out)["launches"]
    assert {x["path"].split("/")[0]: x["profile"] for x in launches} == {
        "dsv4-flash": "flash-official-fp4@mi355x",
        "dsv4-pro": "pro-official-fp4@mi355x",
        "dsv4flash_mi355x": "flash-official-fp4@mi355x",
        "dsv4-pro-mi35x": "pro-official-fp4@mi355x",
    }


def test_settings_have_the_last_word(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A launch that is the same as a profile is near that one, whatever its file is called."""
    text = shell(load_profile("flash-fp8@h200")).replace("sgl-project/DeepSeek", "$D/DeepSeek")
    near = text.replace("--model-path $D/DeepSeek-V4-Flash-FP8", "--model-path $MODEL")
    files = {"dsv4-pro-fp4-b200.sh": near, "gb200/dsv4/x.sh": near.replace("--tp", "--tp-size")}
    monkeypatch.chdir(tree(tmp_path, files))
    found = json.loads(run("discover", "--json").out)["launches"]
    assert [(x["profile"], x["differ"]) for x in found] == [("flash-fp8@h200", 0)] * 2


def test_hardware_that_launches_the_same_is_called_as_the_name_says(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of targets that launch alike it is the one on the hardware that the path names."""
    same = [load_profile(f"pro-fp4@{on}", strategy="low-latency") for on in ("b200", "b300")]
    assert shell(same[0]) == shell(same[1])
    monkeypatch.chdir(tree(tmp_path, {f"{on}/x.sh": shell(same[0]) for on in ("b200", "b300")}))
    assert run("discover", "--write").code == 0
    held = {p.files[0]: p.profile for p in settings.load(tmp_path, {}).pairs}
    assert held == {"b200/x.sh": "pro-fp4@b200", "b300/x.sh": "pro-fp4@b300"}
    assert run("check").code == 0


def test_a_name_that_clients_know_is_one_of_another_model(tmp_path: Path) -> None:
    """The model's path is unknown, and it's served as another one."""
    text = shell(load_profile("pro-nvfp4")).replace("nvidia/DeepSeek-V4-Pro-NVFP4", "$MODEL")
    other = f"{text.rstrip()} --served-model-name deepseek-ai/DeepSeek-R1\n"
    mine = f"{text.rstrip()} --served-model-name default\n"
    result = found(tree(tmp_path, {"a.sh": other, "b.sh": mine}))
    assert [x.match.profile for x in result.launches] == [None, "pro-nvfp4"]


def test_a_launch_of_another_model_is_near_no_profile_of_one(tmp_path: Path) -> None:
    usual = load_all(None)["flash-nvfp4"]
    args = " ".join(usual.server_args)
    files = {
        f"{name}.sh": f"sglang serve --model-path {model} {args}\n"
        for name, model in (
            ("r1", "deepseek-ai/DeepSeek-R1-0528"),
            ("v32", '"${MODEL:-deepseek-ai/DeepSeek-V3.2}"'),
            ("v4", "nvidia/DeepSeek-V4-Flash-NVFP4"),
            ("glm", '"$CACHE/models--amd--GLM-5.1-MXFP4/snapshots/$REVISION"'),
            ("cached", '"$CACHE/models--nvidia--DeepSeek-V4-Flash-NVFP4/snapshots/$REVISION"'),
            ("open", '"$1"'),
        )
    }
    launches = found(tree(tmp_path, files), follow_all=True).launches
    near = {Path(x.path).stem: x.match.profile for x in launches if x.followed}
    others = dict.fromkeys(("r1", "v32", "glm"))
    assert near == others | dict.fromkeys(("v4", "cached", "open"), "flash-nvfp4")


# What is looked at

ENGINE = "import sglang as sgl\nllm = sgl.Engine(model_path='deepseek-ai/DeepSeek-V4-Pro')\n"
WITHIN = """
from sglang.srt.entrypoints.http_server import launch_server
from sglang.srt.server_args import ServerArgs
launch_server(ServerArgs(model_path="dsv4"))
"""
PAIR = """
from sglang.test.test_utils import CustomTestCase, popen_launch_pd_server as launch
class TestIt(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        for role in ("prefill", "decode"):
            launch("dsv4", "u", 1, other_args=["--disaggregation-mode", role])
    def test_it(self):
        pass
"""
SET = """
sglang serve --model-path dsv4 --disaggregation-mode prefill &
python3 -m sglang_router.launch_router --pd-disaggregation --prefill http://a --decode http://b &
sglang serve --model-path dsv4 --disaggregation-mode decode
"""


def test_roles_routers_and_engines(tmp_path: Path) -> None:
    files: dict[str, str | bytes] = {
        "a_set.sh": SET,
        "alone.sh": "smg launch --worker-urls http://a\n",
        "engine.py": ENGINE,
        "within.py": WITHIN,
        "other.py": "from sqlalchemy import Engine\nEngine()\n",
        "own.py": "class Engine: ...\nEngine()  # sglang\n",
        "test_pair.py": PAIR,
    }
    result = found(tree(tmp_path, files))
    told = [(Path(x.path).name, x.number, x.role, x.counts, x.family) for x in result.launches]
    assert told == [
        ("a_set.sh", 1, "prefill", True, True),
        ("a_set.sh", 2, "decode", True, True),
        ("a_set.sh", 3, "router", True, True),
        ("alone.sh", 1, "router", False, False),
        ("engine.py", 1, "aggregated", True, True),
        ("test_pair.py", 1, "prefill", True, True),
        ("test_pair.py", 2, "decode", True, True),
        ("within.py", 1, "aggregated", True, True),
    ]
    assert not any(x.match.profile for x in result.launches if x.router)
    assert result.problems == []


def test_only_what_may_launch_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tree(
        tmp_path,
        {
            "launch": "#!/usr/bin/env bash\nsglang serve --tp 8\n",
            "plain.sh": "echo sglang server\n",
            "notes.md": "python3 -m sglang.launch_server --tp 8\n",
            "broken.py": "def (\n",
            "test_it.py": TEST,
            "c.yaml": "services:\n  s:\n    command: python3 -m sglang.launch_server --tp 8\n",
            "other.yaml": "services: {s: {image: lmsysorg/sglang}}\n",
            "bad.yaml": "services: {a: [\n",
        },
    )
    asked: list[str] = []

    def watched(whole: Callable[[Job, str], object]) -> Callable[[Job, str], object]:
        def watching(self: Job, path: str) -> object:
            asked.append(Path(path).name)
            return whole(self, path)

        return watching

    monkeypatch.setattr(Job, "read", watched(Job.read))
    monkeypatch.setattr(Job, "glance", watched(Job.glance))
    result = found(tmp_path)
    assert sorted(asked) == ["c.yaml", "launch", "test_it.py"]
    assert sorted(Path(x.path).name for x in result.launches) == ["c.yaml", "launch", "test_it.py"]
    assert result.problems == []
    assert result.files == 8


def test_a_script_that_names_a_folder_like_a_module_is_not_read(tmp_path: Path) -> None:
    broken = "if\n"
    files = {"utils.py": TEST, "a.sh": f"source utils/x.sh\n{broken}", "utils/x.sh": broken}
    assert found(tree(tmp_path, files), follow_all=True).problems == []
    tree(tmp_path, {"utils/x.sh": "sglang serve --tp 8\n"})
    assert "a.sh" in launched(tmp_path, follow_all=True)


def test_what_a_script_remarks_makes_no_launch_of_those_that_source_it(tmp_path: Path) -> None:
    library = "# sglang has its own; models\n  # that others serve\nwait_for() { sleep 1; }\n"
    files = {"lib.sh": library, "a.sh": "source lib.sh\nother serve dsv4\nif\n"}
    assert found(tree(tmp_path, files), follow_all=True).problems == []
    tree(tmp_path, {"lib.sh": f"{library}start() {{ sglang serve --tp 8; }} # so\n"})
    assert list(problems(found(tmp_path, follow_all=True))) == ["a.sh"]
    tree(tmp_path, {"a.sh": "source lib.sh\nstart\n"})
    assert launched(tmp_path, follow_all=True) == ["a.sh"]


def test_a_launch_through_a_base_class_or_a_helper_of_another_file(tmp_path: Path) -> None:
    base = TEST.replace("TestIt", "Base").replace('"--tp", "8"', "*cls.more")
    start = "from {} import start\n\ndef test_a():\n    start('--tp', '2')\n"
    tree(
        tmp_path,
        {
            "base.py": base,
            "middle.py": (
                "from base import Base\n\n"
                "class Middle(Base):\n    more = ['--dp', '2']\n    def test_a(self): ...\n"
            ),
            "test_base.py": (
                "from base import (\n    Base,  # why\n)\n\n"
                "class TestA(Base):\n    more = ['--tp', '4']\n    def test_a(self): ...\n"
            ),
            "test_middle.py": (
                "import middle\n\nclass TestB(middle.Middle):\n    def test_a(self): ...\n"
            ),
            "helper.py": (
                "import subprocess\n\ndef start(*more):\n"
                "    subprocess.Popen(['python3', '-m', 'sglang.launch_server', *more])\n"
            ),
            "test_helper.py": start.format("helper"),
            "test_none.py": start.format("other"),
            "lib.sh": 'launch() { python3 -m sglang.launch_server --tp 8 "$@"; }\n',
            "run.sh": '. "$(dirname "$0")/lib.sh"\nlaunch --dp 2\n',
        },
    )
    names = launched(tmp_path, follow_all=True)
    assert {"test_base.py", "test_middle.py", "test_helper.py", "run.sh"} <= set(names)
    assert "test_none.py" not in names
    # Those that could be near a profile only are followed without being asked to.
    (tmp_path / "settings.py").write_text(f"ENV = {FLASH.env!r}\n")
    with (tmp_path / "test_middle.py").open("a") as file:
        file.write("\n    from settings import ENV\n")
    result = found(tmp_path)
    assert {Path(c.path).name for c in result.counted} == {
        "middle.py",
        "test_base.py",
        "test_helper.py",
    }
    plain = {Path(x.path).name: x.line for x in result.launches if not x.followed}
    assert plain == {"base.py": 6, "helper.py": 4}
    assert "test_middle.py" in {Path(x.path).name for x in result.launches if x.followed}


def test_a_tree_in_git_is_what_git_has(tmp_path: Path) -> None:
    tree(tmp_path, dict.fromkeys(("a.sh", "new.sh", "out/b.sh", ".venv/c.sh", "gone.sh"), SCRIPT))
    (tmp_path / ".gitignore").write_text("out/\n")
    git = functools.partial(subprocess.run, cwd=tmp_path, check=True, capture_output=True)
    git(["git", "init", "-q"])
    git(["git", "add", "a.sh", "gone.sh"])
    (tmp_path / "gone.sh").unlink()
    result = found(tmp_path)
    assert [Path(x.path).name for x in result.launches] == ["a.sh", "new.sh"]
    assert result.problems == []
    assert launched(tmp_path / "out") == ["b.sh"]  # ignored, and asked for by name


def test_a_file_is_read_once_whatever_names_it(tmp_path: Path) -> None:
    tree(tmp_path, {"a/run.sh": SCRIPT})
    file = tmp_path / "a" / "run.sh"
    result = discover([tmp_path, tmp_path / "a", file], nearest, How(tmp_path, jobs=0))
    assert (len(result.launches), result.files) == (1, 1)


# What can't be read

DEEP = 20_000
HOSTILE: dict[str, str | bytes] = {
    "nul.sh": b"\0\1python3 -m sglang.launch_server\n",
    "nul.py": b"import subprocess\0launch_server",
    "latin.py": b"# launch_server subprocess \xff\n",
    "latin.env": b"SGLANG_A=\xff\n",
    "broken.py": "import subprocess\nlaunch_server = (\n",
    "broken.sh": "if sglang serve; then\n",
    "broken.yaml": "services:\n  s: {command: sglang serve, \n",
    "bomb.yaml": "a: &a [sglang serve]\n"
    + "".join(
        f"{c}: &{c} [{','.join(f'*{b}' for _ in range(9))}]\n"
        for b, c in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "services: {s: {command: *j}}\n",
    "deep.yaml": "services: " + "[" * DEEP + "sglang serve" + "]" * DEEP,
    "compose.deep.yaml": '{"services": ' + '{"a":' * DEEP + '"sglang serve"' + "}" * DEEP + "}",
    "deep.py": "import subprocess\nx = " + "(" * DEEP + "'launch_server'" + ")" * DEEP,
    "deep.sh": "(" * DEEP + "sglang serve" + ")" * DEEP,
}


def hostile(folder: Path) -> Path:
    tree(folder, HOSTILE)
    with (folder / "huge.sh").open("wb") as file:
        file.truncate(100_000_000)
    (folder / "loop.sh").symlink_to("loop.sh")
    (folder / "nowhere.py").symlink_to("no/such/file")
    os.mkfifo(folder / "pipe.sh")
    return folder


@pytest.mark.parametrize("jobs", [0, 2])
def test_what_cannot_be_read_costs_one_problem_each(tmp_path: Path, jobs: int) -> None:
    tree(hostile(tmp_path), {"a.sh": SCRIPT, "empty.sh": "", "empty.py": "", "z.py": TEST})
    (tmp_path / "folder.sh").mkdir()
    (tmp_path / "link.sh").symlink_to("a.sh")
    (tmp_path / "down").symlink_to(tmp_path)
    result = found(tmp_path, jobs)
    assert [Path(x.path).name for x in result.launches] == ["a.sh", "z.py"]
    bad = {*HOSTILE, "huge.sh", "pipe.sh"}  # links that lead nowhere aren't followed, as others
    assert sorted(Path(p.path).name for p, _ in result.problems) == sorted(bad)
    said = problems(result)
    assert said["nul.sh"][0] == 1
    assert "a NUL byte" in said["nul.sh"][1]
    assert said["broken.py"][0] == 2
    assert said["latin.py"] == (1, "byte 0xff isn't utf-8; expected text in utf-8")
    assert said["huge.sh"][1] == "100,000,000 bytes; expected at most 5,000,000 bytes"
    assert "no regular file" in said["pipe.sh"][1]
    named = discover([tmp_path / "nowhere.py"], nearest, How(tmp_path, jobs=0))
    assert "can't be read: no such file" in problems(named)["nowhere.py"][1]


def test_a_file_that_is_gone_when_it_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, {"a.sh": SCRIPT, "b.sh": SCRIPT})
    look = Job.look

    def gone(self: Job, path: str) -> object:
        looked = look(self, path)
        if path.endswith("a.sh"):
            Path(path).unlink()
        return looked

    monkeypatch.setattr(Job, "look", gone)
    result = found(tmp_path)
    assert [Path(x.path).name for x in result.launches] == ["b.sh"]
    assert "no such file" in problems(result)["a.sh"][1]


def dying(self: Job, path: str) -> object:
    if path.endswith("exit.sh"):
        os._exit(3)
    if path.endswith("kill.sh"):
        os.kill(os.getpid(), signal.SIGKILL)
    if path.endswith("odd.sh"):
        raise SystemExit(0)
    return READ(self, path)


READ = Job.read


@pytest.mark.skipif(sys.platform != "linux", reason="a fork has what the test changed")
def test_a_process_that_dies_costs_the_file_that_killed_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = {f"{n}.sh": SCRIPT for n in ("a", "b", "c", "d", "exit", "kill", "odd", "x", "y", "z")}
    monkeypatch.setattr(Job, "read", dying)
    result = found(tree(tmp_path, files), jobs=2)
    assert [Path(x.path).stem for x in result.launches] == ["a", "b", "c", "d", "x", "y", "z"]
    assert problems(result) == {
        "exit.sh": (None, "the process that read it died (exit code 3)"),
        "kill.sh": (None, "the process that read it died (SIGKILL)"),
        "odd.sh": (None, "reading it failed: SystemExit: 0"),
    }


@pytest.mark.skipif(sys.platform != "linux", reason="a fork has what the test changed")
def test_a_process_that_dies_at_a_look_costs_that_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    look = Job.look

    def dies(self: Job, path: str) -> object:
        if path.endswith("3.sh"):
            os._exit(1)
        return look(self, path)

    monkeypatch.setattr(Job, "look", dies)
    tree(tmp_path, {f"{n}.sh": SCRIPT for n in range(24)})
    for size in (1, 2, 128):  # of a share: each process has several before it, or one
        monkeypatch.setattr("dsv4_env.drift.discover._CHUNK", size)
        result = found(tmp_path, jobs=2)
        left = {f"{n}.sh" for n in range(24) if n % 10 != 3}
        assert {Path(x.path).name for x in result.launches} == left
        assert len(result.launches) == len(left)
        assert list(problems(result)) == ["13.sh", "23.sh", "3.sh"]


def test_processes_find_what_one_finds(tmp_path: Path) -> None:
    texts = [SCRIPT, TEST, "x = 1\n", SCRIPT.replace("--tp 8", "--tp 4")]
    names = ["{}.sh", "test_{}.py", "{}.py", "d/{}.sh"]
    tree(tmp_path, {names[i % 4].format(i): texts[i % 4] for i in range(80)})
    one, two = found(tmp_path, 0), found(tmp_path, 2)
    assert one.launches == two.launches
    assert len(one.launches) == 60
    assert (one.files, one.problems) == (two.files, two.problems) == (80, [])


PEAK = """
import resource, sys
from dsv4_env.cli import run
run(["discover", "--jobs", "0", sys.argv[1]])
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=sys.stderr)
"""


def peak(folder: Path) -> int:
    words = [sys.executable, "-c", PEAK, str(folder)]
    done = subprocess.run(words, cwd=folder, capture_output=True, text=True, check=True)
    return int(done.stderr.split()[-1])


def test_memory_stays_flat(tmp_path: Path) -> None:
    """Ten times the files, most of them with nothing in them, and launches that ten files share."""
    text = "# " + "x" * 50_000 + "\necho sglang\n"
    sizes = {}
    for count in (100, 1000):
        folder = tmp_path / str(count)
        tree(folder, {f"{i}.sh": SCRIPT if i % 50 == 0 else text for i in range(count)})
        sizes[count] = peak(folder)
    assert sizes[1000] < 1.3 * sizes[100]


# The command


@pytest.mark.usefixtures("may")
def test_a_table_with_a_summary(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(
        tree(tmp_path, {"a.sh": SCRIPT, "bad.sh": b"sglang serve dsv4\0", "t.py": TEST})
    )
    assert run("discover") == run("discover", ".")
    done = run("discover")
    assert done.code == 2
    assert done.err == (
        "bad.sh:1:18: error: a NUL byte; expected a launch script, not a binary file\n"
    )
    last = (
        "3 files looked at: 1 launch near a profile, 0 unknown values; 1 file can't be read\n"
        "{}"
        "note: 1 pair is new to pyproject.toml (--write adds it if `check` passes)\n"
    )
    assert done.out == "a.sh:38  script  -  pro-fp4  same\n" + last.format(
        "note: besides, 1 other launch in 1 file (--all lists it)\n"
    )
    assert run("discover", "--all").out == (
        "a.sh:38  script  -                  pro-fp4  same\n"
        "t.py:6   test    TestIt.setUpClass  -        no profile is near, not followed\n"
        + last.format("")
    )


V4 = """\
from models import PRO, common_start

class TestV4(CustomTestCase):
    def setUp(self):
        popen_launch_server(PRO, "U", 60, other_args=["--tp", "8"])
"""
FAMILY = {
    "test_v4.py": V4,
    "test_other.py": V4.replace("PRO", "LLAMA"),
    "test_start.py": V4.replace("PRO", "LLAMA").replace("popen_launch_server", "common_start"),
    "models.py": (
        "# DeepSeek-V4 isn't all\n"
        "LLAMA = 'meta/Llama-3.1-8B'\nPRO = (\n    'x/DeepSeek_V4-Small'\n)\n"
    ),
    "own.sh": "SGLANG_DSV4_FP4_EXPERTS=1 sglang serve --model-path /models/it\n",
    "parser.sh": "sglang serve --model-path /models/it --tool-call-parser deepseekv4\n",
    "v3.sh": "sglang serve --model-path deepseek-ai/DeepSeek-V3.2 --tp 8\n",
}


def test_launches_of_the_same_model_that_are_near_none(tmp_path: Path) -> None:
    result = discover([tree(tmp_path, FAMILY)], nearest, How(tmp_path, jobs=0))
    assert [(Path(x.path).name, x.family, x.counts) for x in result.launches] == [
        ("own.sh", True, True),
        ("parser.sh", True, True),
        ("test_v4.py", True, True),
    ]
    counted = [(Path(c.path).name, c.launches) for c in result.counted]
    assert {("test_other.py", 1), ("v3.sh", 1)} <= set(counted)


def test_what_is_only_counted_is_not_parsed(tmp_path: Path) -> None:
    text = "import subprocess\nsubprocess.run(['sglang', 'serve', ('--tp' '8')])\ndef (\n"
    result = discover([tree(tmp_path, {"t.py": text})], nearest, How(tmp_path, jobs=0))
    assert (result.problems, result.launches) == ([], [])
    assert [(Path(c.path).name, c.launches) for c in result.counted] == [("t.py", 1)]
    assert list(problems(found(tmp_path))) == ["t.py"]


def test_what_cannot_be_followed_is_told_with_its_place(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree(tmp_path, {"a.sh": "# dsv4\nsglang serve --tp 8\nif\n"}))
    done = run("discover")
    assert done.out.startswith("a.sh:2  script  -  -  can't be followed\na.sh:3:3: syntax error")
    assert done.out.splitlines()[1].endswith(": look at its launches yourself")
    (launch,) = json.loads(run("discover", "--json").out)["launches"]
    assert [(t["path"], t["line"]) for t in launch["in_part"]] == [("a.sh", 3)]
    assert ", 1 that can't be followed, 0 unknown values\n" in done.out


def test_what_keeps_several_files_from_being_followed_is_told_once(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Location(str(tmp_path / "lib.py"), 7, 1)

    def trouble(steps: str) -> tuple[Problem, ...]:
        said = f"the file is read in part: it takes more than {steps} steps to follow"
        return ((place, f"{said}; most of them at {place}"),)

    def found(*_: Any, **__: Any) -> Discovered:
        launches = [
            FoundLaunch(
                f"test_{n}.py", 1, 1, "", "python", 3, False, ProfileMatch(None, 0.0),
                trouble=trouble(f"410,0{n}"),
            )
            for n in range(5)
        ]  # fmt: skip
        return Discovered(launches, files=5)

    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("dsv4_env.cli.discover.find", found)
    told = [line for line in run("discover").out.splitlines() if "steps" in line]
    assert told == [
        "lib.py:7:1: the file is read in part: it takes more than 410,00 steps to follow "
        "(of test_0.py, test_1.py, test_2.py, 2 more): look at its launches yourself"
    ]


@pytest.mark.usefixtures("may")
def test_lines_of_a_terminal(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"{'deep/' * 20}{'x' * 60}.sh"
    monkeypatch.chdir(tree(tmp_path, {name: SCRIPT, "a.sh": SCRIPT}))
    assert f"\n{name}:38  script  -  pro-fp4  same\n" in run("discover").out
    monkeypatch.setattr("dsv4_env.cli.discover.line_width", lambda: 120)
    lines = run("discover").out.splitlines()
    assert max(map(len, lines)) == 120
    assert lines[1].startswith("deep/deep/")
    assert "…" in lines[1]
    assert lines[1].endswith("x.sh:38  script  -  pro-fp4  same")


def test_the_nearest_is_the_one_that_differs_least(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A profile is left out that the launch has all of, and more than."""
    head = 'description = "x"\n'
    args = '[args]\n--trust-remote-code = true\n--page-size = "256"\n'
    tree(
        tmp_path,
        {
            "launch/aa.toml": head + args,
            "launch/aa-cp.toml": head + 'extends = ["aa"]\n[args]\n--enable-prefill-cp = true\n',
            "launch/zz.toml": head + 'extends = ["aa"]\n[args]\n--tp = "4"\n',
            "cp.sh": "sglang serve m --trust-remote-code --page-size 256 --enable-prefill-cp\n",
            "tp.sh": "sglang serve m --trust-remote-code --page-size 256 --tp 4 --dp 2\n",
            "pyproject.toml": '[tool.dsv4_env]\nprofiles = "launch"\n',
        },
    )
    monkeypatch.chdir(tmp_path)
    done = run("discover", "--write")
    assert [line.split() for line in done.out.splitlines()[:2]] == [
        ["cp.sh:1", "script", "-", "aa-cp", "same"],
        ["tp.sh:1", "script", "-", "zz", "1", "differs"],
    ]
    assert "not added: tp.sh with zz: 1 error: --dp" in done.err
    assert run("check").code == 0
    again = run("discover", "--write")
    assert again.out.endswith("nothing to add to pyproject.toml\n")
    assert again.err == done.err
    assert run("discover", "--profile", "zz", "--write").err == ""
    done = run("check", "--format", "concise")
    assert (done.code, done.err) == (1, "")
    assert "1 error" in done.out
    assert run("check", "aa-cp").code == 0


def test_pairs_of_profiles_that_check_would_not_find(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = 'description = "x"\n[args]\n--page-size = "256"\n'
    monkeypatch.chdir(
        tree(tmp_path, {"own/aa.toml": layer, "a.sh": "sglang serve m --page-size 256\n"})
    )
    assert "aa" in run("discover", "--profiles", "own").out
    done = run("discover", "--profiles", "own", "--write")
    assert (done.code, done.out) == (2, "")
    assert 'expected profiles = "own" under [tool.dsv4_env]' in done.err
    assert not (tmp_path / "pyproject.toml").exists()


def test_json_of_all(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree(tmp_path, FAMILY))
    data = json.loads(run("discover", "--json").out)
    assert [x["same_model"] for x in data["launches"]] == [True, True, True]
    assert {"path": "test_other.py", "launches": 1} in data["others"]
    assert data["summary"]["other_launches"] == 2
    assert {x["launch_role"] for x in data["launches"]} == {"aggregated"}
    file = data["files"][0]
    assert (file["kind"], file["launches"], file["roles"]) == ("a launch script", 1, ["aggregated"])


@pytest.mark.usefixtures("may")
def test_json(tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch) -> None:
    files: dict[str, str | bytes] = {"a.sh": SCRIPT, "bad.sh": b"sglang serve dsv4\0", "t.py": TEST}
    monkeypatch.chdir(tree(tmp_path, files))
    done = run("discover", "--json")
    assert (done.code, done.err) == (2, "")
    data = json.loads(done.out)
    assert data["version"] == 2
    assert data["summary"] == {
        "files": 3,
        "files_with_launches": 1,
        "launches": 1,
        "near": 1,
        "same_model": 1,
        "in_part": 0,
        "unknown": 0,
        "unreadable": 1,
        "routers": 0,
        "other_files": 1,
        "other_launches": 1,
    }
    assert data["others"] == [{"path": "t.py", "launches": 1}]
    launch, other = json.loads(run("discover", "--json", "--all").out)["launches"]
    assert (launch["followed"], other["followed"]) == (True, False)
    assert (other["path"], other["line"], other["name"]) == ("t.py", 6, "TestIt.setUpClass")
    assert (other["profile"], other["match"], other["unknown"]) == (None, None, None)
    for words in (["--follow-all"], ["t.py"]):  # what is named is followed, too
        (*_, other) = json.loads(run("discover", "--json", *words).out)["launches"]
        assert (other["path"], other["line"], other["followed"]) == ("t.py", 6, True)
        assert other["match"] > 0
    assert (launch["path"], launch["line"], launch["profile"]) == ("a.sh", 38, "pro-fp4")
    assert (launch["match"], launch["differ"], launch["compared"]) == (1.0, 0, 32)
    assert [(p["path"], p["line"]) for p in data["problems"]] == [("bad.sh", 1)]
    assert data["pairs"] == [{"profile": "pro-fp4", "files": ["a.sh"]}]


@pytest.mark.usefixtures("may")
def test_near_one_profile_alone(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree(tmp_path, {"a.sh": SCRIPT, "t.py": TEST}))
    done = run("discover", "--profile", "flash-fp8")
    assert (
        done.out.startswith("a.sh:38  script  -  flash-fp8  1 differs\n1 file looked at") is False
    )
    assert done.out.splitlines()[0] == "a.sh:38  script  -  flash-fp8  1 differs"
    assert "t.py" not in done.out
    assert run("discover", "--profile", "flash-fp8", "--min-match", "1").out.startswith("2 files")
    wrong = run("discover", "--profile", "flash-fp9")
    assert (wrong.code, "Did you mean flash-fp" in wrong.err) == (2, True)


def test_no_such_path(tmp_path: Path, run: Callable[..., Result]) -> None:
    done = run("discover", str(tmp_path / "nope"))
    assert done.code == 2
    assert "nope: error: can't be read: no such file or directory" in done.err


@pytest.mark.usefixtures("may")
def test_what_is_written_is_what_check_holds(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    two = TEST.replace("TestIt", "TestOther") + "\n" + SCRIPT_AS_TEST
    tree(
        tmp_path,
        {
            "scripts/a.sh": SCRIPT,
            "scripts/b[1].sh": SCRIPT,
            "scripts/c.sh": SCRIPT.replace("USE_AITER=1", "USE_AITER=0"),
            "test_two.py": two,
            "llama.sh": "sglang serve --tp 8\n",
        },
    )
    monkeypatch.chdir(tmp_path)
    done = run("discover", "--write")
    assert done.code == 0
    assert done.err.endswith("not added: scripts/c.sh with pro-fp4: 1 error: SGLANG_USE_AITER\n")
    assert done.out.endswith("added 2 pairs (3 files) to pyproject.toml\n")
    assert run("check").code == 0
    (tmp_path / "pyproject.toml").unlink()
    done = run("discover", "--profile", "pro-fp4", "--profile", "flash-fp4", "--write")
    assert (done.code, done.err) == (0, "")
    assert done.out.endswith("added 2 pairs (4 files) to pyproject.toml\n")
    before = (tmp_path / "pyproject.toml").read_text()
    loaded = settings.load(tmp_path, {})
    assert [(p.profile, p.files, p.symbol) for p in loaded.pairs] == [
        ("pro-fp4", ("scripts/a.sh", "scripts/b[[]1].sh", "scripts/c.sh"), ()),
        ("flash-fp4", ("test_two.py",), ("TestV4.setUpClass",)),
    ]
    held = drift.CheckRun(loaded, None, catalogue_for, drift.CheckOptions())
    report = drift.check(held, loaded.pairs)
    assert (report.files, report.launches, report.problems) == (4, 4, ())
    assert [(Path(f.location.path).name, f.subject) for f in report.findings if f.location] == [
        ("c.sh", "SGLANG_USE_AITER")
    ]
    assert run("check").code == 1
    again = run("discover", "--write")
    assert again.out.endswith("nothing to add to pyproject.toml\n")
    assert (tmp_path / "pyproject.toml").read_text() == before
    assert run("discover", "--toml").out == ""


def test_pairs_that_fail_alike_are_told_once(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Launches of a file for several strategies often differ in the same settings."""
    profiles = [load_profile("flash-fp4@h200", strategy=s) for s in ("low-latency", "balanced")]
    text = "".join(f"({shell(p).rstrip()} --tool-call-parser qwen)\n" for p in profiles)
    monkeypatch.chdir(tree(tmp_path, {"both.sh": text}))
    done = run("discover", "--write")
    said = [x for x in done.err.splitlines() if "not added: both.sh" in x]
    assert [x[x.index("with") :] for x in said] == [
        "with flash-fp4@h200: 1 error: --tool-call-parser (2 pairs)"
    ], done


FLASH = load_profile("flash-fp4", sglang="0.5.13")
SCRIPT_AS_TEST = f"""\
import os

class TestV4(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        env = os.environ | {FLASH.env!r}
        args = {FLASH.server_args!r}
        model = os.environ.get({FLASH.model_path_variable!r}, {FLASH.default_model_path!r})
        cls.process = popen_launch_server(model, "U", 3600, other_args=args, env=env)
"""


def test_pairs_go_to_the_project_that_one_stands_in(
    tmp_path: Path, run: Callable[..., Result], monkeypatch: pytest.MonkeyPatch
) -> None:
    tree(tmp_path, {"pyproject.toml": "[project]\nname = 'x'\n", "deep/down/a.sh": SCRIPT})
    monkeypatch.chdir(tmp_path / "deep" / "down")
    assert run("discover", "--toml").out == (
        '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = ["deep/down/a.sh"]\n'
    )
    done = run("discover", "--write", "--sglang", "0.5.13")
    assert done.out.endswith("(1 file) to ../../pyproject.toml\n")
    (pair,) = settings.load(tmp_path / "deep", {}).pairs
    assert (pair.files, pair.sglang) == (("deep/down/a.sh",), "0.5.13")
    assert run("check").code == 0


def test_interrupted(tmp_path: Path) -> None:
    """Processes end, nothing is written, and the exit code is a shell's."""
    code = (
        "import os, signal, sys, time\n"
        "from dsv4_env.cli import run\nfrom dsv4_env.drift.discover import Job\n"
        "def slow(self, path):\n"
        "    open(f'{os.getpid()}.pid', 'w').close()\n    time.sleep(60)\n"
        "Job.read = slow\n"
        "sys.exit(run(['discover', '--write', '--jobs', '2']))\n"
    )
    tree(tmp_path, {"a.sh": SCRIPT, "b.sh": SCRIPT})
    words = [sys.executable, "-c", code]
    with subprocess.Popen(words, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as process:
        while not list(tmp_path.glob("*.pid")):
            assert process.poll() is None
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=30)
    assert (process.returncode, err.strip()) == (130, "dsv4-env: interrupted")
    assert not (tmp_path / "pyproject.toml").exists()
    for pid in tmp_path.glob("*.pid"):
        assert not Path(f"/proc/{pid.stem}").exists()
