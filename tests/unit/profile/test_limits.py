"""The limits between settings that layers state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from dsv4_env import load_profile
from dsv4_env.model.errors import ProfileError
from dsv4_env.profile import locked_all
from dsv4_env.profile.profile import layer_files

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = """\
overlay = true
[[limits]]
product = ["--max-running-requests", "--cuda-graph-max-bs"]
at-most = ["TOKENS", "2"]
source.path = "docs.md"
"""


def write(folder: Path, **layers: str) -> Path:
    for name, text in layers.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


def limited(folder: Path, text: str, limit: str = LIMIT) -> str | None:
    """What is said against the profile with the overlay."""
    write(folder, mine=text, low=limit)
    try:
        load_profile("mine+low", folder)
    except ProfileError as exc:
        return str(exc).replace(f"{folder}/", "")
    return None


def test_a_product_is_at_most_another_one(tmp_path: Path) -> None:
    text = '[env]\nTOKENS = {}\n[args]\n--max-running-requests = "{}"\n'
    text += '--cuda-graph-max-bs-decode = "4"\n'  # as another release spells it
    assert limited(tmp_path, text.format('"64"', 32)) is None
    assert limited(tmp_path, text.format('"64"', 33)) == (
        "mine.toml:4:1: mine+low: --max-running-requests (mine.toml:4:1) × "
        "--cuda-graph-max-bs-decode (mine.toml:5:1) = 33 × 4 = 132 is more than TOKENS "
        "(mine.toml:2:1) × 2 = 64 × 2 = 128 (limit of low at low.toml:3:1; from docs.md); "
        "expected at most 128"
    )
    assert limited(tmp_path, text.format('{ default = "64" }', 33)) is not None
    with pytest.raises(ProfileError, match="is more than TOKENS"):
        locked_all(layer_files(write(tmp_path, over='extends = ["mine"]\n' + LIMIT[15:])))


@pytest.mark.parametrize(
    "text",
    [
        '[env]\nTOKENS = "1"\n[args]\n--max-running-requests = "9"\n',  # one isn't set
        '[env]\nTOKENS = "x"\n[args]\n--max-running-requests = "9"\n--cuda-graph-max-bs = "9"\n',
        "[env]\nTOKENS = {from-environment = true}\n"
        '[args]\n--max-running-requests = "9"\n--cuda-graph-max-bs = "9"\n',
        '[env]\nTOKENS = "1"\n[args]\n--max-running-requests = true\n--cuda-graph-max-bs = "9"\n',
    ],
)
def test_what_is_not_known_says_nothing(tmp_path: Path, text: str) -> None:
    assert limited(tmp_path, text) is None


@pytest.mark.parametrize(
    ("condition", "holds"),
    [('hardware = "b200"', True), ('hardware = "mi355x"', False), ('sglang = "<0.5.13"', False)],
)
def test_a_limit_has_conditions(tmp_path: Path, condition: str, holds: bool) -> None:
    limit = f'overlay = true\nlimits = [{{ {condition}, product = "--tp", at-most = "8" }}]\n'
    text = '[[targets]]\nhardware = "b200"\n[args]\n--tp = "16"\n'
    said = limited(tmp_path, text, limit)
    assert (said is not None) is holds
    if said:
        assert said.endswith("(limit of low at low.toml:2:32; when b200); expected at most 8")


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ('product = "a b"\nat-most = "1"', "2:11: bad name 'a b'; expected variables, flags and"),
        ('product = []\nat-most = "1"', "2:11: limits.0.product is []; expected a string, or"),
        ('product = "--tp"', "1:3: limits.0 has no at-most; expected at-most = …"),
        ('product = "A"\nat-most = "1"\nhardware = "b20"', "4:12: no hardware is called 'b20'"),
    ],
)
def test_a_wrong_limit_has_its_place(tmp_path: Path, limit: str, message: str) -> None:
    write(tmp_path, mine=f"[[limits]]\n{limit}\n")
    with pytest.raises(ProfileError) as caught:
        load_profile("mine", tmp_path)
    assert message in str(caught.value).replace(f"{tmp_path}/mine.toml:", "")


@pytest.mark.parametrize(
    ("base", "over", "args", "message"),
    [
        (
            "flash-fp4",
            "cp",
            '--tp = "16"',
            "--tp (more.toml:4:1) = 16 is more than 8 (limit of",
        ),
        (
            "flash-fp4",
            "deepep",
            '--max-running-requests = "8192"',
            "= 8,192 × 2 = 16,384 is more than SGLANG_DEEPEP_NUM_MAX_DISPATCH_TOKENS_PER_RANK (",
        ),
        (
            "flash-fp8",
            "megamoe",
            '--chunked-prefill-size = "16384"',
            "= 16,384 is more than SGLANG_OPT_DEEPGEMM_MEGA_MOE_NUM_MAX_TOKENS_PER_RANK (",
        ),
    ],
)
def test_limits_of_what_ships(
    tmp_path: Path, base: str, over: str, args: str, message: str
) -> None:
    hardware, mtp = ("h200", "") if over == "megamoe" else ("b200", "+mtp")
    write(
        tmp_path,
        mine=f'extends = ["{base}"]\n',
        more=f'overlay = true\nextends = ["{over}"]\n[args]\n{args}\n',
    )
    with pytest.raises(ProfileError) as caught:
        load_profile(f"mine+{over}+more{mtp}@{hardware}", tmp_path)
    assert message in str(caught.value).replace(f"{tmp_path}/", "")
