"""Every command of the README and of docs/ is run, and its output is the real one."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import click
import pytest
from ruamel.yaml import YAML

from dsv4_env import __version__
from dsv4_env.cli import COMMANDS, cli
from dsv4_env.profile.settings import load
from dsv4_env.reporters import REPORTERS
from tests.contract.test_help import resolved
from tests.reports import check_gitlab, check_review

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text()
WORDS = 900  # what a maintainer in a hurry reads
PAGES = ["README.md", *(p.relative_to(ROOT).as_posix() for p in sorted(ROOT.glob("docs/**/*.md")))]
TEXTS = {page: (ROOT / page).read_text() for page in PAGES}
ALL = "\n".join(TEXTS.values())


def blocks_of(language: str) -> list[tuple[str, str]]:
    """Each block in a language: the page that has it, and its text."""
    block = re.compile(rf"^```{language}\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [(page, text) for page in PAGES for text in block.findall(TEXTS[page])]


SETUP = [text for page, text in blocks_of("bash") if page == "README.md"]
CONSOLE = blocks_of("console")
PYTHON = blocks_of("python")


def named(value: object) -> str:
    """What a page or a block is called among the tests."""
    return str(value).splitlines()[0]


@pytest.fixture(scope="module")
def checkouts(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Copies of the project, one for a page, whose commands build on each other."""

    @cache
    def made(page: str) -> Path:
        folder = prepared(tmp_path_factory.mktemp("page"))
        if "discover --sglang 0.5.13 --" in TEXTS.get(page, ""):
            # As a checkout has it: what an example writes must not go there.
            shutil.copy(ROOT / "pyproject.toml", folder)
            subprocess.run(["git", "init", "-q", folder / "sglang"], check=True)
        return folder

    return made


def prepared(folder: Path) -> Path:
    """A copy of the project to run commands in, with dsv4-env and pytest on PATH."""
    for name in ("profiles", "README.md"):
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name)
        else:
            shutil.copy(source, folder / name)
    # What `adopt` is shown on: the eleven nightly tests, as a checkout of SGLang has them.
    shutil.copytree(
        ROOT / "tests" / "cases" / "adopt" / "eleven" / "test", folder / "sglang" / "test"
    )
    (folder / "bin").mkdir()
    for name, module in (("dsv4-env", "dsv4_env"), ("pytest", "pytest")):
        tool = folder / "bin" / name
        tool.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m {module} "$@"\n')
        tool.chmod(0o755)
    return folder


def steps(block: str) -> list[tuple[str, str]]:
    """Commands of a console block with the output shown below each."""
    parts = re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]
    found: list[tuple[str, str]] = []
    for text in parts:
        command, _, output = text.partition("\n")
        while output.startswith("> "):
            line, _, output = output.partition("\n")
            command += "\n" + line.removeprefix("> ")
        found.append((command, output))
    return found


@pytest.mark.parametrize(("page", "block"), CONSOLE, ids=named)
def test_console_blocks(
    page: str,
    block: str,
    checkouts: Callable[[str], Path],
    request: pytest.FixtureRequest,
) -> None:
    commands = steps(block)
    found = outputs([command for command, _ in commands], checkouts(page))
    if request.config.getoption("--update-golden"):
        shown = [
            (command, old if "…\n" in old else new)
            for (command, old), new in zip(commands, found, strict=True)
        ]
        update(page, block, shown)
        return
    for (_, expected), output in zip(commands, found, strict=True):
        if "…\n" in expected:
            head, _, tail = expected.partition("…\n")
            assert output.startswith(head)
            assert output.endswith(tail)
        else:
            assert output == expected


def outputs(commands: list[str], checkout: Path) -> list[str]:
    """What each command prints, all run in one shell."""
    environ = {
        "PATH": f"{checkout / 'bin'}:{os.environ['PATH']}",
        "HOME": str(checkout),
        "PYTHONPATH": str(ROOT),
        "NO_COLOR": "1",
    }
    script = "".join(f"{c}\nprintf '\\1'; printf '\\1' >&2\n" for c in commands)
    done = subprocess.run(
        ["/bin/bash", "-c", script], cwd=checkout, env=environ, capture_output=True, check=False
    )
    streams = (stream.decode().split("\1")[:-1] for stream in (done.stdout, done.stderr))
    # The shipped profiles are those of the package that runs; the README shows its copy.
    return [
        "".join(x for x in (out + err).splitlines(True) if "neither bubblewrap" not in x)
        .replace(f"{ROOT}/", "")
        .replace(str(Path(sys.prefix)), "")
        for out, err in zip(*streams, strict=True)
    ]


