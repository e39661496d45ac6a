"""No secret leaves the program, whatever the command and the format, unless it is handed on."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

import dsv4_env
from dsv4_env.cli import COMMANDS, run
from dsv4_env.cli.options import FORMATS
from dsv4_env.lsp.diagnosis import related
from dsv4_env.lsp.positions import Place, Span
from dsv4_env.model.secrets import MASK
from tests.unit import server_info
from tests.unit.lsp.editing import Editor

CANARY = "canary"  # a part of every secret here
SCRIPT = """\
#!/bin/bash
# once hf_Canary0123456789abcdefghij
set -e
export HF_TOKEN=canary-superseded
export HF_TOKEN=canary-env  # before: hf_Canary9876543210abcdefghij
export HTTPS_PROXY=http://bob:canary-url@proxy:1
export SGLANG_DSV4_REASONING_EFFORT=ghp_0123456789abcdefghijCANARY012345
export SENTRY_DSN=canary-dsn SLACK_WEBHOOK=canary-hook SSH_PASSPHRASE='canary phrase'
export SGLANG_EXTRA="Bearer canary0123456789"
export SGLANG_JSON='{"api_key": "canary-json", "tp": 8}'
if [ "$API_KEY" = canary-condition ]; then export SGLANG_USE_AITER=0; fi
export MY_PASSWORD=${MY_PASSWORD:-canary-default}
export SGLANG_NOTE=$(get --password canary-unknown --url https://u:canary-in-unknown@h)
export SGLANG_OPT_USE_TOPK_V2=$(curl -H "Authorization: Bearer canary-header0")
python3 -m sglang.launch_server --model-path https://u:canary-model@h/m --tp 4 \\
  --api-key canary-arg --admin-api-key=canary-joined \\
  --log-level "${LEVEL:-hf_Canary0123456789abcdef}" \\
  --chat-template https://h/t?token=canary-query
"""
TAKEN = """\
import os
from dsv4_env import load_profile
PROFILE = load_profile("mine", "profiles")
TOKEN = "hf_Canary0123456789abcdefghij"
popen_launch_server("m", "u", env=PROFILE.launch_env(os.environ), api_key=TOKEN)
"""
LAYER = """\
description = "Mine"
extends = ["pro-fp4"]

[model]
path = "https://u:canary-layer-model{n}@h/m"

[env]
# hf_Canary0123456789abcdefghij was the old one
HF_TOKEN = "canary-layer-env{n}"
HTTPS_PROXY = "http://bob:canary-layer-url{n}@proxy:1"
SGLANG_DSV4_REASONING_EFFORT = "ghp_0123456789abcdefghijCANARY01234{n}"

[args]
--api-key = "canary-layer-arg{n}"
--admin-api-key = ["canary-layer-list{n}"]
--chat-template = "sk-canary0123456789abcdef{n}"
"""
COMPOSE = """\
services:
  server:
    image: i
    environment:
      HF_TOKEN: canary-compose
      HTTPS_PROXY: http://bob:canary-compose-url@proxy:1
    command: python3 -m sglang.launch_server --model-path m --api-key canary-compose-arg
"""
TEST = """\
import os
from sglang.test.test_utils import popen_launch_server

class TestV4:
    @classmethod
    def setUpClass(cls):
        env = dict(os.environ)
        env["HF_TOKEN"] = "canary-test"
        env["SGLANG_USE_AITER"] = "hf_Canary0123456789abcdef"
        popen_launch_server("m", "http://h", timeout=1, env=env,
            api_key="canary-keyword", other_args=["--tp", "8", "--api-key", "canary-list"])
"""
INSPECT = """\
[{"Id": "1", "Name": "/a", "Path": "sglang", "Args": ["serve", "--api-key", "canary-inspect-arg"],
  "Config": {"Env": ["HF_TOKEN=canary-inspect", "SGLANG_X=hf_Canary0123456789abcdef"]}}]
"""
PODS = """\
{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "Pod", "spec": {
  "containers": [{"name": "a", "command": ["sglang", "serve", "--api-key=canary-pod-arg"],
    "env": [{"name": "HF_TOKEN", "value": "canary-pod"}]}]}}]}
