from __future__ import annotations

import importlib.metadata
import zipfile
from datetime import date
from typing import TYPE_CHECKING, TypeAlias

import pytest

from dsv4_env.catalogue.extract import build_snapshot, build_snapshots, extract
from dsv4_env.catalogue.extract.source import CHECKOUT, newest_file
from dsv4_env.model.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

Wheel: TypeAlias = "Callable[..., Path]"

Checkout: TypeAlias = "Callable[[dict[str, str]], Path]"

ENVIRON = "class Envs:\n    SGLANG_FLAG = EnvBool(False)\n"
SERVER_ARGS = """
class ServerArgs:
    def add_cli_args(parser):
        parser.add_argument("--model-path")
"""
FILES = {"srt/environ.py": ENVIRON, "srt/server_args.py": SERVER_ARGS}


def test_a_wheel_says_its_release(wheel: Wheel) -> None:
    catalogue = extract(wheel(FILES, version="0.5.12"))
    assert catalogue.release == "0.5.12"
    assert list(catalogue.variables) == ["SGLANG_FLAG"]
    assert list(catalogue.arguments) == ["--model-path"]


def test_a_checkout_and_its_python_folder_are_the_same(
    checkout: Checkout,
) -> None:
    path = checkout(FILES)
    whole, inner = extract(path), extract(path / "python")
    assert whole.variables == inner.variables
    assert whole.release == CHECKOUT


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("_version.py", "__version__ = version = '0.5.14'\n"),
        ("version.py", '__version__ = "0.5.14"'),
    ],
)
def test_a_checkout_may_say_its_release(checkout: Checkout, name: str, text: str) -> None:
    assert extract(checkout({**FILES, name: text})).release == "0.5.14"


def test_an_installation_is_read_through_its_record(
    wheel: Wheel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    (site / "sglang" / "srt").mkdir(parents=True)
    for name, text in FILES.items():
        (site / "sglang" / name).write_text(text)
    info = site / "sglang-0.5.20.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sglang\nVersion: 0.5.20\n")
    (info / "RECORD").write_text("".join(f"sglang/{name},,\n" for name in FILES))
    monkeypatch.syspath_prepend(str(site))
    catalogue = extract()
    assert (catalogue.release, catalogue.label) == ("0.5.20", "installed")
    assert list(catalogue.variables) == ["SGLANG_FLAG"]
    (info / "RECORD").write_text("")
    with pytest.raises(ReadError, match="give the path of the checkout"):
        extract()


def test_nothing_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "distribution", missing)
    with pytest.raises(ReadError, match="isn't installed"):
        extract()


def refusal(where: Path) -> str:
    with pytest.raises(ReadError) as caught:
        extract(where)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_isnt_there(tmp_path: Path) -> None:
    assert "no such file or folder" in refusal(tmp_path / "x.whl")


def test_a_malformed_wheel_names_the_nearest_release(tmp_path: Path) -> None:
    path = tmp_path / "sglang-0.5.14-py3-none-any.whl"
    path.write_bytes(b"PK but no zip")
    message = refusal(path)
    assert "not a readable wheel" in message
    assert "the shipped catalogue of 0.5.14" in message


def test_a_damaged_member(wheel: Wheel) -> None:
    path = wheel(FILES)
    data = path.read_bytes()
    path.write_bytes(data.replace(b"SGLANG_FLAG", b"SGLANG_FLOG", 1))
    assert "is damaged" in refusal(path)


def test_a_foreign_wheel(wheel: Wheel) -> None:
    message = refusal(wheel({"srt/environ.py": ""}, name="vllm", version="0.9.1"))
    assert "a wheel of vllm; expected a wheel of sglang" in message


def test_a_zip_file_that_is_no_wheel(wheel: Wheel, tmp_path: Path) -> None:
    import zipfile

    path = tmp_path / "x.zip"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("a.txt", "a")
    assert "a zip file without wheel metadata" in refusal(path)


def test_a_checkout_of_another_project(tmp_path: Path) -> None:
    (tmp_path / "setup.py").write_text("")
    message = refusal(tmp_path)
    assert "a folder without sglang/srt/environ.py" in message
    assert "the shipped catalogue of 0.5.23" in message


def test_a_wheel_without_server_args(wheel: Wheel) -> None:
    assert "no sglang/srt/server_args.py in it" in refusal(wheel({"srt/environ.py": ENVIRON}))


def test_a_snapshot_of_a_newer_release_stands_against_the_newest(
    wheel: Wheel,
) -> None:
    release, text = build_snapshot(wheel(FILES, version="0.6.0"))
    assert release == "0.6.0"
    assert 'V SGLANG_FLAG {"readings":[{"via":"Envs","kind":"bool","default":"false"}]' in text
    assert "- A --tp-size\n" in text


def test_a_checkout_that_says_no_release_is_of_the_one_asked_for(checkout: Checkout) -> None:
    path = checkout(FILES)
    with pytest.raises(ReadError, match="no catalogue of SGLang 'checkout'"):
        build_snapshot(path)
    release, text = build_snapshot(path, release="0.6.0")
    assert release == "0.6.0"
    assert "V SGLANG_FLAG " in text
    assert (
        build_snapshot(
            checkout({**FILES, "version.py": '__version__ = "0.5.23"'}), release="0.6.0"
        )[0]
        == "0.5.23"
    )


def test_a_snapshot_between_two_releases_states_what_changed_since_the_one_before(
    wheel: Wheel,
) -> None:
    release, text = build_snapshot(wheel(FILES, version="0.5.17.post1"))
    assert release == "0.5.17.post1"
    assert "- V SGLANG_LOG_GC\n" in text
    assert "V SGLANG_FLAG " in text


def test_no_snapshot_before_the_first_release(wheel: Wheel) -> None:
    with pytest.raises(ReadError, match=r"no catalogue of SGLang '0\.5\.10'.*0\.5\.11\?"):
        build_snapshot(wheel(FILES, version="0.5.10"))


def test_all_snapshots_at_once(wheel: Wheel, tmp_path: Path) -> None:
    one = wheel(FILES, version="0.5.12")
    more = {**FILES, "srt/environ.py": ENVIRON + "    SGLANG_NEW = EnvBool(False)\n"}
    two = wheel(more, version="0.5.99")
    with zipfile.ZipFile(two, "a") as archive:
        archive.writestr(zipfile.ZipInfo("sglang/late.py", (2027, 1, 2, 23, 59, 58)), "")
    texts, dates = build_snapshots({"0.5.12": one, "0.5.99": two})
    assert [line.split()[:2] for line in texts["0.5.12"].splitlines()] == [
        ["A", "--model-path"],
        ["V", "SGLANG_FLAG"],
    ]
    assert [line.split()[:2] for line in texts["0.5.99"].splitlines()] == [["V", "SGLANG_NEW"]]
    assert dates == {"0.5.12": date(2026, 5, 16), "0.5.99": date(2027, 1, 2)}
    with pytest.raises(ReadError, match=r"this is SGLang 0\.5\.12; expected SGLang 0\.5\.13"):
        build_snapshots({"0.5.13": one})
    broken = tmp_path / "sglang-0.5.99.whl"
    broken.write_text("no zip")
    with pytest.raises(ReadError, match="not a readable wheel"):
        newest_file(broken)
