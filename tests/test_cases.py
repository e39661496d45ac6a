"""The golden corpus: tests/cases/KIND/NAME/{input.*,expected.*}, one runner for all kinds.

``pytest tests/test_cases.py --update-golden`` writes the expected files anew.
"""

from __future__ import annotations

import contextlib
import glob
import io
import json
import re
import shlex
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from dsv4_env import __version__, cli, drift
from dsv4_env.adopt.proof import proved
from dsv4_env.adopt.rewriting import CannotRewrite, Folder, Use, rewritten
from dsv4_env.catalogue import load
from dsv4_env.compare.findings import compare_launches
from dsv4_env.compare.normalise import with_model
from dsv4_env.drift import waivers
from dsv4_env.exporters import EXPORTERS, ROLES, ExportOptions
from dsv4_env.lint import lint
from dsv4_env.model import LaunchConfig, Location, Unknown
from dsv4_env.model.errors import Dsv4Error
from dsv4_env.model.finding import Comparison, Report, Waiver
from dsv4_env.profile import load_profile, settings, shipped_dir
from dsv4_env.readers import READERS, bash, detect, python
from dsv4_env.readers.taken import KnownProfiles
from dsv4_env.reporters import REPORTERS

if TYPE_CHECKING:
    from collections.abc import Callable

CASES = Path(__file__).parent / "cases"


def _value(value: object) -> Any:
    if not isinstance(value, Unknown):
        return value
    fields: dict[str, Any] = {"unknown": value.text, "reason": value.reason}
    if value.names:
        fields["names"] = list(value.names)
    if value.default is not None:
        fields["default"] = value.default
    if value.splits:
        fields["splits"] = True
    return fields


def _place(location: Location | None) -> str | None:
    return f"{location.line}:{location.column}" if location else None


def _described(config: LaunchConfig) -> dict[str, Any]:
    env: list[Any] = []
    for e in config.env:
        entry = [e.name, _value(e.value), _place(e.location)]
        entry += ["superseded"] if e.superseded else []
        entry += [f"when {e.condition}"] if e.condition else []
        env.append(entry)
    args: list[Any] = []
    for a in config.args or ():
        entry = [*map(_value, a.words), _place(a.location)]
        entry += [f"when {a.condition}"] if a.condition else []
        args.append(entry)
    found: dict[str, Any] = {"symbol": config.symbol} if config.symbol else {}
    found |= {
        "command": [_value(w) for w in config.command],
        "at": f"{_place(config.location)}-{config.end_line}",
        "env": env,
        "args": args,
    }
    if config.condition:
        found["when"] = str(config.condition)
    if config.notes:
        found["notes"] = [n.message for n in config.notes]
    if config.required:
        found["required"] = [r.name for r in config.required]
    if config.partial:
        found["partial"] = True
    return found


def _rows(value: Any, indent: str = "") -> str:
    """JSON with one setting a line, so that a change is one line of a diff."""
    if isinstance(value, dict):
        rows = [f'{indent}  "{k}": {_rows(v, indent + "  ")}' for k, v in value.items()]
        return "{\n" + ",\n".join(rows) + f"\n{indent}}}"
    if isinstance(value, list) and value and isinstance(value[0], list | dict):
        rows = [f"{indent}  {_rows(v, indent + '  ')}" for v in value]
        return "[\n" + ",\n".join(rows) + f"\n{indent}]"
    return json.dumps(value, ensure_ascii=False)


def run_bash(case: Path, _: Path) -> dict[str, str]:
    """A script, and the launches that are read from it."""
    try:
        launches = bash.read_all((case / "input.sh").read_bytes(), "input.sh")
    except Dsv4Error as exc:
        return {"expected.txt": f"{exc}\n"}
    return {"expected.json": _rows([_described(c) for c in launches]) + "\n"}


def run_python(case: Path, folder: Path) -> dict[str, str]:
    """A test file, and the launches that are read from it; siblings may be imported."""
    shutil.copytree(case, folder, dirs_exist_ok=True)
    path = folder / "input.py"
    try:
        launches = python.read_all(path.read_bytes(), str(path))
    except Dsv4Error as exc:
        return {"expected.txt": f"{exc}\n".replace(f"{folder}/", "")}
    return {"expected.json": _rows([_described(c) for c in launches]) + "\n"}


