from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from dsv4_env.catalogue import checkout as module
from dsv4_env.catalogue.checkout import find, walk
from dsv4_env.model.errors import ReadError

Checkout = Callable[[dict[str, str]], Path]


def test_a_checkout_is_found_from_any_folder_within(checkout: Checkout, tmp_path: Path) -> None:
    assert find(tmp_path) is None
    path = checkout({"test/a/b.py": ""})
    assert find(path) == path
    assert find(path / "python" / "sglang" / "test" / "a") == path
    assert find(path / "no" / "such") == path
    assert find(path.parent) is None
    assert find(Path(f"{path}/\0")) == path


def test_a_path_relative_to_the_working_folder(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = checkout({})
    monkeypatch.chdir(path / "python")
    assert find(Path()) == path


def test_the_files_of_a_catalogue(checkout: Checkout, tmp_path: Path) -> None:
    path = checkout({"a.py": "", "b.txt": "", "c/d.cu": "x", ".hidden/e.py": "", ".f.py": ""})
    base = path / "python"
    outside = tmp_path / "outside.py"
    outside.write_text("secret")
    (base / "sglang" / "out.py").symlink_to(outside)
    (base / "sglang" / "in.py").symlink_to("a.py")
    (base / "sglang" / "folder").symlink_to(base / "sglang" / "c")
    (base / "pyproject.toml").write_text("")
    found = walk(base)
    assert [name for name, _ in found] == [
        "pyproject.toml",
        "sglang/a.py",
        "sglang/c/d.cu",
        "sglang/in.py",
        "sglang/srt/environ.py",
        "sglang/srt/server_args.py",
    ]
    assert dict(found)["sglang/c/d.cu"].st_size == 1
    assert walk(tmp_path / "nowhere") == []


def test_more_than_any_sglang_is_refused(
    checkout: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    base = checkout({"a.py": "x" * 50}) / "python"
    monkeypatch.setattr(module, "MAX_TOTAL", 49)
    with pytest.raises(ReadError, match="bytes of source; expected at most 49 bytes of source"):
        walk(base)
    monkeypatch.setattr(module, "MAX_FILES", 2)
    with pytest.raises(ReadError, match="more files than any SGLang; expected at most 2"):
        walk(base)
