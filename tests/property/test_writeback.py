"""Write-back: whatever a file and a profile hold, the file is brought to it, once and for all."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, given, settings, strategies as st

from dsv4_env.compare.differences import Difference, diff
from dsv4_env.compare.findings import compared
from dsv4_env.compare.normalise import with_model
from dsv4_env.model import EnvVar, LaunchConfig, Origin, ServerArg
from dsv4_env.model.quoting import sh, word
from dsv4_env.profile import load_profile
from dsv4_env.readers import bash, python
from dsv4_env.writeback import (
    SETTLED,
    EditJob,
    Outcome,
    bash as bash_editor,
    edit_text,
    python as python_editor,
)
from dsv4_env.writeback.layers import EditedLayers, edit_layers

VALUES = st.one_of(
    st.sampled_from(
        ["", "1", "true", "a b", "'", '"', "$HOME", "`x`", "\\", "a\nb", "!x", "é“", "#"]
    ),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0\r"), max_size=8),
)
WORDS = VALUES.filter(lambda v: not v.startswith("-"))
NAMES = st.sampled_from([f"SGLANG_T{i}" for i in range(6)])
FLAGS = st.sampled_from(["--one", "--two", "--three", "--four"])
ENV = st.dictionaries(NAMES, VALUES, max_size=5)
ARGS = st.dictionaries(FLAGS, st.lists(WORDS, max_size=2), max_size=4)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


def double(value: str) -> str:
    return '"' + "".join(f"\\{c}" if c in '"\\$`' else c for c in value) + '"'


QUOTES = (word, sh, double)


@st.composite
def scripts(draw: st.DrawFn) -> str:
    """A script in one of many styles: exports, prefixes, arrays, comments."""

    def quote(value: str) -> str:
        return draw(st.sampled_from(QUOTES))(value)

    lines = ["#!/bin/bash", "# one; nobody's"]
    for name, value in draw(ENV).items():
        lines += draw(st.sampled_from([[], [""], ["  # a remark"]]))
        remark = draw(st.sampled_from(["", "  # why", ";"]))
        lines.append(f"export {name}={quote(value)}{remark}")
    flags = [" ".join([flag, *map(quote, values)]) for flag, values in draw(ARGS).items()]
    if draw(st.booleans()):
        remark = draw(st.sampled_from(["", "  # what for"]))
        lines += ["ARGS=(", *(f"  {f}{remark}" for f in flags), ")"]
        flags = ['"${ARGS[@]}"']
    gap = draw(st.sampled_from([" ", " \\\n    "]))
    head = draw(st.sampled_from(["", "exec ", "SGLANG_T0=x ", "env SGLANG_T1='y z' "]))
    lines.append(head + gap.join(["python3 -m sglang.launch_server", *flags]))
    return "\n".join(lines) + draw(st.sampled_from(["", "\n", "\nwait  # for it\n"]))


@st.composite
def modules(draw: st.DrawFn) -> str:
    """A test file with a dict of variables, more set later, and a list of arguments."""

    def spell(value: str) -> str:
        return repr(value) if draw(st.booleans()) else double_python(value)

    first, later = draw(ENV), draw(ENV)
    lines = ["import os", "# one; nobody's", "ENV = {"]
    lines += [f"    {spell(k)}: {spell(v)},  # {k[-1]}" for k, v in first.items()]
    lines += ["}", "def test_it():", "    env = {**os.environ, **ENV}"]
    lines += [f"    env[{spell(k)}] = {spell(v)}" for k, v in later.items()]
    words = [[spell(f), *map(spell, vs)] for f, vs in draw(ARGS).items()]
    if draw(st.booleans()):
        lines.append(f"    args = [{', '.join(w for ws in words for w in ws)}]")
    else:
        lines += ["    args = [", *(f"        {', '.join(ws)},  # x" for ws in words), "    ]"]
    lines.append("    popen_launch_server('m', 'u', timeout=1, other_args=args, env=env)")
    return draw(st.sampled_from(["\n", "\r\n"])).join([*lines, ""])


def double_python(value: str) -> str:
    body = repr("'" + value)[2:-1]
    return '"' + body.replace('\\"', '"').replace('"', '\\"').replace("\\'", "'") + '"'


@st.composite
def profiles(draw: st.DrawFn) -> LaunchConfig:
    env = tuple(EnvVar(n, v, Origin("p")) for n, v in draw(ENV).items())
    args = tuple(ServerArg(f, tuple(v), Origin("p")) for f, v in draw(ARGS).items())
    return LaunchConfig("p", "profile", env, args)


def left(profile: LaunchConfig, launch: LaunchConfig) -> list[Difference]:
    found = compared(profile, launch)
    return [d for d in found if d.kind not in SETTLED and d.name != "(positional)"]


def check_brought(outcome: Outcome, job: EditJob, text: str) -> None:
    """All that isn't refused is as wanted; a second time there is nothing to do."""
    (launch,) = job.read(outcome.text)
    refused = {r.name for r in outcome.refused}
    assert {d.name for d in left(job.profile, launch)} <= refused
    again = edit_text(job, outcome.text)
    assert (again.text, again.done) == (outcome.text, [])
    kept = [line for line in text.splitlines() if "nobody" in line or "def test" in line]
    assert [line for line in outcome.text.splitlines() if line in kept] == kept