def run_rewrite(case: Path, folder: Path) -> dict[str, str]:
    """A test put onto the profiles beside it, of which each launch takes the next or the one.

    What becomes of it is proved, and written once more without any change.
    """
    shutil.copytree(case, folder / "launch")
    path = folder / "input.py"
    shutil.copy(case / "input.py", path)
    known = KnownProfiles(folder)

    def put(text: str) -> str:
        launches = python.read_all(text, str(path), root=folder, known=known)
        names = sorted(p.stem for p in case.glob("*.toml"))
        names *= len(launches) if len(names) == 1 else 1
        uses = [
            Use(launch, load_profile(name, folder / "launch"), name, Folder(0, "launch"))
            for launch, name in zip(launches, names, strict=True)
        ]
        return rewritten(text, str(path), uses)

    text = path.read_bytes().decode()
    try:
        new = put(text)
    except CannotRewrite as exc:
        return {"expected.txt": f"{exc}\n".replace(f"{folder}/", "")}
    proof = proved(text, new, str(path), known)
    said = "".join(f"{line}\n" for line in proof.wrong or proof.asides).replace(f"{folder}/", "")
    if proof.wrong:
        return {"expected.txt": f"Not the same:\n{said}"}
    assert put(new) == new
    return {"expected.py": new} | ({"expected.txt": said} if said else {})


def run_reader(case: Path, _: Path) -> dict[str, str]:
    """A file, and the launches that its reader finds; systemd-… and docker-… are dialects."""
    (file,) = case.glob("input*")
    dialect = case.name.partition("-")[0]
    options = {"dialect": dialect} if dialect in ("docker", "systemd") else {}
    try:
        launches = READERS[case.parent.name](file.read_bytes(), file.name, **options)
    except Dsv4Error as exc:
        return {"expected.txt": f"{exc}\n"}
    return {"expected.json": _rows([{"name": c.name, **_described(c)} for c in launches]) + "\n"}


def run_layer(case: Path, folder: Path) -> dict[str, str]:
    """A layer, and what its profile holds or what is said of it."""
    shutil.copy(case / "input.toml", folder / "input.toml")
    try:
        profile = load_profile("input", folder)
    except Dsv4Error as exc:
        return {"expected.txt": f"{exc}\n".replace(f"{folder}/", "")}
    found = {"env": profile.env, "args": profile.server_args, **profile.data}
    return {"expected.json": json.dumps(found, indent=1) + "\n"}


def run_export(case: Path, folder: Path) -> dict[str, str]:
    """A layer, exported in the format that the case is named after, with the options beside it.

    A case FORMAT.roles is all roles of disaggregated serving.
    """
    shutil.copy(case / "input.toml", folder / "input.toml")
    format_, _, kind = case.name.partition(".")
    roles = ROLES if kind == "roles" else (None, None)
    config, other = (load_profile("input", folder, role=role).config for role in roles)
    given = case / "options.json"
    options = ExportOptions(**json.loads(given.read_text())) if given.is_file() else ExportOptions()
    exporter = EXPORTERS[format_]
    try:
        if kind == "roles":
            text = exporter.together(config, other, options)
        else:
            text = exporter(config, options)
    except Dsv4Error as exc:
        text = f"{exc}\n"
    return {"expected.txt": text.replace(f"{folder}/", "").replace(__version__, "VERSION")}


def run_report(case: Path, folder: Path) -> dict[str, str]:
    """A script held against pro-fp4, reported in the format that the case is named after.

    A case without a script takes the one of the text reporter: ``json-hostile`` that of
    ``text-hostile``. Where the script names a release (``# sglang: 0.5.16``), it is compared as
    that one reads it; what it waives (``# waive: NAME reason``) is waived.
    """
    format_, _, kind = case.name.partition("-")
    source = case / "input.sh"
    if not source.is_file():
        source = case.parent / f"text-{kind}".rstrip("-") / "input.sh"
    text = source.read_bytes().decode(errors="surrogateescape")
    path = folder / "input.sh"
    launch = bash.read(text, str(path))
    release = re.search(r"^# sglang: (.*)$", text, re.MULTILINE)
    comparison = compare_launches(
        with_model(load_profile("pro-fp4")),
        launch,
        catalogue=load(release[1]) if release else None,
        show_equivalent=True,
    )
    waivers = {
        m[1]: Waiver(m[1], m[2], None, Location(str(path), text[: m.start()].count("\n") + 1))
        for m in re.finditer(r"^# waive: (\S+) (.*)$", text, re.MULTILINE)
    }

    def here(location: Location | None) -> Location | None:
        """The place in this folder, as if the shipped profiles were the project's own."""
        if location is None or location.path == str(path):
            return location
        return replace(location, path=str(folder / "profiles" / Path(location.path).name))

    comparison = replace(
        comparison,
        left_at=here(comparison.left_at),
        findings=tuple(
            replace(
                f,
                location=here(f.location),
                related=here(f.related),
                waiver=waivers.get(f.subject),
            )
            for f in comparison.findings
        ),
    )
    texts = {path: text} | {
        folder / "profiles" / file.name: file.read_text() for file in shipped_dir().glob("*.toml")
    }
    report = Report(
        (comparison,),
        lines={
            (str(file), number): line
            for file, content in texts.items()
            for number, line in enumerate(content.split("\n"), 1)
        },
        files=1,
        launches=1,
        root=str(folder),
    )
    said = REPORTERS[format_](report).replace(f'"{__version__}"', '"VERSION"')
    return {"expected.txt": said}


