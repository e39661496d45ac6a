"""Edits of Python files: only literals change, and elements come and go in the file's style."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from dsv4_env.catalogue import load
from dsv4_env.compare.differences import Difference
from dsv4_env.compare.findings import compared
from dsv4_env.compare.normalise import with_model
from dsv4_env.model import LaunchConfig, Origin, ServerArg
from dsv4_env.profile import load_profile
from dsv4_env.readers import python
from dsv4_env.writeback import EditJob, Outcome, edit_text, source
from dsv4_env.writeback.python import propose
from tests.conftest import amd_tests
from tests.unit.readers.python.test_facts import written
from tests.unit.writeback.test_bash import profile

HEAD = "import os\n"
LAUNCH = 'p = popen_launch_server("m", "u", timeout=1, other_args=args, env=env)\n'


def brought(
    text: str, to: LaunchConfig, *, release: str | None = None, prune: bool = False
) -> Outcome:
    catalogue = load(release) if release else None

    def differ(launch: LaunchConfig) -> list[Difference]:
        return compared(to, launch, catalogue=catalogue)

    return edit_text(
        EditJob(to, 0, lambda t: python.read_all(t, "t.py"), differ, propose, prune), text
    )


def with_flags(env: dict[str, str] | None = None, **args: Any) -> LaunchConfig:
    """A profile; a test's launch names its model first."""
    found = profile(env, **args)
    model = ServerArg("--model-path", ("m",), Origin("p"))
    return LaunchConfig("p", "profile", found.env, (model, *(found.args or ())))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('env = {"A": "1"}  # x', 'env = {"A": "2"}  # x'),
        ("env = {'A': '1',}", "env = {'A': '2',}"),
        ('env = {"A": r"1"}', 'env = {"A": "2"}'),
        ('env = {"A": "x" "y"}', 'env = {"A": "2"}'),
        ('env = {"A": """1"""}', 'env = {"A": "2"}'),
        ('env = {"A": f"1"}', 'env = {"A": "2"}'),
        ('env = {"A": str(1)}', 'env = {"A": str(2)}'),
        ('env = dict(A="1")', 'env = dict(A="2")'),
        ('env = dict([("A", "1")])', 'env = dict([("A", "2")])'),
        ('env = {}\nenv["A"] = "1"', 'env = {}\nenv["A"] = "2"'),
        ('env = {}\nenv.update({"A": "1"})', 'env = {}\nenv.update({"A": "2"})'),
        ('env = {}\nenv.setdefault("A", "1")', 'env = {}\nenv.setdefault("A", "2")'),
        ('env = None\nos.environ["A"] = "1"', 'env = None\nos.environ["A"] = "2"'),
        ('V = "1"\nenv = {"A": V}', 'V = "2"\nenv = {"A": V}'),
        ('V = "1"\nW = V\nenv = {"A": W}', 'V = "2"\nW = V\nenv = {"A": W}'),
        ('env = {"A": os.environ.get("A", "1")}', 'env = {"A": os.environ.get("A", "2")}'),
        ('env = {"A": os.getenv("X") or "1"}', 'env = {"A": os.getenv("X") or "2"}'),
    ],
)
def test_a_variable_gets_another_value(before: str, after: str) -> None:
    tail = f"\nargs = []\n{LAUNCH}"
    outcome = brought(HEAD + before + tail, with_flags({"A": "2"}))
    assert (outcome.text, outcome.refused) == (HEAD + after + tail, [])


