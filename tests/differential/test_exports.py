"""Every byte comes back from the programs that an export is for."""

from __future__ import annotations

import json
import os
import re
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsv4_env.exporters import EXPORTERS, ExportOptions
from dsv4_env.model import LaunchConfig
from dsv4_env.model.errors import ExportError
from tests.differential import consumers, hostile
from tests.differential.consumers import loaded, pairs, run
from tests.differential.hostile import as_bytes, config

OPTIONS = ExportOptions(model="m", image="i", nodes=2, gpus=8, gpu="amd")
NOT_TEXT = "[\udc80-\udcff]"
# What each format refuses, said here once more: of all else, every byte has to arrive.
REFUSED = {
    **dict.fromkeys("shell bash fish csh slurm run-sh python args args-nul".split(), "(?!)"),
    "docker-env": f"\n|\r\\Z|{NOT_TEXT}|.{{65533}}",
    "systemd": "[\x01-\x08\x0b-\x1f\x7f\ufdd0-\ufdef\ufffe\uffff\U0001ffff\udc80-\udcff]",
    "vscode": r"\$\{[^}]*\}|" + NOT_TEXT,
}  # fmt: skip


def refused(name: str) -> str:
    return REFUSED.get(name, NOT_TEXT)


def exported(
    name: str,
    env: dict[str, str],
    words: list[str] | None = None,
    flags: dict[str, str] | None = None,
) -> bytes:
    """The text, with comments where the format takes them: they must change nothing."""
    noted = "prefix_comment" in EXPORTERS[name].options
    options = ExportOptions("m", image="i", nodes=2, prefix_comment=noted)
    text = EXPORTERS[name](config(env, words, **(flags or {})), options)
    return text.encode(errors="surrogateescape")


def written(folder: Path, name: str, env: dict[str, str], file: str = "exported") -> str:
    path = folder / file
    path.write_bytes(exported(name, env))
    return str(path)


# --- shells ------------------------------------------------------------------------------------


@pytest.mark.parametrize("how", ['. "$1"', 'eval "$(cat "$1")"'], ids=["source", "eval"])
@pytest.mark.parametrize("shell", consumers.SHELLS)
def test_posix_shells(shell: str, how: str, tmp_path: Path) -> None:
    words = consumers.SHELLS[shell]
    for env in hostile.batches():
        path = written(tmp_path, "shell", env)
        found = run([*words, "-c", f"{how}; exec env -0", "sh", path])
        assert pairs(found) == as_bytes(env)


@pytest.mark.parametrize("how", ['. "$1"', 'eval "$(cat "$1")"'], ids=["source", "eval"])
def test_bash(how: str, tmp_path: Path) -> None:
    for env in hostile.batches():
        words = list(env.values())[:120]
        path = tmp_path / "exported"
        path.write_bytes(exported("bash", env, words))
        script = f'{how}; printf "%s\\0" "${{#ARGS[@]}}" "${{ARGS[@]}}"; exec env -0'
        count, *rest = run(["bash", "-c", script, "sh", str(path)]).split(b"\0")
        args, variables = rest[: int(count)], rest[int(count) :]
        assert args == [b"--model-path", b"m", *map(os.fsencode, words)]
        assert pairs(b"\0".join(variables)) == as_bytes(env)


@pytest.mark.parametrize(
    "how", ["source $argv[1]", "cat $argv[1] | source", "eval (cat $argv[1] | string collect)"]
)
def test_fish(how: str, tmp_path: Path) -> None:
    for env in hostile.batches():
        path = written(tmp_path, "fish", env)
        found = run(["fish", "--no-config", "-c", f"{how}; exec env -0", path])
        assert pairs(found) == as_bytes(env)


@pytest.mark.parametrize("how", ["source {}", 'eval "`cat {}`"'])
def test_tcsh(how: str, tmp_path: Path) -> None:
    for env in hostile.batches():
        path = written(tmp_path, "csh", env)
        found = run(["tcsh", "-f", "-c", f"{how.format(path)}; env -0"])
        assert pairs(found) == as_bytes(env)


