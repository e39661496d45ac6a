"""A launch script run for real, its launchers replaced by recorders: the shadow run.

Nothing else of the package runs a script. The run has a temporary folder, a clean environment, a
time limit, and no network where the system can take it away (bubblewrap, else unshare).
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsv4_env.model import EnvVar, LaunchConfig, Location, Note, Origin, group_args
from dsv4_env.model.errors import ReadError

LAUNCHERS = ("python", "python3", "sglang")
# Not run: what reaches other machines, containers or processes, and what only waits.
SILENCED = (
    "apt apt-get curl docker kill killall kubectl mpirun pip pip3 pkill podman ray sbatch scp "
    "sleep srun ssh sudo systemctl wget"
).split()
SYSTEM_PATH = "/usr/local/bin:/usr/bin:/bin"
# Background launches get a moment to be recorded after the script's own end.
_SUPERVISOR = '"$@"; code=$?; /bin/sleep 0.3; exit $code'
# What bash adds to every environment by itself.
SHELL_OWN = frozenset({"PWD", "OLDPWD", "SHLVL", "_"})
MAX_COPY = 1 << 20  # bytes of a file beside the script that is copied for `source`

# Isolated (-I) and without site (-S), so that no PYTHON* variable of the script breaks it.
_RECORDER = """#!{python} -IS
import json, os, sys
name, words = os.path.basename(sys.argv[0]), sys.argv[1:]
text = os.fsdecode
if name in {silenced!r}:
    entry = {{"silenced": [name, *words]}}
else:
    rest = [w for w in words if w != "-u"]
    launch = name == "sglang" and words[:1] == ["serve"]
    launch = launch or rest[:2] == ["-m", "sglang.launch_server"]
    launch = launch or any(w.endswith("launch_server.py") for w in rest[:1])
    if not launch:
        real = None
        for folder in {path!r}.split(":"):
            if os.access(os.path.join(folder, name), os.X_OK):
                real = os.path.join(folder, name)
                break
        if real is None:
            sys.stderr.write(name + ": command not found\\n")
            sys.exit(127)
        os.execv(real, sys.argv)
    entry = {{"argv": [name, *words], "environ": dict(os.environ)}}
with open({record!r}, "ab") as file:
    file.write(json.dumps(entry).encode() + b"\\n")
"""


@dataclass(frozen=True, slots=True)
class Captured:
    """What a shadow run saw: the launches in order, and what has to be said of the run.

    *isolation* is ``bubblewrap``, ``unshare`` or ``none``; *exit_code* is None after a time-out.
    """

    launches: tuple[LaunchConfig, ...]
    isolation: str
    exit_code: int | None
    errors: str
    notes: tuple[str, ...] = ()


def isolation() -> str:
    """What can keep a run from the network here: ``bubblewrap``, ``unshare`` or ``none``."""
    for name, words in (
        ("bubblewrap", ["bwrap", "--ro-bind", "/", "/", "--unshare-net", "true"]),
        ("unshare", ["unshare", "-rn", "true"]),
    ):
        if shutil.which(words[0]):
            done = subprocess.run(words, capture_output=True, check=False)  # noqa: S603
            if done.returncode == 0:
                return name
    return "none"


def _wrapped(kind: str, folder: Path, words: list[str]) -> list[str]:
    if kind == "bubblewrap":
        where = str(folder)
        mounts = ["--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc", "--tmpfs", "/tmp"]  # noqa: S108
        # The recorders' Python may lie below the /tmp that was just hidden.
        own = ["--ro-bind", sys.base_prefix, sys.base_prefix]
        own += ["--bind", where, where, "--chdir", str(folder / "work")]
        return ["bwrap", *mounts, *own, "--unshare-all", "--die-with-parent", "--", *words]
    if kind == "unshare":
        return ["unshare", "-rn", "--", *words]
    return words


def _prepare(script: Path, folder: Path) -> Path:
    """Lay out the temporary folder; the copied script's path."""
    (folder / "bin").mkdir()
    (folder / "work").mkdir()
    text = _RECORDER.format(
        python=os.path.realpath(sys.executable),
        silenced=tuple(SILENCED),
        path=SYSTEM_PATH,
        record=str(folder / "record.jsonl"),
    )
    for name in (*LAUNCHERS, *SILENCED):
        (folder / "bin" / name).write_text(text)
        (folder / "bin" / name).chmod(0o755)
    for path in sorted(script.parent.iterdir())[:500]:
        if path.is_file() and not path.is_symlink() and path.stat().st_size <= MAX_COPY:
            shutil.copy(path, folder / "work" / path.name)
    shutil.copy(script, folder / "work" / script.name)
    return folder / "work" / script.name