def update(page: str, block: str, found: list[tuple[str, str]]) -> None:
    """Write a block of a page anew, with the outputs found."""
    path = ROOT / page
    lines = "".join(
        "$ " + command.replace("\n", "\n> ") + f"\n{output}" for command, output in found
    )
    path.write_text(path.read_text().replace(f"```console\n{block}```", f"```console\n{lines}```"))


@pytest.mark.parametrize(("page", "block"), PYTHON, ids=named)
def test_python_blocks(page: str, block: str) -> None:
    exec(compile(block, page, "exec"), {"__name__": "readme"})


def test_the_readme_is_short() -> None:
    assert len(README.split()) <= WORDS


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = re.sub(r"^```.*?^```$", "", TEXTS[page], flags=re.MULTILINE | re.DOTALL)
    links = re.findall(r"\]\(([^)#\s]+)(?:#[^)]*)?\)", text)
    local = [link for link in links if "://" not in link]
    assert [link for link in local if not ((ROOT / page).parent / link).exists()] == []


def test_every_page_is_reached_from_the_readme() -> None:
    linked = set(re.findall(r"\]\((docs/[^)#]+)", README))
    assert set(PAGES) - linked == {"README.md", "docs/index.md"}


def test_the_two_commands_are_what_ci_runs() -> None:
    main_job, tests = (block.strip() for block in SETUP[:2])
    assert main_job.endswith("dsv4-env check")
    assert tests.endswith("pytest")
    assert len(main_job.splitlines()) == len(tests.splitlines()) == 1
    assert tests in (ROOT / ".ci" / "run").read_text()
    workflow = (ROOT / ".github" / "workflows" / "test.yml").read_text()
    assert tests in workflow
    assert main_job in workflow


def test_snippets_name_what_there_is(tmp_path: Path) -> None:
    blocks = re.findall(r"^```(\w+)\n(.*?)^```$", ALL, re.MULTILINE | re.DOTALL)
    yaml = YAML(typ="safe", pure=True)
    loaded = [yaml.load(text) for language, text in blocks if language == "yaml"]
    action = yaml.load((ROOT / "action.yml").read_text())
    steps = [s for block in loaded if "jobs" in block for s in block["jobs"]["launches"]["steps"]]
    (ours,) = (step for step in steps if "dsv4-env@" in step.get("uses", ""))
    assert ours["with"].keys() <= action["inputs"].keys()
    outputs = re.findall(rf"steps\.{ours['id']}\.outputs\.(\w+)", ALL)
    assert outputs
    assert set(outputs) <= action["outputs"].keys()
    assert [name for name in action["outputs"] if f"`{name}`" not in ALL] == []
    pinned = [step["uses"].partition("@")[2] for step in steps if "uses" in step]
    assert all(re.fullmatch("[0-9a-f]{40}|COMMIT", commit) for commit in pinned)
    (repos,) = (block["repos"] for block in loaded if "repos" in block)
    assert repos[0]["rev"] == "COMMIT"
    assert set(re.findall(r"COMMIT  # v(\S+)|dsv4-env==(\S+)", ALL)) == {
        (__version__, ""),
        ("", __version__),
    }
    hooks = yaml.load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {h["id"] for h in repos[0]["hooks"]} == {h["id"] for h in hooks}
    (settings,) = (t for language, t in blocks if language == "toml" and "[tool.dsv4_env]" in t)
    (tmp_path / "pyproject.toml").write_text(settings)
    assert load(tmp_path, {}).severity
    assert [name for name in REPORTERS if f"`{name}`" not in ALL] == []


WORKFLOWS = [text for _, text in blocks_of("yaml") if text.startswith("name: dsv4-env\n")]


