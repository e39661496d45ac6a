"""What is kept holds as long as every question to the disk is answered as it was."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsv4_env.guard import asked, files
from dsv4_env.guard.kept import Kept, is_keeping, kept
from dsv4_env.model.errors import ReadError
from dsv4_env.model.secrets import known_spans, meet, session


class Counted:
    """A piece of work that says how often it was done."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.work = work
        self.times = 0

    def __call__(self) -> object:
        self.times += 1
        return self.work()


def answered(store: Kept, work: Counted, given: object = None) -> object:
    with store.round():
        return kept("work", given, work)


def test_nothing_is_kept_outside_of_a_round(tmp_path: Path) -> None:
    work = Counted(lambda: files.is_file(tmp_path / "a"))
    assert [kept("work", None, work) for _ in range(2)] == [False, False]
    assert work.times == 2
    assert not is_keeping()
    with Kept().round():
        assert is_keeping()


def _write(path: Path) -> None:
    path.write_text("other")


def _same_size_and_time(path: Path) -> None:
    before = path.stat()
    path.write_text("bbb")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def _by_rename(path: Path) -> None:
    path.with_name("new").write_text("new")
    path.with_name("new").rename(path)


def _link(path: Path, target: str) -> None:
    path.unlink()
    path.symlink_to(target)


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


CHANGES: dict[str, tuple[Callable[[Path], object], Callable[[Path], None]]] = {
    "bytes": (files.read_bytes, _write),
    "same size and time": (files.read_bytes, _same_size_and_time),
    "renamed over": (files.read_bytes, _by_rename),
    "link": (files.real, lambda p: _link(p, "other")),
    "gone": (files.is_file, Path.unlink),
    "a folder now": (files.is_dir, _folder),
    "link to nothing": (files.leads_somewhere, lambda p: _link(p, "nothing")),
    "nothing there": (files.is_there, Path.unlink),
    "no name": (lambda p: asked.holds_name(str(p.parent), p.name), Path.unlink),
    "ending": (lambda p: asked.names_ending(str(p.parent), "a"), Path.unlink),
    "checkout": (files.checkout, lambda p: (p.parent / "pyproject.toml").touch()),
    "within": (lambda p: files.is_within(p, p.parent), lambda p: _link(p, "/dev/null")),
    "unreadable": (files.read_bytes, Path.unlink),
}


@pytest.mark.parametrize("change", CHANGES)
def test_an_answer_holds_until_its_question_is_answered_otherwise(
    change: str, tmp_path: Path
) -> None:
    path = tmp_path / "a"
    path.write_text("aaa")
    ask, happens = CHANGES[change]
    work = Counted(lambda: _or_error(ask, path))
    store = Kept()
    first = answered(store, work)
    (tmp_path / "beside").write_text("what nobody asked for")
    assert answered(store, work) == first
    assert work.times == 1
    happens(path)
    assert answered(store, work) != first
    assert work.times == 2


def _or_error(ask: Callable[[Path], object], path: Path) -> object:
    try:
        return ask(path)
    except ReadError as exc:
        return str(exc)


def test_a_round_asks_each_question_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a"
    path.write_text("a")
    store = Kept()
    for _ in range(2):
        with store.round():
            for name in "xyz":
                kept(name, None, lambda: files.read_bytes(path))
    opened: list[object] = []
    was = os.open

    def counted(*args: Any) -> int:
        opened.append(args)
        return was(*args)

    monkeypatch.setattr(os, "open", counted)
    with store.round():
        for name in "xyz":
            kept(name, None, lambda: files.read_bytes(path))
    assert len(opened) == 1


def test_an_error_is_kept_and_raised_as_one_of_its_own(tmp_path: Path) -> None:
    work = Counted(lambda: files.read_bytes(tmp_path / "a"))
    store = Kept()
    for _ in range(2):
        with pytest.raises(ReadError, match=r"no such file or directory$") as caught:
            answered(store, work)
        caught.value.found += " (who caught it may add to it)"
    assert work.times == 1
    (tmp_path / "a").write_text("there now")
    assert answered(store, work) == b"there now"


def test_what_it_is_given_counts_too() -> None:
    work = Counted(lambda: 1)
    store = Kept()
    for given in ("a", "a", "b", "a"):
        answered(store, work, given)
    assert work.times == 3


def test_an_answer_made_of_others_holds_as_long_as_they_do(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("a")
    inner = Counted(lambda: files.read_bytes(path))
    outer = Counted(lambda: kept("inner", None, inner))
    store = Kept()
    with store.round():
        kept("inner", None, inner)
    for _ in range(2):  # the inner one was kept before: what it asked is asked for the outer one
        assert answered(store, outer) == b"a"
    assert (inner.times, outer.times) == (1, 1)
    path.write_text("b")
    assert answered(store, outer) == b"b"
    assert (inner.times, outer.times) == (2, 2)


def test_what_changes_while_it_is_asked_is_not_kept(tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text("a")

    def torn() -> object:
        first = files.read_bytes(path)
        path.write_bytes(first + b"a")
        return files.read_bytes(path)

    work = Counted(torn)
    store = Kept()
    assert [answered(store, work) for _ in range(2)] == [b"aa", b"aaa"]


def test_a_round_in_another_folder_or_environment_knows_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    work = Counted(lambda: files.is_file("a"))
    store = Kept()
    answered(store, work)
    monkeypatch.setenv("DSV4_ENV_SGLANG", "0.5.13")
    answered(store, work)
    (tmp_path / "b").mkdir()
    monkeypatch.chdir("b")
    answered(store, work)
    answered(store, work)
    assert work.times == 3


def test_secrets_that_it_met_are_met_again() -> None:
    def work() -> int:
        meet(("HF_TOKEN", "hf_canaryCANARYcanary"))
        return 1

    store = Kept()
    for _ in range(2):
        with session():
            assert known_spans("hf_canaryCANARYcanary") == []
            with store.round():
                kept("work", None, work)
            assert known_spans("hf_canaryCANARYcanary") == [(0, 21)]


def test_files_that_it_looked_for_are_told_again(tmp_path: Path) -> None:
    work = Counted(lambda: files.looked_at(tmp_path / "sourced.sh"))
    store = Kept()
    told = []
    for wanted in (False, True, True):
        with files.looking(wanted) as found:
            answered(store, work)
        told.append(found)
    assert told == [set(), {str(tmp_path / "sourced.sh")}, {str(tmp_path / "sourced.sh")}]
    assert work.times == 2


def test_a_round_tells_what_it_depends_on(tmp_path: Path) -> None:
    work = Counted(lambda: files.read_bytes(tmp_path / "a"))
    (tmp_path / "a").write_text("a")
    store = Kept()
    for _ in range(2):
        with store.round() as trail:
            kept("work", None, work)
        assert [args[0] for _, args, _ in trail.answers] == [tmp_path / "a"]