def capture(
    script: Path,
    *,
    inputs: Mapping[str, str] | None = None,
    args: Sequence[str] = (),
    timeout: float = 30,
) -> Captured:
    """Run *script* (a file) under bash and record its launches. *timeout* is in seconds.

    Raises ReadError when there is no bash, or the script can't be read.
    """
    bash = shutil.which("bash")
    if bash is None:
        raise ReadError("there is no bash to run the script with", expected="bash on PATH")
    if not script.is_file():
        raise ReadError("no such file", where=script, expected="a bash script")
    kind = isolation()
    with tempfile.TemporaryDirectory(prefix="dsv4-env-") as name:
        folder = Path(name).resolve()
        copy = _prepare(script.resolve(), folder)
        environ = {
            "PATH": f"{folder / 'bin'}:{SYSTEM_PATH}",
            "HOME": str(folder / "work"),
            "LANG": "C.UTF-8",
            **(inputs or {}),
        }
        words = [bash, "--norc", "--noprofile", str(copy), *args]
        words = _wrapped(kind, folder, [bash, "-c", _SUPERVISOR, "capture", *words])
        code, errors = _run(words, folder / "work", environ, timeout)
        record = folder / "record.jsonl"
        entries = (
            [json.loads(line) for line in record.read_bytes().splitlines()]
            if (record.exists())
            else []
        )
    given = {**environ}
    launches = tuple(_launch(e, str(script), given, str(folder)) for e in entries if "argv" in e)
    notes = [f"not run: {' '.join(e['silenced'][:2])}" for e in entries if "silenced" in e]
    return Captured(launches, kind, code, errors, tuple(dict.fromkeys(notes)))


def _run(
    words: list[str], cwd: Path, environ: Mapping[str, str], timeout: float
) -> tuple[int | None, str]:
    """Exit code (None after a time-out) and the end of standard error; no process is left."""
    with tempfile.TemporaryFile() as errors:
        process = subprocess.Popen(  # noqa: S603
            words,
            cwd=cwd,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            start_new_session=True,
        )
        code: int | None
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            code = None
        finally:
            # Whatever the script has left behind ends with it.
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        errors.seek(0)
        return code, errors.read()[-4000:].decode(errors="replace")


def _launch(
    entry: Mapping[str, object], path: str, given: Mapping[str, str], folder: str
) -> LaunchConfig:
    argv, environ = entry["argv"], entry["environ"]
    assert isinstance(argv, list)
    assert isinstance(environ, dict)
    count = (
        2
        if argv[0] == "sglang"
        else next(
            i + 1 for i, w in enumerate(argv) if w.endswith(("launch_server", "launch_server.py"))
        )
    )
    env = tuple(
        EnvVar(name, value, Origin("capture", value=value))
        for name, value in sorted(environ.items())
        if name not in SHELL_OWN and given.get(name) != value
    )
    where = Location(path)
    words = [(word, None) for word in argv[count:]]
    notes: tuple[Note, ...] = ()
    if any(folder in str(v) for v in (*(e.value for e in env), *argv)):
        notes = (Note(f"{folder} is the temporary folder of the run"),)
    command = tuple(argv[:count])
    return LaunchConfig(
        path, "capture", env, group_args(words, "capture"), command, where, notes=notes
    )