@SLOW
@given(scripts(), profiles())
def test_a_script_is_brought_to_a_profile(text: str, profile: LaunchConfig) -> None:
    job = EditJob(
        profile, 0, lambda t: bash.read_all(t, "s.sh"), lambda c: compared(profile, c),
        bash_editor.propose, prune=True,
    )  # fmt: skip
    outcome = edit_text(job, text)
    assert outcome.refused == []
    check_brought(outcome, job, text)


@SLOW
@given(modules(), profiles())
def test_a_test_is_brought_to_a_profile(text: str, profile: LaunchConfig) -> None:
    model = ServerArg("--model-path", ("m",), Origin("p"))
    profile = LaunchConfig("p", "profile", profile.env, (model, *(profile.args or ())))
    job = EditJob(
        profile, 0, lambda t: python.read_all(t, "t.py"), lambda c: compared(profile, c),
        python_editor.propose, prune=True,
    )  # fmt: skip
    outcome = edit_text(job, text)
    known = {r.name for r in outcome.refused}
    if outcome.launch.env:  # without a dict or list there is nowhere to add to
        assert not any(r.name.startswith("SGLANG") for r in outcome.refused), outcome.refused
    if len(outcome.launch.args or ()) > 1:
        assert not any(n.startswith("--") for n in known), outcome.refused
    check_brought(outcome, job, text)
    if "\r\n" in text:
        assert "\n" not in outcome.text.replace("\r\n", "")


@settings(SLOW, max_examples=25)
@given(ENV, ARGS, scripts())
def test_a_profile_is_brought_to_a_script(
    env: dict[str, str], args: dict[str, list[str]], text: str
) -> None:
    """Its own layer changes, comments stay, and the profile beside it stays what it was."""
    import tomli_w

    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shared = {"abstract": True, "extends": ["pro-fp4"], "env": env}
        (folder / "shared.toml").write_text(tomli_w.dumps(shared))
        (folder / "other.toml").write_text('extends = ["shared"]\n')
        flags = {f: v[0] if len(v) == 1 else v or True for f, v in args.items()}
        own = {"args": flags, "unset": {"env": list(env)[:1]}, "sglang": {"range": ">=0.5"}}
        path = folder / "mine.toml"
        head = "# mine  # nobody's\nextends = [\"shared\"]  # nobody's too\n\n"
        path.write_bytes((head + tomli_w.dumps(own)).encode())
        other = load_profile("other", folder)
        (launch,) = bash.read_all(text, "s.sh")
        layers = EditedLayers("mine", folder)
        assert edit_layers(layers, launch, lambda a, b: compared(a, b)) == []
        assert layers.affected() == []
        changes = layers.changes()
        assert {c.path for c in changes} <= {path}
        for change in changes:
            change.path.write_bytes(change.new)
        mine = load_profile("mine", folder)
        assert left(with_model(mine), launch) == []
        assert load_profile("other", folder).config.env == other.config.env
        assert path.read_text().startswith(head)
        assert mine.sglang_range == ">=0.5"
        again = EditedLayers("mine", folder)
        edit_layers(again, launch, lambda a, b: compared(a, b))
        assert again.changes() == []


def test_what_is_left_can_be_seen() -> None:
    """The helper above tells a difference where there is one."""
    profile = LaunchConfig("p", "profile", (EnvVar("A", "1", Origin("p")),), ())
    (launch,) = bash.read_all("export A=2\nsglang serve --one")
    assert [d.name for d in left(profile, launch)] == ["A", "--one"]
    assert diff(profile, launch)