def test_powershell(tmp_path: Path) -> None:
    if shutil.which("pwsh") is None:  # no Debian package has it; GitHub's runners do
        pytest.skip("pwsh isn't installed")
    for env in hostile.batches(cannot=f"^$|{NOT_TEXT}"):
        path = written(tmp_path, "powershell", env)
        script = f"cat {path} | Out-String | Invoke-Expression; env -0"
        found = run(["pwsh", "-NoProfile", "-NonInteractive", "-Command", script])
        assert pairs(found) == as_bytes(env)


UNSET = {
    **{shell: ("shell", [*words, "-c"]) for shell, words in consumers.SHELLS.items()},
    "fish": ("fish", ["fish", "--no-config", "-c"]),
    "tcsh": ("csh", ["tcsh", "-f", "-c"]),
}


@pytest.mark.parametrize("shell", UNSET)
def test_unset_undoes(shell: str) -> None:
    format_, words = UNSET[shell]
    env = {"V1": "a\0b", "V2": "x", "V3": "", "V4": "y"}
    launch = config(env)
    options = ExportOptions(unset=True, prefix_comment=True)
    text = EXPORTERS[format_](launch, options)
    found = run([*words, text + "env -0"], V2="set", V3="set", V5="stays")
    assert pairs(found) == {"V5": b"stays"}


def test_unset_undoes_the_array_of_bash() -> None:
    text = EXPORTERS["bash"](config({"V1": "x"}, ["--a", "1"]), ExportOptions(unset=True))
    script = f'ARGS=(a b) V1=y; export V1; {text}echo "${{V1-unset}} ${{ARGS-unset}}"'
    assert run(["bash", "-c", script]) == b"unset unset\n"


@pytest.mark.parametrize("shell", UNSET)
def test_words_of_the_arguments(shell: str, tmp_path: Path) -> None:
    if shell in ("fish", "tcsh"):
        pytest.skip("the format args is for POSIX shells")
    for env in hostile.batches():
        words = list(env.values())[:120]
        path = tmp_path / "args"
        path.write_bytes(exported("args", {}, words))
        script = 'eval "set -- $(cat "$1")"; for w do printf "%s\\0" "$w"; done'
        found = run([*UNSET[shell][1], script, "sh", str(path)])
        assert found.split(b"\0")[:-1] == [b"--model-path", b"m", *map(os.fsencode, words)]


# --- files of variables ------------------------------------------------------------------------