"""
FILES = {
    "run.sh": SCRIPT,
    "compose.yaml": COMPOSE,
    "test_v4.py": TEST,
    "taken.py": TAKEN,
    "taken_in_part.py": TAKEN.replace("launch_env(os.environ)", "required"),
    "taken.sh": 'eval "$(dsv4-env export mine -f bash)"\nsglang serve --model m "${ARGS[@]}"\n',
    "inspect.json": INSPECT,
    "pods.json": PODS,
    "profiles/mine.toml": LAYER.replace("{n}", "1"),
    "profiles/over.toml": LAYER.replace("{n}", "2").replace("pro-fp4", "mine"),
    "broken/wrong.toml": '[env]\nHF_TOKEN = ["canary-list"]\n',
    "syntax/wrong.toml": '[env]\nHF_TOKEN = "canary-open\n',
    "syntax/two.toml": '[env]\nHF_TOKEN = "canary-a" "canary-b"\n',
}
ALL = [n for n in FORMATS if n != "changes"]
SOURCES = ["run.sh", "compose.yaml", "test_v4.py", "inspect.json", "pods.json"]
CASES = [
    *(f"show {s} {more}" for s in [*SOURCES, "mine", "over", "run.sh --set API_KEY=canary-input"]
      for more in ("", "--origin", "--json", "--json --origin")),
    "list", "list --json",
    *(f"diff mine {s} -f {f} --exact" for s in [*SOURCES, "over"] for f in FORMATS),
    *(f"check mine --against {s} -f {f} --show-equivalent" for s in SOURCES for f in FORMATS),
    *(f"lint {s} mine -f {f}" for s in SOURCES for f in ALL),
    *(f"sync mine --to {s} --partial --prune" for s in ("run.sh", "test_v4.py")),
    *(f"sync mine --to {s}" for s in ("run.sh", "test_v4.py")),
    *(f"sync mine --to {s} --partial {more}" for s in ("compose.yaml", "pods.json")
      for more in ("", "--prune")),
    *(f"sync over --from {s} {more}" for s in SOURCES for more in ("", "--partial")),
    *(f"import {s} --as new {more}" for s in SOURCES for more in ("", "--partial")),
    *(f"adopt {s} --profiles new {more}" for s in ("run.sh", "test_v4.py", "compose.yaml")
      for more in ("", "--from-nothing", "--rewrite", "--json")),
    "uses SGLANG_USE_AITER run.sh", "uses --api-key . --json",
    "unadopt test_v4.py", "unadopt taken.py", "unadopt taken_in_part.py",
    "show taken.sh", "unadopt taken.sh", "check over --against taken.sh", "adopt taken.sh",
    "upgrade mine --from 0.5.13 --to 0.5.23 --all",
    *(f"upgrade . --to 0.5.23 -f {f}" for f in ("text", "json", "markdown")),
    "lint . --sglang 0.5.23", "upgrade mine --to 0.5.23 -f json",
    "report --html - mine over --against run.sh --against test_v4.py --against compose.yaml",
    *(f"plan {o} --on mi355x --all {more}" for o in ("mine", "run.sh") for more in ("", "-f json")),
    *(f"explain {n} {more}"
      for n in ("HF_TOKEN", "--api-key", "SGLANG_DSV4_REASONING_EFFORT", "HTTPS_PROXY", "mine")
      for more in ("", "--json")),
    "launch mine --print", "launch mine --print --set DB_PASSWORD=canary-set -- --api-key canary-x",
    "run over --print -- curl -H Authorization:canary-word https://u:canary-word@h {args}",
    "capture run.sh --yes-run-it", "capture run.sh --yes-run-it --json",
    "discover . --profile mine", "discover . --profile mine --json", "discover . --toml",
    *(f"coverage . -f {f} --all" for f in ("text", "json", "markdown")), "coverage -f json",
    "show mine --profiles broken", "show mine --profiles syntax",
    "lock --check", "get mine HF_TOKENS", "get over --api-keys",
    "show mine --set HF_TOKEN=canary-x --arg=--api-key=canary-y --origin",
    "plan mine --on mi355x --arg --api-key --arg canary-x", "export mine -f args --set A=canary-x",
    "show run.sh --set API_KEY-x=canary-x", "launch mine --set API_KEY:canary-x",
    "launch mine --print --env-file bad.env",
    "export mine -f k8s-configmap --pd-disaggregation",
    "export mine --format k8s-configmap --image https://u:canary-image@h/i",
]  # fmt: skip


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name, text in FILES.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    (tmp_path / "bad.env").write_text("API_KEY=$(get --password canary-x)\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DSV4_ENV_PROFILES", "profiles")
    return tmp_path


@pytest.mark.parametrize("line", CASES)
def test_no_secret_is_shown(line: str, project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = {p: p.read_bytes() for p in project.rglob("*") if p.is_file()}
    code = run(line.split())
    out, err = capfd.readouterr()
    assert code in (0, 1, 2), err
    assert "internal error" not in err
    told = [x for x in f"{out}\n{err}".splitlines() if CANARY in x.lower()]
    assert told == []
    assert {p: p.read_bytes() for p in project.rglob("*") if p.is_file()} == before


def test_what_a_history_tells(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    def git(*words: str) -> None:
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        subprocess.run(["git", *who, *words], check=True, capture_output=True)

    git("init", "-q")
    git("add", ".")
    git("commit", "-qm", "one")
    path = project / "run.sh"
    path.write_text(path.read_text().replace("canary-", "canary-new-").replace("--tp 4", "--tp 8"))
    git("commit", "-qam", "two")
    for more in ("", "--format json", "--format markdown"):
        run(f"history . --script-ref HEAD --tests-ref HEAD --paths run.sh {more}".split())
    run("report --html - mine --against run.sh --history . --script-ref HEAD".split())
    out, err = capfd.readouterr()
    assert "--tp" in out
    assert "HF_TOKEN" in out  # that it moved is no secret
    assert CANARY not in (out + err).lower()


TAKEN = """\
#!/bin/bash
HF_TOKEN=canary-taken
export SGLANG_USE_AITER=$HF_TOKEN
export PRIVATE_KEY="canary line one
canary line two
canary line three"; export SGLANG_DSV4_REASONING_EFFORT=max
export SGLANG_OPT_USE_TOPK_V2="${API_KEY:-cnary}"
case "$API_TOKEN" in canary-case) export SGLANG_X=1;; esac
curl -u me:canary-curl http://h  # HF_TOKEN canary-comment
sglang serve --model-path https://canary-user@github.com/m --tp 4 \\
  --served-model-name "x$HF_TOKEN" --log-level "$OTHER" --admin-api-k canary-short
