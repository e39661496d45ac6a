"""The shadow run: launchers are recorded, nothing else gets out, nothing is left behind."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from dsv4_env import load_profile
from dsv4_env.model.errors import ReadError
from dsv4_env.profile import REFERENCE_RELEASE, reference_script
from dsv4_env.server.capture import capture
from tests.conftest import need


@pytest.fixture(autouse=True)
def _bash() -> None:
    need("bash")


def script(folder: Path, text: str) -> Path:
    path = folder / "run.sh"
    path.write_text(text)
    return path


def test_the_reference_script_launches_the_profile() -> None:
    found = capture(reference_script(), inputs={"PORT": "9000"})
    (launch,) = found.launches
    profile = load_profile("pro-fp4", sglang=REFERENCE_RELEASE)
    assert found.exit_code == 0
    assert {n: e.value for n, e in launch.effective_env.items()} == profile.env
    assert launch.argv[2 : 2 + len(profile.server_args)] == profile.server_args
    assert launch.argv[-2:] == ["--port", "9000"]


def test_a_clean_environment_and_a_temporary_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LEAK", "1")
    path = script(
        tmp_path,
        'source ./more.sh\ntouch here\nexport PLACE="$PWD"\n'
        'sglang serve --leak "${LEAK:-none}" --more "$MORE" "$@"\n',
    )
    (tmp_path / "more.sh").write_text("MORE=yes\n")
    (launch,) = capture(path, args=["--x", "a b"]).launches
    assert launch.argv == ["--leak", "none", "--more", "yes", "--x", "a b"]
    assert not (tmp_path / "here").exists()
    place = launch.effective_env["PLACE"].value
    assert isinstance(place, str)
    assert not Path(place).exists()
    assert launch.notes


def test_background_launches_and_silenced_commands(tmp_path: Path) -> None:
    path = script(
        tmp_path,
        "export A=1\npython3 -m sglang.launch_server --a > log 2>&1 &\n"
        "sleep 60\nuntil curl -s http://localhost/health; do sleep 5; done\n"
        "docker run image\nA=2 nohup python -u -m sglang.launch_server --b &\n",
    )
    found = capture(path)
    assert sorted((c.effective_env["A"].value, c.argv[0]) for c in found.launches) == [
        ("1", "--a"),
        ("2", "--b"),
    ]
    assert "not run: docker run" in found.notes


def test_other_python_is_python(tmp_path: Path) -> None:
    text = 'N=$(python3 -c "print(6 * 7)")\nsglang serve --n "$N"\n'
    (launch,) = capture(script(tmp_path, text)).launches
    assert launch.argv == ["--n", "42"]


def test_a_time_out_ends_everything(tmp_path: Path) -> None:
    marker = f"{time.time_ns()}"
    text = f"exec -a dsv4-{marker} bash -c 'while :; do :; done' &\nwhile :; do :; done\n"
    found = capture(script(tmp_path, text), timeout=0.5)
    assert found.exit_code is None
    # What is killed is gone when the kernel comes to it, which takes a while on a busy machine.
    until = time.monotonic() + 10
    while (left := _running(marker)) and time.monotonic() < until:
        time.sleep(0.05)
    assert left == []


def _running(marker: str) -> list[str]:
    return [
        pid
        for pid in (p.name for p in Path("/proc").iterdir())
        if pid.isdigit() and marker.encode() in _cmdline(Path("/proc") / pid)
    ]


def _cmdline(process: Path) -> bytes:
    try:
        return (process / "cmdline").read_bytes()
    except OSError:
        return b""


def test_a_failing_script_says_why(tmp_path: Path) -> None:
    found = capture(script(tmp_path, "set -u\necho $NOPE\nsglang serve\n"))
    assert found.launches == ()
    assert found.exit_code == 1
    assert "NOPE: unbound variable" in found.errors


def test_no_such_script(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"nope\.sh: no such file"):
        capture(tmp_path / "nope.sh")