def run_lint(case: Path, folder: Path) -> dict[str, str]:
    """A file or a layer, linted for the release that it names (``# sglang: 0.5.16``)."""
    (source,) = case.glob("input.*")
    text = source.read_text()
    release = re.findall(r"^# sglang: (.*)$", text, re.MULTILINE)[0]
    catalogue = load(release)
    if source.suffix == ".toml":
        shutil.copy(source, folder / source.name)
        profile = load_profile("input", folder)
        found = [(profile.config, lint(profile.config, catalogue, range_=profile.sglang_range))]
    else:
        path = str(folder / source.name)
        reader = detect(path, source.read_bytes()) or "bash"
        launches = tuple(READERS[reader](text, path))
        script = text if reader == "bash" else None
        found = [
            (c, lint(c, catalogue, script=script, text=text, launches=launches)) for c in launches
        ]
    comparisons = tuple(
        Comparison(f"SGLang {release}", c.name, tuple(f), len(c.env), lint=True) for c, f in found
    )
    text = REPORTERS["text"](Report(comparisons, root=str(folder)))
    return {"expected.txt": text.replace(str(shipped_dir()), "profiles")}


def run_check(case: Path, folder: Path) -> dict[str, str]:
    """A project: a pyproject.toml with its pairs, and the files beside it; it is June 2026."""
    shutil.copytree(case, folder, dirs_exist_ok=True)
    (folder / "input.toml").rename(folder / "pyproject.toml")
    found = settings.load(folder, {})
    assert found.sglang is not None
    catalogue = load(found.sglang)
    options = drift.CheckOptions(today=date(2026, 6, 1))
    run = drift.CheckRun(found, None, lambda _release, _ranges: catalogue, options)
    report = replace(drift.check(run, found.pairs), root=str(folder))
    baseline = folder / "baseline.json"
    if baseline.exists():
        known = waivers.read_baseline(baseline.read_text(), str(baseline))
        report = waivers.with_baseline(report, known, str(baseline), whole=True)
    text = REPORTERS["text"](report).replace(str(shipped_dir()), "profiles")
    return {"expected.txt": f"{text}exit code {drift.exit_code(report)}\n"}


def run_commands(case: Path, folder: Path) -> dict[str, str]:
    """Files, and what each line of commands.txt says of them; in ``sync/``, how it edits them.

    A path with a star stands for the files that fit, as in a shell.
    """
    left = shutil.ignore_patterns("expected.*")
    shutil.copytree(case, folder, dirs_exist_ok=True, ignore=left)
    said = ""
    with contextlib.chdir(folder):
        for line in (folder / "commands.txt").read_text().splitlines():
            out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                words = (sorted(glob.glob(w)) * ("/" in w) or [w] for w in shlex.split(line))  # noqa: PTH207
                code = cli.run([w for several in words for w in several])
            for stream in (err, out):
                stream.flush()
            shown, told = (s.buffer.getvalue().decode() for s in (out, err))
            said += f"$ dsv4-env {line}\n{told}{shown}exit code {code}\n\n"
    said = said.replace(str(shipped_dir().parent) + "/", "").replace(f"{folder}/", "")
    return {"expected.txt": said}


KINDS: dict[str, Callable[[Path, Path], dict[str, str]]] = {
    "adopt": run_commands,
    "bash": run_bash,
    "check": run_check,
    "commands": run_commands,
    "export": run_export,
    "layer": run_layer,
    "lint": run_lint,
    "python": run_python,
    "report": run_report,
    "rewrite": run_rewrite,
    "sync": run_commands,
    **{name: run_reader for name in READERS if name not in ("bash", "python")},
}


# Most cases are about launches of May, and the profiles of then; these are about today's SGLang.
TODAY = {
    "another-spelling",
    "docker-env-file",
    "nearest-with-an-addition",
    "upgrade-by-what-sglang-does",
    "within-a-checkout",
}


@pytest.mark.parametrize(
    "case",
    [p for kind in sorted(KINDS) for p in sorted((CASES / kind).iterdir())],
    ids=lambda p: f"{p.parent.name}/{p.name}",
)
def test_case(case: Path, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if case.name not in TODAY and case.parent.name != "adopt":
        request.getfixturevalue("may")
    found = KINDS[case.parent.name](case, tmp_path)
    if request.config.getoption("--update-golden"):
        for old in case.glob("expected.*"):
            old.unlink()
        for name, text in found.items():
            (case / name).write_text(text)
    expected = {p.name: p.read_text() for p in case.glob("expected.*")}
    assert found == expected


def test_todays_cases_are_there() -> None:
    assert {p.name for p in CASES.glob("*/*")} >= TODAY


def test_every_folder_is_a_kind() -> None:
    assert sorted(p.name for p in CASES.iterdir()) == sorted(KINDS)