@pytest.mark.parametrize(
    ("value", "double", "single"),
    [
        ("it's", '"it\'s"', '"it\'s"'),
        ('a"b', "'a\"b'", "'a\"b'"),
        ("'\"\\", '"\'\\"\\\\"', "'\\'\"\\\\'"),
        ("a\n\t\x07é", '"a\\n\\t\\x07é"', "'a\\n\\t\\x07é'"),
        ("{x}", '"{x}"', "'{x}'"),
    ],
)
def test_a_literal_is_quoted_as_the_one_before(value: str, double: str, single: str) -> None:
    for quoted, expected in (('"1"', double), ("'1'", single)):
        text = HEAD + "env = {'A': " + quoted + "}\nargs = []\n" + LAUNCH
        outcome = brought(text, with_flags({"A": value}))
        assert outcome.text == text.replace(quoted, expected, 1)
        assert outcome.launch.effective_env["A"].value == value


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('["--tp", "8"]', '["--tp", "4"]'),
        ('["--tp", 8]', '["--tp", 4]'),
        ('["--tp=8"]', '["--tp=4"]'),
        ('["--tp", str(8)]', '["--tp", str(4)]'),
        ('("--tp", "8")', '("--tp", "4")'),
        ('["--tp", os.environ.get("TP", "8")]', '["--tp", os.environ.get("TP", "4")]'),
        ('"--tp 8".split()', '"--tp 4".split()'),
        ('["--tp"] + ["8"]', None),
    ],
)
def test_a_flag_gets_another_value(before: str, after: str | None) -> None:
    text = f"{HEAD}env = {{}}\nargs = {before}\n{LAUNCH}"
    outcome = brought(text, with_flags(tp=["4"]), release="0.5.16")
    expected = text if after is None else f"{HEAD}env = {{}}\nargs = {after}\n{LAUNCH}"
    assert outcome.text == expected
    assert [r.name for r in outcome.refused] == ([] if after else ["--tp"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"A": "1"}', '{"A": "1", "B": "2"}'),
        ("{'A': '1'}", "{'A': '1', 'B': '2'}"),
        ('{\n    "A": "1",\n}', '{\n    "A": "1",\n    "B": "2",\n}'),
        ('{\n    "A": "1"  # x\n}', '{\n    "A": "1",  # x\n    "B": "2"\n}'),
        ('{\n    "A": "1"}', '{\n    "A": "1",\n    "B": "2"}'),
        ('{"A": "1"}\nenv["C"] = "3"  # x', '{"A": "1", "B": "2"}\nenv["C"] = "3"  # x'),
        ("{}\nenv[\"A\"] = '1'\n", "{}\nenv[\"A\"] = '1'\nenv[\"B\"] = '2'\n"),
        ('{**os.environ, "A": "1"}', '{**os.environ, "A": "1", "B": "2"}'),
    ],
)
def test_a_missing_variable_is_added_behind_the_last_key(before: str, after: str) -> None:
    to = {"A": "1", "B": "2"} | ({"C": "3"} if '"C"' in before else {})
    for newline in ("\n", "\r\n"):
        text, expected = (
            f"{HEAD}env = {part}\nargs = []\n{LAUNCH}".replace("\n", newline)
            for part in (before, after)
        )
        outcome = brought(text, with_flags(to))
        assert (outcome.text, outcome.refused) == (expected, [])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('["--a", "1", "--c"]', '["--a", "1", "--b", "2", "--c"]'),
        ('[\n    "--a", "1",  # x\n    "--c",\n]',
         '[\n    "--a", "1",  # x\n    "--b", "2",\n    "--c",\n]'),
        ('[\n    "--a",\n    "1",\n    "--c"\n]',
         '[\n    "--a",\n    "1",\n    "--b",\n    "2",\n    "--c"\n]'),
        ('[\n    "--c",\n    "--a",\n    "1"\n]',
         '[\n    "--c",\n    "--a",\n    "1",\n    "--b",\n    "2"\n]'),
        ('"--a 1 --c".split()', None),
    ],
)  # fmt: skip
def test_a_missing_flag_is_added_behind_the_one_before(before: str, after: str | None) -> None:
    text = f"{HEAD}env = {{}}\nargs = {before}\n{LAUNCH}"
    outcome = brought(text, with_flags(a=["1"], b=["2"], c=[]))
    assert outcome.text == (f"{HEAD}env = {{}}\nargs = {after}\n{LAUNCH}" if after else text)
    assert [r.name for r in outcome.refused] == ([] if after else ["--b"])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"A": "1", "B": "2"}', '{"A": "1"}'),
        ('{"B": "2", "A": "1"}', '{"A": "1"}'),
        ('{\n    "B": "2",  # gone\n    "A": "1",\n}', '{\n    "A": "1",\n}'),
        ('{\n    "A": "1",\n    "B": "2"\n}', '{\n    "A": "1",\n}'),
        ('{"A": "1"}\nenv["B"] = "2"', '{"A": "1"}'),
    ],
)
def test_what_is_too_much_goes_only_when_asked(before: str, after: str) -> None:
    text = f"{HEAD}env = {before}\nargs = []\n{LAUNCH}"
    kept = brought(text, with_flags({"A": "1"}))
    assert (kept.text, kept.extra) == (text, ["B"])
    outcome = brought(text, with_flags({"A": "1"}), prune=True)
    assert outcome.text == f"{HEAD}env = {after}\nargs = []\n{LAUNCH}"


