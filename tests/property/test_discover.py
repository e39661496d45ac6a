"""Following only the files that may be near a profile finds what following all of them finds."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings, strategies as st

from dsv4_env.cli.comparing import catalogue_for
from dsv4_env.drift.discover import FoundLaunch, How, discover
from dsv4_env.drift.nearest import Nearest
from dsv4_env.profile import load_all, reference_script
from dsv4_env.profile.settings import Settings
from tests.conftest import amd_tests
from tests.unit.readers.python.test_facts import written

CASES = Path(__file__).parent.parent / "cases" / "python"
PROFILES = load_all(None)
FLASH = PROFILES["flash-fp4"]
FLAGS = [a.flag for a in FLASH.config.args or () if a.flag]
SLOW = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


def near(folder: Path, least: float, *, follow_all: bool) -> list[FoundLaunch]:
    made = Nearest(PROFILES, Settings(), catalogue_for, least)
    how = How(folder, jobs=0, follow_all=follow_all)
    found = discover([folder], lambda: made, how)
    return [x for x in found.launches if x.match.profile]


def test_the_golden_files(tmp_path: Path) -> None:
    shutil.copytree(CASES, tmp_path / "cases")
    shutil.copytree(CASES.parent / "bash", tmp_path / "bash")
    shutil.copyfile(reference_script(), tmp_path / "run.sh")
    facts = amd_tests()
    for number, fact in enumerate(facts):
        (tmp_path / f"test_{number}.py").write_text(written(fact))
    for least in (0.02, 0.1, 0.5):
        whole = near(tmp_path, least, follow_all=True)
        assert near(tmp_path, least, follow_all=False) == whole
        assert len({x.path for x in whole}) >= len(facts)


ENV = st.lists(st.sampled_from(sorted(FLASH.env)), unique=True, max_size=8)
ARGS = st.lists(st.sampled_from(FLAGS), unique=True, max_size=8)
HOW = st.sampled_from(["plain", "begun", "format", "joined", "cut", "keys", "codes"])
WHERE = st.sampled_from(["", "helper", "pkg.inner", "pkg"])


def env_of(names: list[str], how: str) -> str:
    """An expression for a dict of variables, the names spelled in some way."""
    values = {n: FLASH.env[n] for n in names}
    if how == "keys":
        return f"dict({', '.join(f'{n}={v!r}' for n, v in values.items())})"
    ways: dict[str, Callable[[str], str]] = {
        "begun": lambda n: f"'SGLANG_' + {n.removeprefix('SGLANG_')!r}",
        "format": lambda n: f"'{n.rpartition('_')[0]}_{{}}'.format({n.rpartition('_')[2]!r})",
        "joined": lambda n: f"'_'.join({n.split('_')!r})",
        "cut": lambda n: f"'{n[:-2]}' '{n[-2:]}'",
        "codes": lambda n: f"'\\x{ord(n[0]):x}{n[1:]}'",
    }
    spelled = ways.get(how, repr)
    pairs = (
        f"{spelled(n) if n.startswith('SGLANG_') else repr(n)}: {v!r}" for n, v in values.items()
    )
    return "{" + ", ".join(pairs) + "}"


def args_of(flags: list[str], how: str) -> str:
    """An expression for a list of arguments."""
    given = {a.flag: a.values for a in FLASH.config.args or ()}
    if how in ("keys", "joined"):
        return "[" + ", ".join(f"'--' + {f[2:]!r}, *{list(given[f])!r}" for f in flags) + "]"
    if how == "format":
        return "[" + ", ".join(f"'--%s' % {f[2:]!r}, *{list(given[f])!r}" for f in flags) + "]"
    if how == "cut":
        return "[" + ", ".join(f"'{f[:-2]}' '{f[-2:]}', *{list(given[f])!r}" for f in flags) + "]"
    if how == "begun":  # abbreviated, and with =
        found = [(f[:-1] if len(f) > 18 else f, given[f]) for f in flags]
        return repr(["=".join([f, *map(str, values)]) for f, values in found])
    return repr([w for f in flags for w in (f, *given[f])])


@SLOW
@given(ENV, ARGS, HOW, HOW, WHERE, WHERE, st.sampled_from([0.02, 0.05, 0.1, 0.3, 0.5]))
def test_any_way_to_make_settings(
    env: list[str],
    args: list[str],
    how_env: str,
    how_args: str,
    where_env: str,
    where_args: str,
    least: float,
) -> None:
    lines = {"": "", "helper": "", "pkg.inner": "", "pkg": ""}
    lines[where_env] += f"ENV = {env_of(env, how_env)}\n"
    lines[where_args] += f"ARGS = {args_of(args, how_args)}\n"
    imports = [
        f"from {where} import {name}\n"
        for name, where in (("ENV", where_env), ("ARGS", where_args))
        if where
    ]
    test = (
        "import os\n" + "".join(imports) + lines[""] + "\n\nclass TestIt(CustomTestCase):\n"
        "    def setUp(self):\n"
        "        popen_launch_server('M', 'U', 60, other_args=ARGS, env={**os.environ, **ENV})\n"
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "pkg").mkdir()
        (folder / "test_it.py").write_text(test)
        (folder / "helper.py").write_text(lines["helper"])
        (folder / "pkg" / "inner.py").write_text(lines["pkg.inner"])
        (folder / "pkg" / "__init__.py").write_text(lines["pkg"])
        assert near(folder, least, follow_all=False) == near(folder, least, follow_all=True)
        made = Nearest(PROFILES, Settings(), catalogue_for, least)
        whole = sum(4 if n in FLASH.env else 2 for n in (*env, *args)) / 120
        if whole >= least:  # each name counts for that at the least
            assert made.bound(folder).near(str(folder / "test_it.py"))


SCRIPT_HOW = st.sampled_from(["plain", "quoted", "begun", "declared"])


@SLOW
@given(ENV, ARGS, SCRIPT_HOW, st.booleans(), st.sampled_from([0.02, 0.1, 0.3, 0.5]))
def test_any_way_to_make_settings_in_a_script(
    env: list[str], args: list[str], how: str, apart: bool, least: float
) -> None:
    ways: dict[str, Callable[[str], str]] = {
        "plain": lambda n: f"export {n}={FLASH.env[n]}\n",
        "quoted": lambda n: f'export {n[:7]}"{n[7:]}"={FLASH.env[n]}\n',
        "begun": lambda n: (
            f'rest={n.partition("_")[2]}\nexport "{n.partition("_")[0]}_${{rest}}={FLASH.env[n]}"\n'
        ),
        "declared": lambda n: f"declare -x {n}\n{n}={FLASH.env[n]}\n",
    }
    given_ = {a.flag: a.values for a in FLASH.config.args or ()}
    words = [str(w) for f in args for w in (f, *given_[f])]
    lines = "".join(map(ways[how], env)) + f"ARGS=({' '.join(words)})\n"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "down").mkdir()
        source = '. "$(dirname "$0")/../lib.sh"\n' if apart else lines
        (folder / "lib.sh").write_text(lines if apart else "")
        (folder / "down" / "run.sh").write_text(f'{source}sglang serve m "${{ARGS[@]}}"\n')
        assert near(folder, least, follow_all=False) == near(folder, least, follow_all=True)