"""
TAKEN_TEST = """\
import os
from sglang.test.test_utils import popen_launch_server

class TestV4:
    @classmethod
    def setUpClass(cls):
        env = dict(os.environ)
        env["SGLANG_USE_AITER"] = os.getenv("API_KEY", "canary-getenv")
        env["SGLANG_OPT_USE_TOPK_V2"] = os.environ.get("API_KEY") or "canary-or"
        popen_launch_server("m", "http://h", timeout=1, env=env, other_args=["--tp", "8"])
"""


@pytest.mark.parametrize("name", ["taken.sh", "test_taken.py"])
def test_a_secret_under_another_name(
    name: str, project: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (project / name).write_text(TAKEN if name == "taken.sh" else TAKEN_TEST)
    lines = [f"show {name} {m}" for m in ("", "--json", "--json --origin", "--set A_TOKEN=canary1")]
    lines += [f"check mine --against {name} -f {f}" for f in FORMATS]
    lines += [f"lint {name} -f {f}" for f in ALL]
    lines += [f"diff mine {name} -f {f}" for f in FORMATS]
    lines += [f"import {name} --as new --partial", f"sync mine --from {name} --partial"]
    lines += [f"report --html - mine --against {name}"]
    if name == "taken.sh":
        lines += ["show taken.sh --set HF_TOKEN=canary-set --set OTHER=canary-set"]
        lines += ["capture taken.sh --yes-run-it --set HF_TOKEN=canary-set --set OTHER=canary-set"]
    told = {}
    for line in lines:
        run(line.split())
        out, err = capfd.readouterr()
        assert "internal error" not in err, line
        # What a capture sees of five letters could be anything.
        words = [CANARY] if line.startswith("capture") else [CANARY, "cnary"]
        found = [x for x in f"{out}\n{err}".splitlines() if any(w in x.lower() for w in words)]
        if found:
            told[line] = found
    assert told == {}


def test_a_run_forgets(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "one.sh").write_text("HF_TOKEN=canary-one\nsglang serve --tp 4\n")
    (project / "two.sh").write_text("export A=canary-one\nsglang serve --tp 4\n")
    run("show one.sh".split())
    run("show two.sh".split())
    assert "canary-one" in capfd.readouterr().out


@pytest.mark.parametrize(
    "line",
    [
        "explain HF_TOKEN=canary-x",
        "explain -- --api-key=canary-x",
        "explain -- --api-key canary-x",
        "catalogue show HF_TOKEN=canary-x",
        "lock --profiles profiles",
    ],
)
def test_what_is_refused(line: str, project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(line.split()) == 2
    out, err = capfd.readouterr()
    assert CANARY not in (out + err).lower()
    assert not list(project.rglob("profiles.lock.json"))


def test_a_common_word_is_not_looked_for(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "word.sh").write_text(
        "export HF_TOKEN=sglang API_KEY=flashinfer\n"
        "sglang serve --model-path sglang/m --attention-backend flashinfer\n"
    )
    assert run("show word.sh".split()) == 0
    out, _ = capfd.readouterr()
    assert "sglang/m" in out
    assert "--attention-backend  flashinfer" in out
    assert out.count(MASK) == 2


@pytest.fixture
def server(project: Path) -> Iterator[int]:
    (project / "lib" / "sglang").mkdir(parents=True)
    (project / "lib" / "sglang" / "launch_server.py").write_text("import time\ntime.sleep(60)\n")
    environ = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(project / "lib"),
        "HF_TOKEN": "canary-process",
        "HTTPS_PROXY": "http://bob:canary-process-url@proxy:1",
        "SGLANG_EXTRA": "hf_Canary0123456789abcdef",
    }
    words = ["-m", "sglang.launch_server", "--model-path", "m", "--api-key", "canary-process-arg"]
    process = subprocess.Popen([sys.executable, *words], env=environ)
    time.sleep(0.3)  # until it is itself
    yield process.pid
    process.kill()
    process.wait()


def test_what_a_process_tells(server: int, capfd: pytest.CaptureFixture[str]) -> None:
    lines = [f"show pid:{server}", f"show pid:{server} --json --origin"]
    lines += [f"diff mine pid:{server} -f {f}" for f in FORMATS]
    lines += [f"check mine --against pid:{server} -f {f}" for f in FORMATS]
    lines += [f"doctor mine --pid {server}", f"import pid:{server} --as new --partial"]
    for line in lines:
        run(line.split())
    out, err = capfd.readouterr()
    assert "--api-key" in out
    assert CANARY not in (out + err).lower()


def test_what_a_server_tells(
    project: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither what it says nor what is sent to it is shown, whatever it answers."""
    monkeypatch.setenv("SENT", "canary-sent-0123")
    said = server_info.answer(
        api_key="canary-api-key",
        admin_api_key="canary-admin-key",
        ssl_keyfile_password="canary-passphrase",
        chat_template="https://h/t?token=canary-query",
        log_level="hf_Canary0123456789abcdef",
        served_model_name="x canary-sent-0123",
        launch_command="--api-key canary-api-key --chat-template x --log-level x",
    )
    routes = {
        "/server_info": server_info.json_route(said),
        "/key/server_info": server_info.bytes_route(b"canary-sent-0123", 401),
        "/text/server_info": server_info.bytes_route(b"canary-sent-0123"),
        "/moved/server_info": server_info.bytes_route(
            b"", 302, Location="http://canary-user:canary-pw@127.0.0.1:1/?key=canary-sent-0123"
        ),
    }
    sending = " --header-from-environment SENT"
    with server_info.serving(routes) as server:
        for url in (server.url, *(f"{server.url}/{path}" for path in ("key", "text", "moved"))):
            operand = f"url:{url}"
            lines = [f"show {operand}", f"show {operand} --json --origin"]
            lines += [f"{c} mine {operand} -f {f}" for c in ("diff",) for f in FORMATS]
            lines += [f"check mine --against {operand} -f {f}" for f in FORMATS]
            lines += [
                f"plan mine --against {operand} --all -f {f}" for f in ("text", "json", "markdown")
            ]
            lines += [f"doctor mine --url {url}", f"import {operand} --as new"]
            lines += [f"report --html - mine --against {operand}"]
            for line in lines:
                assert run(f"{line}{sending}".split()) in (0, 1, 2)
                out, err = capfd.readouterr()
                assert "internal error" not in err
                assert CANARY not in (out + err).lower(), line
        run(f"show url:{server.url.replace('//', '//bob:canary-pw@')}{sending}".split())
        run(["show", f"url:{server.url}", "--header-from-environment", "canary-as-name"])
        out, err = capfd.readouterr()
        assert CANARY not in (out + err).lower()
        assert {h.get("Authorization") for _, h in server.asked} == {"Bearer canary-sent-0123"}