def test_a_flag_that_is_too_much_goes_with_its_values() -> None:
    for before, after in (
        ('["--a", "1", "--b", "2"]', '["--a", "1"]'),
        ('["--b", "2", "--a", "1"]', '["--a", "1"]'),
        ('[\n    "--b", "2",  # x\n    "--a", "1",\n]', '[\n    "--a", "1",\n]'),
        ('[\n    "--a", "1",\n    "--b",\n    "2",\n]', '[\n    "--a", "1",\n]'),
    ):
        text = f"{HEAD}env = {{}}\nargs = {before}\n{LAUNCH}"
        outcome = brought(text, with_flags(a=["1"]), prune=True)
        assert outcome.text == f"{HEAD}env = {{}}\nargs = {after}\n{LAUNCH}"


@pytest.mark.parametrize(
    ("before", "reason"),
    [
        ('V = "1"\nprint(V)\nenv = {"A": V}', "its value is held in V, which is used elsewhere"),
        ('env = {"A": str(True)}', "its value is made by `str(True)`"),
        ('env = {"A": f()}', "`f()` can't be known"),
        ('env = {"A": "1"}\nif f():\n    env["A"] = "3"', "it depends on a condition"),
        ('env = {n: "1" for n in ("A", "C")}', "no edit at the place"),
    ],
)
def test_what_is_not_safe_is_refused_with_its_place(before: str, reason: str) -> None:
    text = f"{HEAD}{before}\nargs = []\n{LAUNCH}"
    outcome = brought(text, with_flags({"A": "2"}))
    (refused,) = outcome.refused
    assert refused.reason.startswith(reason)
    assert refused.location is not None
    assert outcome.text == text


@pytest.mark.parametrize(
    ("data", "value", "expected"),
    [
        (b"\xef\xbb\xbfenv = {'A': '1'}\r\n", "\u00e9", b"'\xc3\xa9'"),
        (
            b"# -*- coding: latin-1 -*-\n# \xe9\nenv = {'A': '1'}\n",
            "\u00e9\u20ac",
            b"'\xe9\\u20ac'",
        ),
        (b"env = {'A': '1'}\n", "a", b"'a'"),
    ],
)
def test_encoding_and_byte_order_mark_stay(
    data: bytes, value: str, expected: bytes, tmp_path: Path
) -> None:
    path = tmp_path / "t.py"
    rest = b"args = []\n" + LAUNCH.strip().encode()  # no newline at the end
    path.write_bytes(data + rest)
    opened = source.open_for_edit(
        path, None, None, None, inputs={}, args=None, closed=False, root=None
    )
    to = with_flags({"A": value})
    outcome = source.edit_file(opened, to, lambda c: compared(to, c), prune=False, shared=False)
    assert outcome.refused == []
    source.save(opened, outcome, lambda c: compared(to, c), force=False)
    assert path.read_bytes() == data.replace(b"'1'", expected) + rest


@pytest.mark.parametrize("fact", amd_tests(), ids=lambda f: f"{f['path'][-8:-3]}-{f['commit'][:8]}")
def test_every_version_of_the_amd_tests(fact: dict[str, Any]) -> None:
    name = Path(fact["path"]).stem.removeprefix("test_deepseek_v4_").replace("_", "-")
    to = with_model(load_profile(name))
    text = written(fact)
    outcome = edit_text(
        EditJob(
            to,
            0,
            lambda t: python.read_all(t, "t.py"),
            lambda c: compared(to, c),
            propose,
            prune=True,
        ),
        text,
    )
    assert outcome.refused == []
    assert {d.kind for d in compared(to, outcome.launch)} <= {"reordered"}
    kept = [line for line in text.splitlines() if not line.startswith("    '")]
    assert len([line for line in outcome.text.splitlines() if line in kept]) >= len(kept) - 3
