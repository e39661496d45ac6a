import os

import pytest

ENV = {"A": "1", "B": "2"}


def test_each(monkeypatch):
    for name, value in ENV.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("NUMBER", 3)
    monkeypatch.setenv("PATH", "x", prepend=":")
    monkeypatch.delenv("B", raising=False)
    popen_launch_server("m", "u", 600, other_args=[])


def test_item():
    args = {"C": "1"}
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(os.environ, "A", "4")
        patch.setitem(args, "C", "2")
        patch.delitem(os.environ, "GONE")
        popen_launch_server("m", "u", 600, other_args=[], env=args)


def test_unknown(monkeypatch):
    for name in names():
        monkeypatch.setenv(name, "1")
    popen_launch_server("m", "u", 600, other_args=[])


def test_condition(monkeypatch):
    if slow():
        monkeypatch.setenv("A", "5")
    popen_launch_server("m", "u", 600, other_args=[])


def configure(patch):
    patch.setenv("A", "6")


def test_helper(monkeypatch):
    for _ in range(rounds()):
        configure(monkeypatch)
    popen_launch_server("m", "u", 600, other_args=[])


def test_after(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setenv("A", "7")
    popen_launch_server("m", "u", 600, other_args=[])
