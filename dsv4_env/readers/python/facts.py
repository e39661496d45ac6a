"""What a test says beside its settings: how long it waits, its model, where CI runs it."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from dsv4_env.lang.python.syntax.text import SourceText, decoded, parse_python, source_of
from dsv4_env.lang.python.syntax.trees import callee, last_name
from dsv4_env.lang.python.values.kinds import Const, Val, as_shown, unknown_of
from dsv4_env.model import Fact, Location, Note, ServerArg, Unknown, usable

_MODEL = ("--model-path", "--model")
# The parameters of sglang.test.ci.ci_register.register_*_ci, of which SGLang reads constants only.
_REGISTERED = ("est_time", "suite", "nightly", "disabled", "stage", "runner_config")
_POSITIONAL = 4
# Gives the folder of a model that is on the machine, else what it is given (test_utils.py).
_CACHED = re.compile(r"try_cached_model\((?P<quote>['\"])(?P<model>[^'\"\\]+)(?P=quote)\)")
NEVER = "never runs: it is skipped"
_COMPUTED = "not a constant, which is all that SGLang's CI reads"


def timeout_fact(value: Val | None, place: Location) -> tuple[Fact, ...]:
    """How long a launcher is told to wait; nothing where it isn't told."""
    if value is None or (isinstance(value, Const) and value.value is None):
        return ()
    seconds: int | Unknown
    if isinstance(value, Const) and type(value.value) is int and usable(value.value):
        seconds, where = value.value, value.where
    else:
        where = value.where if isinstance(value, Const) else getattr(value, "location", None)
        seconds = Unknown(as_shown(value), "not a whole number of seconds", location=where)
        if not isinstance(value, Const):
            seconds = unknown_of(value, as_shown(value), where or place)
    return (Fact("launch", "timeout-seconds", seconds, where or place),)


def model_facts(args: Sequence[ServerArg] | None) -> Iterator[Fact]:
    """The model that a launch names last, and the one variable that may name another."""
    named = [a for a in args or () if a.flag in _MODEL and a.values]
    if not named:
        return
    value = named[-1].values[0]
    place = (value.location if isinstance(value, Unknown) else None) or named[-1].location
    if isinstance(value, Unknown) and (cached := _CACHED.fullmatch(value.text)):
        value = cached["model"]
    if (condition := named[-1].condition) is not None:
        value = Unknown(str(value), f"it depends on {condition}", location=place)
    if not isinstance(value, Unknown) or value.default is None:
        yield Fact("model", "path", value, place)
        return
    yield Fact("model", "path", value.default, place)
    if len(value.names) == 1:
        yield Fact("model", "path-variable", value.names[0], place)


@dataclass(frozen=True, slots=True)
class CiRegistration:
    """A call that registers a test file for a CI suite (sglang.test.ci.ci_register).

    *function* is the registering function (``register_amd_ci``); *suite* and *est_time* (in
    seconds) are None where they aren't given as literals. *facts* are what it says as keys of a
    layer, *disabled* is why CI doesn't run it, where it says so.
    """

    function: str
    suite: str | None
    est_time: float | None
    location: Location
    facts: tuple[Fact, ...] = ()
    disabled: str | None = None

    @property
    def vendor(self) -> str:
        """Whose CI it is: ``amd``."""
        return self.function.removeprefix("register_").removesuffix("_ci")


def read_ci(data: str | bytes, path: str = "<file>") -> list[CiRegistration]:
    """The CI suites that a file registers itself for, in source order.

    Raises ReadError where the data isn't Python.
    """
    text = decoded(data, path)
    return registrations(parse_python(text, path), source_of(text, path))


def registrations(tree: ast.Module, lines: SourceText) -> list[CiRegistration]:
    """The registrations of a module: its own statements, as SGLang's CI looks for them."""
    found: list[CiRegistration] = []
    for node in tree.body:
        call = node.value if isinstance(node, ast.Expr) else None
        if not isinstance(call, ast.Call):
            continue
        name = callee(call)
        if name.startswith("register_") and name.endswith("_ci"):
            found.append(_registration(name, call, lines))
    return found


def _registration(name: str, call: ast.Call, lines: SourceText) -> CiRegistration:
    given = dict(zip(_REGISTERED[:_POSITIONAL], call.args, strict=False))
    given |= {k.arg: k.value for k in call.keywords if k.arg in _REGISTERED}
    vendor = name.removeprefix("register_").removesuffix("_ci")

    def told(key: str, node: ast.expr, fits: type | tuple[type, ...]) -> Fact:
        where = lines.place(node)
        value = node.value if isinstance(node, ast.Constant) else None
        if isinstance(value, fits) and isinstance(value, str | int | float) and usable(value):
            return Fact("ci", key, value, where, vendor)
        unknown = Unknown(lines.text(node), _COMPUTED, location=where)
        return Fact("ci", key, unknown, where, vendor)

    facts: list[Fact] = []
    stage, runner = given.get("stage"), given.get("runner_config")
    if suite := given.get("suite"):
        facts.append(told("suite", suite, str))
    elif stage is not None and runner is not None:  # CIRegistry.effective_suite
        parts = [told("suite", part, str) for part in (stage, runner)]
        unknown = next((p.value for p in parts if isinstance(p.value, Unknown)), None)
        named = unknown or "-test-".join(str(p.value) for p in parts)
        facts.append(Fact("ci", "suite", named, lines.place(call), vendor))
    if time := given.get("est_time"):
        facts.append(told("estimated-seconds", time, (int, float)))
    if nightly := given.get("nightly"):
        facts.append(told("nightly", nightly, bool))
    elif stage is None:  # a stage says when it runs by its own name
        facts.append(Fact("ci", "nightly", False, lines.place(call), vendor))
    values = {f.key: f.value for f in facts if not isinstance(f.value, Unknown)}
    suite_told, seconds = values.get("suite"), values.get("estimated-seconds")
    off = given.get("disabled")
    return CiRegistration(
        name,
        suite_told if isinstance(suite_told, str) else None,
        None if seconds is None else float(seconds),
        lines.place(call),
        tuple(facts),
        str(off.value) if isinstance(off, ast.Constant) and off.value is not None else None,
    )


def disabled_notes(found: Sequence[CiRegistration]) -> tuple[Note, ...]:
    """That CI doesn't run a test although it is registered."""
    return tuple(
        Note(f"{r.function} is disabled: {r.disabled}", r.location, idle=True, vendor=r.vendor)
        for r in found
        if r.disabled is not None
    )


def skip_marks(body: Sequence[ast.stmt]) -> Iterator[ast.expr]:
    """The marks that skip a class or a module: ``pytestmark = pytest.mark.skip``."""
    for node in body:
        if isinstance(node, ast.Assign) and any(
            isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets
        ):
            value = node.value
            marks = value.elts if isinstance(value, ast.List | ast.Tuple) else [value]
            yield from (m for m in marks if last_name(m) == "skip")
