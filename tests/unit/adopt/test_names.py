"""What launches are called by their files."""

from __future__ import annotations

import pytest

from dsv4_env.adopt.names import _WORDS, names, shared_words
from dsv4_env.model import LaunchConfig


def called(*paths: str, symbols: tuple[str, ...] = ()) -> list[str]:
    found = []
    for i, path in enumerate(paths):
        symbol = symbols[i] if symbols else None
        found.append((path, LaunchConfig(path, "python", (), (), symbol=symbol)))
    return [str(n) for n in names(found)]


@pytest.mark.parametrize(
    ("paths", "expected"),
    [
        (["t/test_deepseek_v4_pro_fp4_mtp.py"], ["deepseek-v4-pro-fp4-mtp"]),
        (
            ["t/test_v4_pro_fp4.py", "t/test_v4_pro_fp4_mtp.py", "t/test_v4_pro_fp8.py"],
            ["pro-fp4", "pro-fp4+mtp", "pro-fp8"],
        ),
        # What is an addition of its own somewhere is one elsewhere, in any order.
        (
            ["test_pro_tbo_mtp.py", "test_pro_mtp.py", "test_pro.py", "test_pro_tbo.py"],
            ["pro+mtp+tbo", "pro+mtp", "pro", "pro+tbo"],
        ),
        (
            ["test_pro.py", "test_pro_long_context.py", "test_pro_mtp_long_context.py"],
            ["pro", "pro+long-context", "pro+long-context+mtp"],
        ),
        # A precision is no overlay, and no name is its profile's that isn't there.
        (["test_pro.py", "test_pro_fp8.py"], ["pro", "pro-fp8"]),
        (["test_flash_mtp.py", "test_pro_mtp.py"], ["flash-mtp", "pro-mtp"]),
        (["a/run_dsv4.sh", "b/run_dsv4.sh"], ["dsv4", "dsv4+2"]),
    ],
)
def test_names(paths: list[str], expected: list[str]) -> None:
    assert called(*paths) == expected


def test_a_file_with_several_launches_is_told_by_its_classes() -> None:
    symbols = ("TestFlashFP4.setUpClass", "TestProFP4.setUpClass", "TestProFP4MTP.setUpClass")
    assert called("t/test_v4.py", "t/test_v4.py", "t/test_v4.py", symbols=symbols) == [
        "flash-fp4",
        "pro-fp4",
        "pro-fp4+mtp",
    ]


def test_the_folder_of_files() -> None:
    assert shared_words(["test/registered/amd/a.py", "test/registered/amd/b.py"]) == ("amd",)
    assert shared_words(["a.py"]) == ("shared",)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("TestTBOwithNormal", ["Test", "TBO", "with", "Normal"]),
        ("MTPWithTBO", ["MTP", "With", "TBO"]),
        ("MegaMoEA2A", ["Mega", "MoE", "A2A"]),
        ("TestDSparkFp4", ["Test", "DSpark", "Fp4"]),
        ("DPAttention", ["DP", "Attention"]),
    ],
)
def test_the_words_of_a_class(name: str, words: list[str]) -> None:
    assert _WORDS.findall(name) == words
