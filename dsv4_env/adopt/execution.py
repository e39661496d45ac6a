"""Whether two versions of a test launch the same when ``setUpClass`` really runs.

Another interpreter runs both, with stand-ins for SGLang and all else that isn't there, in a
process of its own with little time, memory and environment. Nothing is served.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dsv4_env.adopt import runner
from dsv4_env.adopt.proof import MOVED, PROBE, Proof, moved
from dsv4_env.adopt.rewriting import spelled_word
from dsv4_env.guard.files import real
from dsv4_env.model import Value, group_args
from dsv4_env.model.errors import ReadError, UsageError, shortened
from dsv4_env.model.secrets import masked

SECONDS = 10  # that a version may take in one environment
ANSWER = 8 * 2**20  # bytes that are read of what it tells


@dataclass(frozen=True, slots=True)
class Execution:
    """What is to be executed: two versions of the test *path*.

    *names* are the variables that are tried unset and set, *folders* where profiles lie for now,
    *releases* those by which flags may be spelled in another way.
    """

    path: Path
    old: str
    new: str
    names: Sequence[str] = ()
    folders: Mapping[Path, Path] = field(default_factory=dict)
    releases: Sequence[str] = ()


def executed(python: Path, what: Execution) -> Proof:
    """Run both versions, and tell what their launches differ in.

    Raises UsageError where the interpreter can't be run or lacks dsv4_env, and ReadError where it
    doesn't answer.
    """
    environs = [{}, *({name: PROBE} for name in what.names)]
    if len(environs) > 2:
        environs.append(dict.fromkeys(what.names, PROBE))
    answers = _answers(python, what, environs)
    proof = Proof()
    silent: dict[str, str] = {}
    for environ, answer in zip(environs, answers, strict=True):
        said = "".join(f" with {name}={text}" for name, text in environ.items())
        _compare(what, answer["old"], answer["new"], said, proof, silent)
    for message in silent.values():
        proof.note(message)
    if not any(c["launches"] for a in answers for c in a["old"].get("classes", {}).values()):
        proof.note(f"{what.path}: run, nothing of it launches")
    return proof


def _answers(
    python: Path, what: Execution, environs: Sequence[Mapping[str, str]]
) -> list[dict[str, Any]]:
    asked = {
        "path": str(real(what.path)),
        "versions": {
            "old": what.old.removeprefix("\ufeff"),
            "new": what.new.removeprefix("\ufeff"),
        },
        "environs": environs,
        "folders": {str(real(k)): str(real(v)) for k, v in what.folders.items()},
        "seconds": SECONDS,
    }
    limit = 30 + 2 * SECONDS * len(environs)
    with tempfile.TemporaryDirectory(prefix="dsv4-env-") as folder:
        told = Path(folder) / "answer.json"
        work = Path(folder) / "work"
        work.mkdir()
        try:
            done = subprocess.run(  # noqa: S603 - whoever names the interpreter asks for it
                [str(python), "-P", str(Path(runner.__file__)), str(told)],
                input=json.dumps(asked).encode(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                check=False,
                timeout=limit,
                cwd=work,
                env={"HOME": folder, "PATH": os.defpath, "TMPDIR": str(work)},
            )
        except OSError as exc:
            raise UsageError(
                f"it can't be run: {exc.strerror or exc}",
                where=python,
                expected="a Python interpreter that has dsv4_env",
            ) from None
        except subprocess.TimeoutExpired:
            raise ReadError(
                f"no answer within {limit} s",
                where=what.path,
                expected="a test that sets up at once",
            ) from None
        if done.returncode == runner.MISSING:
            raise UsageError(
                "this interpreter has no dsv4_env, which the rewritten tests import",
                where=python,
                expected=f"an interpreter that has it: {python} -m pip install dsv4-env",
            )
        try:
            with told.open("rb") as file:
                found: list[dict[str, Any]] = json.loads(file.read(ANSWER))
        except (OSError, ValueError):
            raise ReadError(
                f"it gives no answer (exit code {done.returncode})",
                where=python,
                expected="Python 3.11 or newer with dsv4_env",
            ) from None
    return found


def _compare(
    what: Execution,
    old: Mapping[str, Any],
    new: Mapping[str, Any],
    said: str,
    proof: Proof,
    silent: dict[str, str],
) -> None:
    path = what.path
    if old.get("error") != new.get("error"):
        proof.tell(
            f"{path}: run, it ended with {new.get('error') or 'no error'}, "
            f"and before with {old.get('error') or 'none'}",
            said,
        )
        return
    before, after = old.get("classes", {}), new.get("classes", {})
    for name in dict.fromkeys([*before, *after]):
        one, two = before.get(name), after.get(name)
        where = f"{path}::{name}" if name else str(path)
        if one is None or two is None:
            proof.tell(f"{where}: it is there in one of both versions alone", said)
            continue
        if one["error"] != two["error"]:
            proof.tell(
                f"{where}: run, it ended with {two['error'] or 'no error'}, "
                f"and before with {one['error'] or 'none'}",
                said,
            )
        if len(one["launches"]) != len(two["launches"]):
            counts = len(one["launches"]), len(two["launches"])
            proof.tell(f"{where}: it launched {counts[0]} servers, now {counts[1]}", said)
            continue
        if name and not one["launches"]:
            why = f" ({one['error']})" if one["error"] else ""
            silent[name] = f"{where}: run, its setUpClass launches nothing{why}"
        for a, b in zip(one["launches"], two["launches"], strict=True):
            _launch(where, a, b, said, what.releases, proof)


def _launch(
    where: str,
    a: Mapping[str, Any],
    b: Mapping[str, Any],
    said: str,
    releases: Iterable[str],
    proof: Proof,
) -> None:
    for key in dict.fromkeys([*a, *b]):
        if key not in ("env", "words") and a.get(key) != b.get(key):
            proof.tell(f"{where}: run, {key} was {a.get(key)} and would be {b.get(key)}", said)
    mine, theirs = a["env"], b["env"]
    for name in dict.fromkeys([*mine, *theirs]):
        if mine.get(name) != theirs.get(name) or (name in mine) != (name in theirs):
            texts = [
                f'"{masked(name, side[name])}"' if side.get(name) is not None else "unset"
                for side in (mine, theirs)
            ]
            proof.tell(f"{where}: run, {name} was {texts[0]} and would be {texts[1]}", said)
    words, now = a["words"], b["words"]
    for release in (None, *releases):
        spelled = [spelled_word(w, release) if release else w for w in words]
        if spelled == now or moved(_grouped(spelled), _grouped(now)):
            changed = {f"{x} as {y}" for x, y in zip(words, spelled, strict=True) if x != y}
            if changed:
                proof.note(f"{where}: run, it gives {', '.join(sorted(changed))}")
            if spelled != now:
                proof.note(f"{where}: run, {MOVED}")
            return
    at = next((i for i, (x, y) in enumerate(zip(words, now, strict=False)) if x != y), 0)
    shown = [shortened(" ".join(side[at : at + 4]), 200) or "nothing" for side in (words, now)]
    proof.tell(f"{where}: run, `{shown[0]}` was given where `{shown[1]}` would be", said)


def _grouped(words: Sequence[str]) -> list[tuple[Value, ...]]:
    return [arg.words for arg in group_args([(word, None) for word in words], "python")]