@pytest.mark.parametrize("text", WORKFLOWS, ids=["commands", "action"])
def test_a_workflow_is_one_that_can_be_copied(text: str, tmp_path: Path) -> None:
    """As a whole file, once the commit is named: GitHub takes it, and no linter finds anything."""
    path = tmp_path / ".github" / "workflows" / "dsv4-env.yml"
    path.parent.mkdir(parents=True)
    path.write_text(text.replace("@COMMIT", f"@{'0123456789' * 4}"))
    for words in (
        ("check-jsonschema", "--builtin-schema", "vendor.github-workflows"),
        ("zizmor", "--offline", "--pedantic", "--no-progress"),
        ("jactionlint", "--shellcheck=", "--pyflakes="),
    ):
        tool = Path(sysconfig.get_path("scripts")) / words[0]
        done = subprocess.run(
            [str(tool), *words[1:], str(path)], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [("", "", 0), ("--tp 8", "--tp 4", 1), ("sglang.launch_server", "vllm", 1), (None, None, 2)],
    ids=["no drift", "drift", "no launch", "no pairs"],
)
def test_the_job_of_commands_fails_where_it_has_to(
    old: str | None, new: str | None, code: int, checkouts: Callable[[str], Path], tmp_path: Path
) -> None:
    """Its last step is run as GitHub runs it; the one before it fetches dsv4-env."""
    *_, install, check = YAML(typ="safe", pure=True).load(WORKFLOWS[0])["jobs"]["launches"]["steps"]
    assert install["run"].startswith("python -m pip install ")
    script = (ROOT / "profiles" / "run_dsv4.sh").read_text()
    (tmp_path / "run.sh").write_text(script.replace(old or "", new or "") if old else script)
    if old is not None:
        (tmp_path / "pyproject.toml").write_text(
            '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nsglang = "0.5.13"\nfiles = "run.sh"\n'
        )
    summary = tmp_path / "summary"
    summary.touch()
    environ = {
        "PATH": f"{checkouts('commands') / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    done = subprocess.run(
        ["bash", "-e", "-c", check["run"]],
        cwd=tmp_path, env=environ, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == code, done.stderr
    assert ("::error " in done.stdout) is (code == 1)
    assert bool(summary.read_text()) is (code != 2)
    assert ("there is nothing to check" in done.stderr) is (code == 2)


@pytest.mark.parametrize("drift", [True, False])
def test_the_step_that_suggests_posts_a_review(
    drift: bool, checkouts: Callable[[str], Path], tmp_path: Path
) -> None:
    """GitHub's schema takes the steps; the last of them is run, with a stand-in for `gh`."""
    (block,) = re.findall(r"^```yaml\n(- uses: .*?)^```$", ALL, re.MULTILINE | re.DOTALL)
    workflow = "on: pull_request\njobs:\n  a:\n    runs-on: ubuntu-latest\n    steps:\n"
    (tmp_path / "w.yml").write_text(workflow + re.sub(r"(?m)^(?=.)", "      ", block))
    subprocess.run(
        [
            str(Path(sysconfig.get_path("scripts")) / "check-jsonschema"),
            *("--builtin-schema", "vendor.github-workflows", str(tmp_path / "w.yml")),
        ],
        check=True,
    )
    *_, step = YAML(typ="safe", pure=True).load(block)
    project = tmp_path / "project"
    project.mkdir()
    (project / "pyproject.toml").write_text(
        '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nsglang = "0.5.13"\nfiles = "run.sh"\n'
    )
    script = (ROOT / "profiles" / "run_dsv4.sh").read_text()
    environ = {
        "PATH": f"{tmp_path}:{checkouts('review') / 'bin'}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "BASE": "HEAD~1",
        "REVIEWS": "repos/o/r/pulls/1/reviews",
        **{f"GIT_{who}_{what}": "t@example.com" for who in ("AUTHOR", "COMMITTER")
           for what in ("NAME", "EMAIL")},
    }  # fmt: skip
    assert environ.keys() >= step["env"].keys() - {"GH_TOKEN"}
    (tmp_path / "gh").write_text('#!/bin/sh\necho "$1 $2 $3" > posted; cp "$4" posted.json\n')
    (tmp_path / "gh").chmod(0o755)
    for number, text in enumerate(
        (script, script.replace("--tp 8", "--tp 4") if drift else script)
    ):
        (project / "run.sh").write_text(f"{text}# {number}\n")
        for words in ("init -q", "add -A", "commit -q -m x"):
            subprocess.run(["git", *words.split()], cwd=project, env=environ, check=True)
    subprocess.run(["bash", "-e", "-c", step["run"]], cwd=project, env=environ, check=True)
    assert (project / "posted").exists() is drift
    if drift:
        assert (project / "posted").read_text() == "api repos/o/r/pulls/1/reviews --input\n"
        (comment,) = check_review((project / "posted.json").read_text())
        assert "```suggestion\n    --tp 8 " in comment["body"]


def test_the_job_for_gitlab_is_one_and_writes_its_report(
    checkouts: Callable[[str], Path], tmp_path: Path
) -> None:
    """GitLab's schema takes it; its lines, but for the one that fetches dsv4-env, are run."""
    (block,) = re.findall(r"^```yaml\n(dsv4-env:\n.*?)^```$", ALL, re.MULTILINE | re.DOTALL)
    (tmp_path / ".gitlab-ci.yml").write_text(block)
    subprocess.run(
        [
            str(Path(sysconfig.get_path("scripts")) / "check-jsonschema"),
            *("--builtin-schema", "vendor.gitlab-ci", str(tmp_path / ".gitlab-ci.yml")),
        ],
        check=True,
    )
    job = YAML(typ="safe", pure=True).load(block)["dsv4-env"]
    fetched, *lines = job["script"]
    assert fetched.startswith("pip install ")
    (tmp_path / "pyproject.toml").write_text(
        '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nsglang = "0.5.13"\nfiles = "run.sh"\n'
    )
    script = (ROOT / "profiles" / "run_dsv4.sh").read_text()
    (tmp_path / "run.sh").write_text(script.replace("--tp 8", "--tp 4"))
    bin_ = checkouts("gitlab") / "bin"
    environ = {"PATH": f"{bin_}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", "\n".join(lines)],
        cwd=tmp_path, env=environ, capture_output=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr.decode()
    report = tmp_path / job["artifacts"]["reports"]["codequality"]
    (issue,) = check_gitlab(report.read_text())
    assert (issue["severity"], issue["location"]["path"]) == ("critical", "run.sh")
    assert job["artifacts"]["when"] == "always"  # the job fails where there is something to show


def test_every_command_of_the_tool_is_in_the_docs() -> None:
    assert [name for name in COMMANDS if f"dsv4-env {name}" not in ALL] == []


def test_every_page_is_in_the_navigation() -> None:
    nav = YAML(typ="safe", pure=True).load(ROOT / "mkdocs.yml")["nav"]
    found = re.findall(r"[\w/]+\.md", repr(nav))
    assert sorted(f"docs/{page}" for page in found) == [p for p in PAGES if p.startswith("docs/")]


PROSE = {page: re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S) for page, text in TEXTS.items()}
NAMED = [  # what a block runs elsewhere, on servers and other checkouts, and what prose names
    *((page, x) for page, t in blocks_of("bash") for x in re.findall(r"^dsv4-env (.+)$", t, re.M)),
    *(
        (page, " ".join(x.split()))
        for page, text in PROSE.items()
        if not page.startswith("docs/reference/")
        for x in re.findall(r"`dsv4-env (\w[^`]*)`", text)
    ),
]


@pytest.mark.parametrize(("page", "words"), NAMED)
def test_a_command_that_is_only_named_is_one(page: str, words: str) -> None:
    said = shlex.split(re.split(r" [|>…] ?| -f …", words)[0])
    command, rest = resolved(said)
    assert command is not cli, f"{page}: no such command"
    if isinstance(command, click.Group):
        assert not rest, f"{page}: no such command"
        return
    # click keeps the help option that it makes first: it has to be the tool's own.
    tool = click.Context(cli, **cli.context_settings)
    parser = command.make_parser(click.Context(command, tool, **command.context_settings))
    parser.parse_args(list(rest))  # raises for an option that there isn't