def test_what_an_editor_is_told(project: Path) -> None:
    """Of each word of each file, and of each file with each pair; not in an edit either."""
    pairs = "".join(
        f'[[tool.dsv4_env.pairs]]\nprofile = "{profile}"\nfiles = ["{name}"]\n'
        for profile in ("mine", "over")
        for name in SOURCES
    )
    settings = f'[tool.dsv4_env]\nprofiles = "profiles"\n{pairs}'
    (project / "pyproject.toml").write_text(settings)
    editor = Editor(project)
    told: list[str] = []
    words: set[str] = set()
    for name in [*FILES, "pyproject.toml"]:
        answer = editor.say(name)
        document = answer.document
        told += [s.message for s in answer.shown]
        told += [str(related(s.told, answer.diagnosis.report)) for s in answer.shown]
        for number, line in enumerate(document.lines.lines):
            for word in re.finditer(r"[\w-]+", line):
                place = document.lines.place(number, word.start())
                seen = word[0] in words
                words.add(word[0])
                hovered = None if seen else editor.answers.hover(document, place, editor.texts)
                told += [hovered[0]] if hovered else []
            place = document.lines.place(number, len(line))
            found, _ = editor.answers.completion(document, place, editor.texts)
            told += [f"{offer.label} {offer.detail}" for offer in found]
        whole = Span(Place(0, 0), document.lines.place(len(document.lines.lines), 0))
        for only in ((), ("source",)):
            made = editor.answers.actions(document, whole, only, editor.texts)
            edits = [edit.text for a in made for many in a.edits.values() for edit in many]
            told += [*(action.title for action in made), *edits]
    said = "\n".join([*told, *editor.notes])
    said = re.sub(r"SGLANG_\w*CANARY|kv[-_]canary", "", said)  # are names of SGLang's own
    assert "HF_TOKEN" in said
    assert "--api-key" in said
    assert CANARY not in said.lower()


