from __future__ import annotations

import os
import shutil
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from dsv4_env.catalogue import Catalogue, history, load, releases
from dsv4_env.catalogue.extract.source import STEPS
from dsv4_env.catalogue.tree import Trees, find, load_tree
from dsv4_env.guard import cache
from dsv4_env.model.errors import ReadError

Checkout = Callable[[dict[str, str]], Path]
LABEL = "the tree's own SGLang (python/sglang)"
ENVS = "class Envs:\n    SGLANG_FLAG = EnvBool({})\n"


@pytest.fixture(autouse=True)
def _own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))


def settled() -> None:
    """Wait until files that were just written count as unchanged."""
    time.sleep(0.1)


def kept() -> Path:
    folder = cache.folder()
    assert folder is not None
    (path,) = folder.iterdir()
    return path


@pytest.fixture
def extractions(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """Each extraction that is made from now on."""
    from dsv4_env.catalogue import extract

    made: list[object] = []
    real = extract.extract

    def counted(where: Path | None = None) -> Catalogue:
        made.append(where)
        return real(where)

    monkeypatch.setattr(extract, "extract", counted)
    return made


def test_a_tree_is_read_as_what_it_is_now(checkout: Checkout) -> None:
    path = checkout({"srt/environ.py": ENVS.format("False")})
    found = load_tree(path)
    assert (found.release, found.label, found.name) == ("tree", LABEL, "the tree's own SGLang")
    assert list(found.variables) == ["SGLANG_FLAG"]
    assert list(found.arguments) == ["--model-path"]
    (path / "python/sglang/srt/environ.py").write_text(ENVS.format("True "))
    assert load_tree(path).variables["SGLANG_FLAG"].default == "true"


def test_a_tree_is_extracted_once(checkout: Checkout, extractions: list[object]) -> None:
    path = checkout({"srt/environ.py": ENVS.format("False")})
    settled()
    before = sorted(p for p in path.rglob("*"))
    first = load_tree(path)
    assert load_tree(path) == first
    assert len(extractions) == 1
    assert sorted(p for p in path.rglob("*")) == before


@pytest.mark.parametrize("change", ["content", "same size", "same time", "more", "less", "version"])
def test_a_change_counts(checkout: Checkout, extractions: list[object], change: str) -> None:
    path = checkout({"srt/environ.py": ENVS.format("False"), "srt/more.py": ""})
    file = path / "python/sglang/srt/environ.py"
    settled()
    load_tree(path)
    status = file.stat()
    if change == "content":
        file.write_text(ENVS.format("False") + "    SGLANG_NEW = EnvBool(False)\n")
    elif change in ("same size", "same time"):
        file.write_text(ENVS.format("True "))
        if change == "same time":
            os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "more":
        (path / "python/sglang/srt/new.py").write_text('os.getenv("SGLANG_NEW")\n')
    elif change == "less":
        (path / "python/sglang/srt/more.py").unlink()
    else:
        (path / "python/sglang/version.py").write_text('__version__ = "0.5.18.dev7"\n')
    settled()
    load_tree(path)
    load_tree(path)
    assert len(extractions) == 2


def test_what_was_written_a_moment_ago_isnt_kept(
    checkout: Checkout, extractions: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkout({})
    monkeypatch.setattr(time, "time_ns", lambda: (path / "python").stat().st_mtime_ns)
    load_tree(path)
    load_tree(path)
    assert len(extractions) == 2


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n",
        b"dsv4-env tree 1",
        b"\xff\xfe\n",
        b'dsv4-env tree 1 x 0.5.18 - x\n[["V", "SGLANG_FLAG", "{}"]]',
        b"dsv4-env tree 2",
    ],
)
def test_a_broken_file_of_the_cache_is_made_anew(
    checkout: Checkout, extractions: list[object], data: bytes
) -> None:
    path = checkout({})
    settled()
    first = load_tree(path)
    whole = kept().read_bytes()
    kept().write_bytes(data)
    assert load_tree(path) == first
    assert len(extractions) == 2
    assert kept().read_bytes() == whole


def test_a_changed_body_or_the_file_of_another_tree_is_made_anew(
    checkout: Checkout, extractions: list[object]
) -> None:
    path = checkout({})
    settled()
    first = load_tree(path)
    kept().write_bytes(kept().read_bytes().replace(b"SGLANG_FLAG", b"SGLANG_LIES"))
    assert load_tree(path) == first
    other = shutil.copytree(path, path.parent / f"{path.name}-copy")
    mine = kept().read_bytes()
    (other / "python/sglang/srt/environ.py").write_text(ENVS.format("True"))
    settled()
    name = kept().name
    load_tree(other)
    folder = cache.folder()
    assert folder is not None
    (theirs,) = [p for p in folder.iterdir() if p.name != name]
    theirs.write_bytes(mine)
    assert load_tree(other).variables["SGLANG_FLAG"].default == "true"
    assert len(extractions) == 4


