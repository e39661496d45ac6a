"""Which reader a file belongs to, told by its name and a look at its bytes."""

from __future__ import annotations

import re
from pathlib import PurePosixPath

from dsv4_env.readers.environment import PREFIXES

_START = rb"#!\s*(?:\S*/)?(?:env\s+(?:-S\s+)?)?(?:\S*/)?"
_SHELL = re.compile(_START + rb"(?:ba|da)?sh\b")
_PYTHON = re.compile(_START + rb"python[\d.]*\b")
_WANTED = re.compile(
    rb"(?i:sglang)|launch_server|run_suite|\b(?:" + "|".join(PREFIXES).encode() + rb")"
)
_KUBERNETES = re.compile(rb"^\s*(?:- )?[\"']?apiVersion[\"']?\s*:", re.M)
_KIND = re.compile(rb"^\s*(?:- )?[\"']?kind[\"']?\s*:", re.M)
_SERVICES = re.compile(rb"^[\"']?services[\"']?\s*:", re.M)
_JOBS = re.compile(rb"^[\"']?jobs[\"']?\s*:", re.M)
_RUNS = re.compile(rb"^\s+[\"']?runs-on[\"']?\s*:", re.M)
_COMPOSE = re.compile(r"(?:docker-)?compose[^/]*\.ya?ml")
_DOCKERFILE = re.compile(
    r"(?:dockerfile|containerfile)(?:[.\-_][^/]*)?|[^/]+\.(?:dockerfile|containerfile)"
)
_DOTENV = re.compile(r"\.env(?:\.[^/]+)?|[^/]+\.env|[^/]*env[_-]?file|env\.list")


def by_name(path: str) -> str | None:
    """The reader that a file's name tells; ``yaml`` where several read files of such a name."""
    name = path.replace("\\", "/").rpartition("/")[2].lower()
    suffix = name[name.rfind(".") :] if "." in name[1:] else ""
    if suffix in (".sh", ".bash", ".slurm", ".sbatch"):
        return "bash"
    if suffix == ".py":
        return "python"
    if suffix in (".yml", ".yaml"):
        return "yaml"
    if _DOCKERFILE.fullmatch(name):
        return "dockerfile"
    return "dotenv" if _DOTENV.fullmatch(name) else None


def detect(path: str, data: bytes) -> str | None:
    """The name of the reader for a file, None where no reader would find anything in it."""
    named = by_name(path)
    if named == "yaml":
        pure = PurePosixPath(path.replace("\\", "/"))
        return _yaml(pure, pure.name.lower(), data) if _WANTED.search(data) else None
    if named == "dotenv":
        return named if _WANTED.search(data) else None
    if named is None and _SHELL.match(data):
        return "bash"
    return named or ("python" if _PYTHON.match(data) else None)


def _yaml(pure: PurePosixPath, name: str, data: bytes) -> str | None:
    if pure.parts[-3:-1] == (".github", "workflows"):
        return "workflow"
    if _COMPOSE.fullmatch(name) or _SERVICES.search(data):
        return "compose"
    if _KUBERNETES.search(data) and _KIND.search(data):
        return "kubernetes"
    if _JOBS.search(data) and _RUNS.search(data):
        return "workflow"  # one that isn't in its place, as in a template
    return None