def test_python_dotenv(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dotenv import dotenv_values

    monkeypatch.setenv("X", "not this")
    for env in hostile.batches(cannot=refused("dotenv")):
        assert dotenv_values(written(tmp_path, "dotenv", env)) == env


def test_docker_env_file(tmp_path: Path) -> None:
    for env in hostile.batches(cannot=refused("docker-env")):
        path = written(tmp_path, "docker-env", env)
        asked = consumers.docker_requests(["--env-file", path, "image"], tmp_path)
        assert dict(item.split("=", 1) for item in asked["Env"]) == env


def test_the_longest_line_of_docker(tmp_path: Path) -> None:
    value = "a" * (65535 - len("V1="))
    path = written(tmp_path, "docker-env", {"V1": value})
    asked = consumers.docker_requests(["--env-file", path, "image"], tmp_path)
    assert asked["Env"] == [f"V1={value}"]
    with pytest.raises(ExportError, match="V1 makes a line of 65536 bytes"):
        EXPORTERS["docker-env"](config({"V1": f"{value}a"}))


def test_docker_run_flags(tmp_path: Path) -> None:
    for env in hostile.batches(cannot=refused("docker-run")):
        path = written(tmp_path, "docker-run", env)
        words = run(["bash", "-c", 'eval "set -- $(cat "$1")"; printf "%s\\0" "$@"', "bash", path])
        flags = words.decode().split("\0")[:-1]
        asked = consumers.docker_requests([*flags, "image"], tmp_path)
        assert dict(item.split("=", 1) for item in asked["Env"]) == env


def test_compose(tmp_path: Path) -> None:
    # Compose 1 prints these three so that nothing reads them back, itself included.
    for env in hostile.batches(cannot=refused("compose") + "|[\x85\u2028\u2029]"):
        words = list(env.values())
        path = tmp_path / "compose.yaml"
        path.write_bytes(exported("compose", env, words))
        service = consumers.compose_config(path)["services"]["t"]
        # The answer is a Compose file again, with each $ doubled.
        found = {n: v.replace("$$", "$") for n, v in service["environment"].items()}
        assert found == env
        assert [w.replace("$$", "$") for w in service["command"][5:-2]] == words


def test_systemd(tmp_path: Path) -> None:
    for env in hostile.batches(cannot=f"^$|{refused('systemd')}"):
        doubled = {n: v.replace("$", "$$") for n, v in env.items()}
        text = exported("systemd", doubled).decode()
        assert consumers.systemd_reads(text, tmp_path) == as_bytes(env)


def test_github_env() -> None:
    for env in hostile.batches(cannot=refused("github-env")):
        assert consumers.github_reads(exported("github-env", env).decode()) == env


# --- YAML --------------------------------------------------------------------------------------


VERSIONS = [(1, 1), (1, 2)]


@pytest.mark.parametrize("version", VERSIONS)
def test_kubernetes_env(version: tuple[int, int]) -> None:
    for env in hostile.batches(cannot=refused("k8s-env")):
        items = loaded(exported("k8s-env", env).decode(), version)["env"]
        found = {
            i["name"]: consumers.kubernetes_fills_in(i["value"], {"HOME": "no"}) for i in items
        }
        assert found == env


def test_kubernetes_config_map() -> None:
    for env in hostile.batches(cannot=refused("k8s-configmap")):
        assert loaded(exported("k8s-configmap", env).decode(), (1, 1))["data"] == env


@pytest.mark.parametrize("format_", ["k8s-pod", "k8s-lws"])
def test_kubernetes_objects(format_: str) -> None:
    for env in hostile.batches(cannot=refused(format_)):
        words = list(env.values())
        spec = loaded(exported(format_, env, words).decode(), (1, 1))["spec"]
        if format_ == "k8s-lws":
            spec = spec["leaderWorkerTemplate"]["workerTemplate"]["spec"]
        (container,) = spec["containers"]
        given = {"LWS_WORKER_INDEX": "1", "LWS_LEADER_ADDRESS": "leader", "HOME": "no"}
        found = [consumers.kubernetes_fills_in(w, given) for w in container["args"]]
        more = ["--nnodes", "2", "--node-rank", "1", "--dist-init-addr", "leader:20000"]
        assert found == [
            *("--model-path", "m", *words, "--host", "0.0.0.0"),
            *(more if format_ == "k8s-lws" else []),
        ]
        assert {e["name"]: e["value"].replace("$$", "$") for e in container["env"]} == env


@pytest.mark.parametrize("version", VERSIONS)
def test_sglang_config(version: tuple[int, int]) -> None:
    for env in hostile.batches(cannot=refused("sglang-config")):
        text = exported("sglang-config", {}, ["--on", "--many", "a", "b"], env)
        words = [w for n, v in env.items() for w in (f"--{n}", v)]
        assert sglang_words(loaded(text.decode(), version)) == [
            *("--model-path", "m", "--on", "--many", "a", "b"),
            *words,
        ]


def sglang_words(data: dict[str, Any]) -> list[str]:
    """The command line that SGLang 0.5.13 makes of its config file."""
    words: list[str] = []
    for key, value in data.items():
        words.append(f"--{key}")
        if value is not True:
            words += map(str, value) if isinstance(value, list) else [str(value)]
    return words


def test_schemas_of_kubernetes() -> None:
    import kubernetes_validate

    (env,) = hostile.batches(100, refused("k8s-pod"))
    for format_ in ("k8s-pod", "k8s-configmap"):
        manifest = loaded(exported(format_, env, list(env.values())).decode(), (1, 1))
        kubernetes_validate.validate(manifest, "1.34", strict=True)
        manifest["metadata"]["nmae"] = "x"
        with pytest.raises(kubernetes_validate.ValidationError):
            kubernetes_validate.validate(manifest, "1.34", strict=True)


def test_a_leader_worker_set_is_pods_of_the_same_kind() -> None:
    """Its own schema is in no package: its frame is held here, and its pod to Kubernetes'."""
    import kubernetes_validate

    options = ExportOptions("m", image="i", nodes=4, gpus=8, gpu="amd", port=8000, name="mine")
    texts = [EXPORTERS[name](config({"V1": "x"}), options) for name in ("k8s-lws", "k8s-pod")]
    found, pod = (loaded(text, (1, 1)) for text in texts)
    template = found["spec"].pop("leaderWorkerTemplate")
    spec = template.pop("workerTemplate").pop("spec")
    assert found == {
        "apiVersion": "leaderworkerset.x-k8s.io/v1",
        "kind": "LeaderWorkerSet",
        "metadata": {"name": "mine"},
        "spec": {"replicas": 1},
    }
    assert template == {"size": 4, "restartPolicy": "RecreateGroupOnPodRestart"}
    del spec["containers"][0]["args"][-6:]
    assert spec == pod["spec"]
    assert spec["enableServiceLinks"] is False
    (container,) = spec["containers"]
    assert container["ports"][0]["containerPort"] == 8000
    assert container["resources"] == {"limits": {"amd.com/gpu": "8"}}
    kubernetes_validate.validate(pod, "1.34", strict=True)


# --- scripts -----------------------------------------------------------------------------------


def stand_ins(folder: Path) -> str:
    """A PATH with a server that says what it's given, and with the two commands of Slurm."""
    server = '#!/bin/bash\nfor w do printf "%s\\0" "$w"; done\nprintf "\\0\\0"\nexec env -0\n'
    srun = '#!/bin/bash\nshift\nexport SLURM_NODEID=1\nexec "$@"\n'
    scontrol = '#!/bin/bash\n[ "$*" = "show hostnames a-[1-2]" ] && printf "a-1\\na-2\\n"\n'
    for name, text in (("python3", server), ("srun", srun), ("scontrol", scontrol)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


@pytest.mark.parametrize("format_", ["run-sh", "slurm"])
def test_scripts(format_: str, tmp_path: Path) -> None:
    path = stand_ins(tmp_path)
    for env in hostile.batches():
        words = [v for v in env.values() if len(v) < 1000]
        (tmp_path / "script").write_bytes(exported(format_, env, words))
        found = run(
            ["bash", str(tmp_path / "script"), "--mine", "a b"],
            PATH=path,
            SLURM_JOB_NODELIST="a-[1-2]",
        )
        args, _, dump = found.partition(b"\0\0\0")
        more = ["--nnodes", "2", "--dist-init-addr", "a-1:20000", "--mine", "a b"]
        tail = [*more, "--node-rank", "1"] if format_ == "slurm" else more[-2:]
        expected = ["-m", "sglang.launch_server", "--model-path", "m", *words, *tail]
        assert args.split(b"\0") == [os.fsencode(w) for w in expected]
        assert pairs(dump) == as_bytes(env)


def test_slurm_on_one_node(tmp_path: Path) -> None:
    options = ExportOptions(gpus=8, name="mine")
    text = EXPORTERS["slurm"](config({"V1": "a"}, ["--model-path", "m"]), options)
    assert "#SBATCH --job-name=mine\n" in text
    assert "#SBATCH --nodes=1\n" in text
    assert "#SBATCH --gpus-per-node=8\n" in text
    (tmp_path / "script").write_text(text)
    found = run(["bash", str(tmp_path / "script")], PATH=stand_ins(tmp_path))
    assert found.startswith(b"-m\0sglang.launch_server\0--model-path\0m\0\0\0")


# --- Python, JSON and TOML ---------------------------------------------------------------------


def test_python() -> None:
    for env in hostile.batches():
        words = list(env.values())
        namespace: dict[str, Any] = {}
        exec(exported("python", env, words).decode(), namespace)
        assert namespace["ENV_VARS"] == env
        assert namespace["OTHER_ARGS"] == ["--model-path", "m", *words]


def test_black_leaves_python_as_it_is() -> None:
    import black

    for env in hostile.batches(1000):
        text = exported("python", env, list(env.values())).decode()
        assert black.format_str(text, mode=black.Mode()) == text


READERS: dict[str, Callable[[str], tuple[object, object]]] = {
    "json": lambda text: (json.loads(text)["env"], json.loads(text)["args"]),
    "toml": lambda text: (
        tomllib.loads(text)["env"],
        [w for flag, v in tomllib.loads(text)["args"].items() for w in (flag, v)],
    ),
    "vscode": lambda text: tuple(
        json.loads(text)["configurations"][0][key] for key in ("env", "args")
    ),
    "args-json": lambda text: (None, json.loads(text)),
}


@pytest.mark.parametrize("format_", READERS)
def test_data(format_: str) -> None:
    for env in hostile.batches(cannot=refused(format_)):
        words = [w for n, v in env.items() for w in (f"--{n}", v)]
        found_env, found_args = READERS[format_](exported(format_, env, flags=env).decode())
        assert found_env in (env, None)
        assert found_args == ["--model-path", "m", *words]


def test_args_nul(tmp_path: Path) -> None:
    for env in hostile.batches():
        words = [v for v in env.values() if len(v) < 1000]
        (tmp_path / "args").write_bytes(exported("args-nul", {}, words))
        script = 'mapfile -d "" -t words <"$1"; printf "%s\\0" "${words[@]}"'
        found = run(["bash", "-c", script, "bash", str(tmp_path / "args")])
        assert found.split(b"\0")[:-1] == [b"--model-path", b"m", *map(os.fsencode, words)]


# --- what can't be carried ---------------------------------------------------------------------


@pytest.mark.parametrize("format_", EXPORTERS)
def test_refusals_name_the_variable_and_the_byte(format_: str) -> None:
    exporter = EXPORTERS[format_]
    refused_here = re.compile(f"[\0\ud800]|{refused(format_)}", re.DOTALL)
    count = 0
    for value in (*hostile.values(), "é\0", "\ud800"):
        launch = (
            config({"V1": value}, ["--model-path", "m"])
            if "env" in exporter.holds
            else config({}, ["--model-path", "m"], v1=value)
        )
        match = refused_here.search(value)
        if match is None:
            exporter(launch, OPTIONS)
            continue
        with pytest.raises(ExportError) as caught:
            exporter(launch, OPTIONS)
        assert re.match("V1 |--v1 ", str(caught.value))
        at = re.search(r" at byte (\d+), which ", str(caught.value))
        if at is None:
            assert "bytes, which" in str(caught.value)  # the whole line is too long
            continue
        count += 1
        assert int(at[1]) == len(os.fsencode(value[: match.start()]))
    assert count >= 2


@pytest.mark.parametrize("format_", [n for n, e in EXPORTERS.items() if "env" in e.holds])
def test_names_that_are_none(format_: str) -> None:
    for name in ("", "A=B"):
        with pytest.raises(ExportError):
            EXPORTERS[format_](config({name: "x"}, ["--model-path", "m"]), OPTIONS)
    if format_ in (
        "shell",
        "bash",
        "fish",
        "csh",
        "powershell",
        "run-sh",
        "slurm",
        "dotenv",
        "systemd",
    ):
        for name in ("A B", "1A", "A-B", "é", "A\n", "$(id)", "A;id"):
            with pytest.raises(ExportError, match="can't hold a variable called"):
                EXPORTERS[format_](config({name: "x"}, ["--model-path", "m"]), OPTIONS)


@pytest.mark.parametrize("name", ["GITHUB_ENV", "RUNNER_X", "github_path", "NODE_OPTIONS"])
def test_github_reserves_names(name: str) -> None:
    with pytest.raises(ExportError, match="GitHub reserves the name"):
        EXPORTERS["github-env"](config({name: "x"}))


def test_a_delimiter_that_stands_in_a_value() -> None:
    with pytest.raises(ExportError, match="another delimiter"):
        EXPORTERS["github-env"](config({"V1": "xEOFx"}), ExportOptions(delimiter="EOF"))


def launches() -> LaunchConfig:
    return config({"V1": "x"}, ["--a", "1", "--a", "2"])


def test_what_is_given_twice_or_has_no_long_name() -> None:
    for launch in (launches(), config({}, ["-a", "1"]), config({}, ["word"])):
        with pytest.raises(ExportError):
            EXPORTERS["sglang-config"](launch, OPTIONS)