def test_the_commit_or_the_version(checkout: Checkout) -> None:
    path = checkout({"version.py": '__version__ = "0.5.18.dev7"\n'})
    assert load_tree(path).label == "the tree's own SGLang (python/sglang, at 0.5.18.dev7)"
    git = ["git", "-C", str(path), "-c", "user.name=n", "-c", "user.email=e", "-c"]
    git += ["commit.gpgsign=false"]
    subprocess.run([*git, "init", "-q"], check=True)
    assert load_tree(path).label.endswith("at 0.5.18.dev7)")  # no commit yet
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "m"], check=True)
    head = subprocess.run(
        [*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True
    ).stdout
    assert load_tree(path).label == f"the tree's own SGLang (python/sglang, at {head[:9]})"


def test_a_repository_around_a_tree_has_other_commits(checkout: Checkout, tmp_path: Path) -> None:
    path = checkout({})
    subprocess.run(["git", "-C", str(path), "init", "-q"], check=True)
    inner = path / "third_party" / "sglang"
    shutil.copytree(path / "python", inner / "python")
    assert find(inner) == inner
    assert load_tree(inner).label == LABEL


@pytest.mark.parametrize("release", releases())
def test_a_tree_stands_behind_the_release_that_it_is_nearest_to(
    checkout: Checkout, release: str
) -> None:
    known = load(release)
    names = [n for n, v in known.variables.items() if v.in_envs]
    envs = "class Envs:\n" + "".join(f"    {n} = EnvBool(False)\n" for n in names)
    flags = "".join(f"        parser.add_argument({f!r})\n" for f in known.arguments)
    args = f"class ServerArgs:\n    def add_cli_args(parser):\n{flags}"
    path = checkout({"srt/environ.py": envs, "srt/server_args.py": args})
    found = load_tree(path)
    assert load(found.base).option_strings() == known.option_strings()
    assert history.before(found)[-1] == found.base
    assert history.before(known) == history.older(release)


HOSTILE = {
    "no class": {"srt/environ.py": "x = 1\n"},
    "not Python": {"srt/environ.py": "def (\n"},
    "another layout": {"srt/server_args.py": "class Args: ...\n"},
    "classes in a circle": {
        "srt/environ.py": (
            "class A(B): ...\nclass B(A): ...\nclass Envs:\n    SGLANG_FLAG = A(False)\n"
        )
    },
    "exponential": {
        "srt/environ.py": "class Envs:\n    SGLANG_FLAG = EnvTuple(A0)\n"
        + "".join(f"A{i} = [{f'A{i + 1}, ' * 4}]\n" for i in range(13))
        + "A13 = 1\n"
    },
    "one place after the other": {
        "srt/more.py": 'x = os.environ["SGLANG_A"]\n' * 100_000,
    },
    "helpers": {
        "srt/more.py": "".join(
            f"def f{i}(name):\n    return os.getenv(name)\n" for i in range(25_000)
        )
    },
    "one long line": {"srt/environ.py": ENVS.format("a") + "#" + " a," * 1_000_000},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_a_stranger_wrote_is_one_error_soon(checkout: Checkout, name: str) -> None:
    path = checkout(HOSTILE[name])
    before = time.monotonic()
    said = ""
    try:
        load_tree(path)
    except ReadError as error:
        said = str(error)
    assert "\n" not in said
    assert name != "exponential" or f"it takes more than {STEPS:,} steps to follow" in said
    assert time.monotonic() - before < 60


def test_names_with_line_breaks_blanks_and_control_characters(checkout: Checkout) -> None:
    args = (
        "class ServerArgs:\n    def add_cli_args(parser):\n"
        "        parser.add_argument('--a b\\nV SGLANG_X {}', default='\\x1b[31m')\n"
    )
    path = checkout({"srt/server_args.py": args, "srt/a\n- V b.py": "os.getenv(f(x))\n"})
    settled()
    first = load_tree(path)
    assert kept().is_file()
    again = load_tree(path)
    assert again == first
    assert list(again.arguments) == ["--a b\\x0aV SGLANG_X {}"]
    assert again.unresolved == ("variable f(x) in srt/a\\x0a- V b.py: its name is computed",)
    half = args.replace("\\x1b[31m", "\\ud800")
    with pytest.raises(ReadError, match=r"none that SGLang ever had \(UnicodeEncodeError\)"):
        load_tree(checkout({"srt/server_args.py": half}))


@pytest.mark.parametrize(
    "value",
    [
        "'a' * 10**12",
        "[1] * 10**10",
        "10**10 * (1,)",
        "(1 << 120) ** 127 ** 2",
        "((10**100) ** 100) ** 100",
        "[['a'] * 1000] * 1000 + ['b'] * 100000",
        "{[]: 1}",
        "{[], 1}",
        "1 << -1",
        "-'a'",
        "'a' + 1",
        "1 << 'a'",
    ],
)
def test_a_value_of_unheard_of_size_or_no_sense_isnt_resolved(
    checkout: Checkout, value: str
) -> None:
    path = checkout({"srt/environ.py": ENVS.format(value)})
    (reading,) = load_tree(path).variables["SGLANG_FLAG"].readings
    assert reading.default is None
    assert reading.computed


def test_which_catalogue_counts(checkout: Checkout, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    path = checkout({"srt/environ.py": ENVS.format("False")})
    inside = path / "python"
    trees = Trees()
    own = load_tree(path)
    for release in (None, "tree"):
        assert trees.fitting(release, ["<0.5.13"], [outside, inside]) == (own, None)
    assert trees.fitting("0.5.13", [], [inside]) == (load("0.5.13"), None)
    assert trees.fitting(None, ["<0.5.13"], [Path("/")]) == (load("0.5.12.post1"), None)
    with pytest.raises(ReadError, match="no SGLang to read as the tree's own") as caught:
        trees.fitting("tree", [], [Path("/")])
    assert "python/sglang/srt/server_args.py" in str(caught.value)


def test_a_tree_that_cant_be_read(checkout: Checkout) -> None:
    path = checkout({"srt/environ.py": "x = 1\n"})
    trees = Trees()
    found, note = trees.fitting(None, ["<0.5.13"], [path])
    assert found.release == "0.5.12.post1"
    assert note is not None
    assert note.startswith("the tree's own SGLang can't be read: ")
    assert "no class Envs; expected SGLang 0.5.11 or newer" in note
    with pytest.raises(ReadError, match="no class Envs"):
        trees.fitting("tree", [], [path])