def test_two_secrets_are_told_apart(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("diff mine over --exact".split()) == 1
    out, _ = capfd.readouterr()
    row = next(x for x in out.splitlines() if "HF_TOKEN" in x)
    assert "differs (hidden)" in row
    assert run("check mine --against run.sh -f concise".split()) == 1
    out, _ = capfd.readouterr()
    assert "HF_TOKEN is another secret than in mine: both are hidden" in out


def test_what_is_no_secret_is_shown(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (project / "open.sh").write_text(
        "export SGLANG_SIMULATE_ACC_TOKEN_MODE=real-draft-token\n"
        "export SGLANG_ROUTING_KEY_POLICY_DEBUG_LOG=1\n"
        "export SGLANG_DEEPEP_NUM_MAX_DISPATCH_TOKENS_PER_RANK=24x\n"
        "python3 -m sglang.launch_server --model-path m --max-total-tokens 16K \\\n"
        "  --prefill-delayer-token-usage-low-watermark 0.8 --tokenizer-mode slow\n"
    )
    lines = ["show open.sh", "show open.sh --json", "diff pro-fp4 open.sh", "lint open.sh"]
    lines += ["check pro-fp4 --against open.sh -f text"]
    for line in lines:
        run(line.split())
    out, _ = capfd.readouterr()
    assert "****" not in out
    for value in ("real-draft-token", "24x", "16K", "0.8"):
        assert value in out


def test_what_hands_values_on_has_them(project: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run("export mine".split()) == 0
    assert run("export mine -f args".split()) == 0
    out, _ = capfd.readouterr()
    assert "HF_TOKEN='canary-layer-env1'" in out
    assert "canary-layer-arg1" in out
    assert "http://bob:canary-layer-url1@proxy:1" in out


def test_every_command_is_held_to_it() -> None:
    shown = {line.split()[0] for line in CASES} | {"history", "doctor", "lsp"}
    without = {"schema", "rule", "catalogue", "completion"}  # they show no settings of anyone
    assert shown | without == set(COMMANDS)


def test_text_leaves_in_one_place() -> None:
    """Nothing but ``write`` and ``tell``, and the error at the end, prints."""
    folder = Path(dsv4_env.__file__).parent / "cli"
    for path in folder.glob("*.py"):
        if path.name in ("output.py", "__init__.py"):
            continue
        calls = [
            ast.unparse(node)
            for node in ast.walk(ast.parse(path.read_text()))
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("click.echo", "print")
        ]
        allowed = ["click.echo(github_masks(config), err=True, nl=False)"]
        assert calls == (allowed if path.name == "export.py" else []), path


def test_few_commands_hand_values_on() -> None:
    folder = Path(dsv4_env.__file__).parent / "cli"
    found = {p.stem for p in folder.glob("*.py") if "hands_on=True" in p.read_text()}
    assert found == {"build", "discover", "export", "get", "profiles", "upgrade"}
