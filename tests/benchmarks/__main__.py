"""Speed beside others, as ratios of one run: ``python3 -m tests.benchmarks``.

Makes an environment of its own with dsv4-env and its peers, then measures in it. Peers that can't
be had (direnv and shellcheck from Debian, mise from npm) are left out and named.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import venv
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
ENVIRONMENT = HERE / ".peers"
PYTHON_PEERS = ("python-dotenv[cli]", "dynaconf", "bashlex", "matplotlib", "pytest")
DEBIAN_PEERS = ("direnv", "shellcheck")


def prepare() -> Path:
    """The interpreter of the environment, made or brought up to date."""
    python = ENVIRONMENT / "bin" / "python"
    if not python.exists():
        venv.create(ENVIRONMENT, with_pip=True, clear=True)
    install = [str(python), "-m", "pip", "install", "-q", "--disable-pip-version-check"]
    subprocess.run([*install, *PYTHON_PEERS], check=True)
    subprocess.run([*install, "--force-reinstall", "--no-deps", str(ROOT)], check=True)
    subprocess.run([*install, str(ROOT)], check=True)
    missing = [p for p in DEBIAN_PEERS if shutil.which(p) is None]
    if missing and os.geteuid() == 0 and shutil.which("apt-get"):
        words = ["apt-get", "install", "-y", "-qq", *missing]
        subprocess.run(words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    if shutil.which("npm") and not (ENVIRONMENT / "node_modules").exists():
        words = ["npm", "install", "--silent", "--prefix", str(ENVIRONMENT), "@jdxcode/mise"]
        subprocess.run(words, check=False, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return python


def main() -> None:
    """Prepare, then measure in the environment made."""
    python = prepare()
    path = f"{ENVIRONMENT / 'bin'}:{ENVIRONMENT / 'node_modules' / '.bin'}:{os.environ['PATH']}"
    words = [str(python), "-m", "tests.benchmarks.measure", *sys.argv[1:]]
    # The checkout is on the path for the measuring script alone: what is timed is installed.
    raise SystemExit(subprocess.run(words, cwd=ROOT, env={**os.environ, "PATH": path}).returncode)


if __name__ == "__main__":
    main()
