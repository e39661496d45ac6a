"""The pytest plugin, as suites use it: fixtures, markers, servers, and the check as tests."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dsv4_env import cli, load_profile
from dsv4_env.exporters import EXPORTERS
from dsv4_env.profile import reference_script
from tests.unit.server.test_process import STAND_IN, gone, record, running

pytest_plugins = ["pytester"]

STRICT = (
    "-W",
    "error",
    "--strict-markers",
    "--strict-config",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:hypothesispytest",
)
EXPERTS = "SGLANG_DSV4_FP4_EXPERTS"  # "true" or "false"
MAY = load_profile("pro-fp4", sglang="0.5.13").config  # has SGLANG_USE_AITER
SCRIPT = EXPORTERS["shell"](MAY)
ARGS = EXPORTERS["args"](MAY).strip()
LAUNCH = f"python3 -m sglang.launch_server {ARGS}\n"


@pytest.fixture(scope="module", autouse=True)
def _loaded() -> None:
    """Import once what a check imports: pytester forgets what a run in this process has."""

    assert cli.run(["check"]) == 0


def passes(pytester: pytest.Pytester, code: str, *words: str, **counts: int) -> pytest.RunResult:
    """Run a test file in this process; all its tests pass, or as counted."""
    pytester.makepyfile(code)
    result = pytester.runpytest_inprocess(*STRICT, *words)
    result.assert_outcomes(**counts)
    return result


@pytest.fixture
def own_profiles(pytester: pytest.Pytester) -> Path:
    folder = pytester.mkdir("own")
    (folder / "mine.toml").write_text('extends = ["flash-fp4"]\n[env]\nSGLANG_USE_AITER = "0"\n')
    return folder


# Which profile a test gets


def test_a_marker_runs_a_test_with_each_of_its_profiles(pytester: pytest.Pytester) -> None:
    result = passes(
        pytester,
        """
        import pytest
        seen = []
        @pytest.mark.dsv4_profile("flash-fp4", "pro-fp8", "flash-fp4")
        def test_it(dsv4_profile, request):
            seen.append(dsv4_profile.name)
            assert request.node.name == f"test_it[{dsv4_profile.name}]"
        @pytest.mark.dsv4_profile("flash-fp8")
        def test_one(dsv4_server_args, dsv4_profile):
            assert dsv4_server_args == dsv4_profile.server_args
            assert dsv4_profile.name == "flash-fp8"
        def test_seen():
            assert seen == ["flash-fp4", "pro-fp8"]
        """,
        passed=4,
    )
    assert result.ret == 0


def test_the_nearest_marker_counts(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        """
        import pytest
        pytestmark = pytest.mark.dsv4_profile("pro-fp8")
        def test_module(dsv4_profile):
            assert dsv4_profile.name == "pro-fp8"
        @pytest.mark.dsv4_profile("flash-fp8")
        class TestIt:
            def test_class(self, dsv4_profile):
                assert dsv4_profile.name == "flash-fp8"
            @pytest.mark.dsv4_profile("flash-fp4")
            def test_own(self, dsv4_profile):
                assert dsv4_profile.name == "flash-fp4"
        @pytest.mark.dsv4_profile("pro-fp4")
        class TestDerived(TestIt):
            def test_class(self, dsv4_profile):
                assert dsv4_profile.name == "pro-fp4"
            test_own = None
        """,
        "--dsv4-profile=pro-fp4",
        passed=4,
    )


@pytest.mark.parametrize("indirect", ["True", "False"])
def test_a_parameter_names_the_profile(pytester: pytest.Pytester, indirect: str) -> None:
    passes(
        pytester,
        f"""
        import pytest
        @pytest.mark.parametrize("n, dsv4_profile", [(1, "flash-fp8")], indirect={indirect} and
                                 ["dsv4_profile"])
        def test_it(n, dsv4_profile, dsv4_env, dsv4_server_args):
            assert dsv4_env["{EXPERTS}"] == "false"
            assert "--tp" in dsv4_server_args
            assert getattr(dsv4_profile, "name", dsv4_profile) == "flash-fp8"
        """,
        "--dsv4-profile=pro-fp4",
        passed=1,
    )


def test_a_marker_takes_a_profile_that_a_test_has_changed(
    pytester: pytest.Pytester, stand_in: Path
) -> None:
    code = """
        import os, pytest
        from dsv4_env import load_profile
        HALF = load_profile("pro-fp4").changed(args=["--tp", "4"], env={"A": "half"})
        TWO = load_profile("pro-fp4").changed(args=["--tp", "2"])

        @pytest.mark.dsv4_profile(HALF, TWO, HALF, "pro-fp4")
        def test_each(dsv4_profile, dsv4_server_args, dsv4_env, request):
            tp = dsv4_server_args[dsv4_server_args.index("--tp") + 1]
            with open("seen", "a") as file:
                print(tp, os.environ.get("A"), request.node.name, file=file)

        @pytest.mark.dsv4_profile("pro-fp4")
        def test_server(dsv4_profile, dsv4_launch):
            with dsv4_launch(dsv4_profile.changed(env={"A": "own"})) as server:
                assert server.url

        @pytest.mark.dsv4_profile(HALF)
        def test_fixture(dsv4_server):
            pass
    """
    passes(pytester, code, passed=5)
    assert (pytester.path / "seen").read_text().splitlines() == [
        "4 half test_each[pro-fp4_0]",
        "2 None test_each[pro-fp4_1]",
        "8 None test_each[pro-fp4_2]",
    ]
    assert record(stand_in)["environ"]["A"] == "half"  # of the last that was started


def test_options_and_settings_name_it_for_tests_that_do_not(pytester: pytest.Pytester) -> None:
    pytester.makeini("[pytest]\ndsv4_profile = flash-fp8 pro-fp8\n")
    code = """
        def test_it(dsv4_profile):
            print("with", dsv4_profile.name)
        """
    both = passes(pytester, code, "-s", passed=2)
    both.stdout.fnmatch_lines(["*with flash-fp8*", "*with pro-fp8*"])
    one = passes(pytester, code, "-s", "--dsv4-profile", "pro-fp4", passed=1)
    one.stdout.fnmatch_lines(["*with pro-fp4*"])


def test_own_profiles_come_from_a_folder(pytester: pytest.Pytester, own_profiles: Path) -> None:
    code = """
        import pytest
        @pytest.mark.dsv4_profile("mine")
        def test_it(dsv4_env):
            assert dsv4_env["SGLANG_USE_AITER"] == "0"
        """
    passes(pytester, code, "--dsv4-profiles", "own", passed=1)
    pytester.makepyprojecttoml('[tool.dsv4_env]\nprofiles = "own"\n')
    passes(pytester, code, passed=1)


def test_without_a_profile_a_test_is_told_what_to_do(pytester: pytest.Pytester) -> None:
    result = passes(pytester, "def test_it(dsv4_env): pass", errors=1)
    result.stdout.fnmatch_lines(["no profile for *::test_it; expected @pytest.mark.dsv4_profile*"])
    result.stdout.no_fnmatch_line("*pytest_plugin.py*")


UNKNOWN = "*unknown profile 'flash-pf4'; expected one of *. Did you mean flash-fp4?"


@pytest.mark.parametrize(
    "code",
    [
        '@pytest.mark.dsv4_profile("flash-pf4")\ndef test_it(dsv4_env): pass',
        '@pytest.mark.dsv4_profile("flash-fp4", "flash-pf4")\ndef test_it(): pass',
        '@pytest.mark.parametrize("dsv4_profile", ["flash-pf4"], indirect=True)\n'
        "def test_it(dsv4_profile): pass",
        'pytestmark = pytest.mark.dsv4_profile("flash-pf4")\ndef test_it(dsv4_env): pass',
        '@pytest.mark.dsv4_profile("flash-pf4")\nclass TestIt(unittest.TestCase):\n'
        "    def test_it(self): pass",
    ],
    ids=["marker", "second", "parameter", "module", "unittest"],
)
def test_an_unknown_profile_is_an_error_of_collection(pytester: pytest.Pytester, code: str) -> None:
    result = passes(pytester, f"import pytest, unittest\n{code}\n", "--collect-only", errors=1)
    result.stdout.fnmatch_lines(
        [f"*_unknown_profile_is_an_error_of_collection.py:*: {UNKNOWN[1:]}"]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    assert result.ret == pytest.ExitCode.INTERRUPTED


def test_an_unknown_profile_of_the_option_is_wrong_usage(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(): pass")
    for words in (
        ["--dsv4-profile=flash-pf4"],
        ["--dsv4-profiles=nowhere"],
        ["--dsv4-server-timeout=0"],
    ):
        result = pytester.runpytest_inprocess(*STRICT, *words)
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(["ERROR: *expected*"])


@pytest.mark.parametrize("mark", ["dsv4_profile", "dsv4_profile()", 'dsv4_profile(name="x")'])
def test_a_marker_takes_names(pytester: pytest.Pytester, mark: str) -> None:
    code = f"import pytest\n@pytest.mark.{mark}\ndef test_it(): pass\n"
    passes(pytester, code, errors=1).stdout.fnmatch_lines(["*takes names of profiles*"])


# The environment


def test_the_environment_is_as_before(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(EXPERTS, "before")
    passes(
        pytester,
        f"""
        import os, pytest
        pytestmark = pytest.mark.dsv4_profile("flash-fp8")
        @pytest.fixture
        def after():
            before = dict(os.environ)
            yield
            now = dict(os.environ)
            assert {{n: v for n, v in now.items() if "PYTEST_" not in n}} == {{
                n: v for n, v in before.items() if "PYTEST_" not in n}}
        def test_set(after, dsv4_env):
            assert os.environ["{EXPERTS}"] == "false"
            assert {{n: os.environ[n] for n in dsv4_env}} == dsv4_env
        def test_by_hand(after, dsv4_env, monkeypatch):
            monkeypatch.setenv("{EXPERTS}", "patched")
            os.environ["SGLANG_DP_USE_GATHERV"] = "by hand"
            del os.environ["SGLANG_USE_ROCM700A"]
        def test_undone(after, dsv4_env, monkeypatch):
            monkeypatch.undo()
            assert os.environ["{EXPERTS}"] == "before"
            os.environ["{EXPERTS}"] = os.environ["SGLANG_DP_USE_GATHERV"] = "by hand"
        def test_patched_first(after, monkeypatch, dsv4_env):
            monkeypatch.delenv("{EXPERTS}")
        def test_dies(after, dsv4_env):
            raise SystemExit(3)
        def test_changed_dict(after, dsv4_env):
            dsv4_env.clear()
        def test_after():
            assert os.environ["{EXPERTS}"] == "before"
            assert "SGLANG_DP_USE_GATHERV" not in os.environ
        """,
        passed=6,
        failed=1,
    )
    assert os.environ[EXPERTS] == "before"
    assert "SGLANG_DP_USE_GATHERV" not in os.environ


def test_the_environment_is_as_before_when_the_run_is_interrupted(
    pytester: pytest.Pytester,
) -> None:
    pytester.makeconftest(
        f"""
        import os
        def pytest_unconfigure(config):
            print("at the end", os.environ.get("{EXPERTS}"))
        """
    )
    pytester.makepyfile(
        """
        def test_it(dsv4_env):
            raise KeyboardInterrupt
        """
    )
    result = pytester.runpytest_subprocess(*STRICT, "--dsv4-profile=pro-fp4")
    assert result.ret == pytest.ExitCode.INTERRUPTED
    result.stdout.fnmatch_lines(["*at the end None*"])


# unittest


CASE = f"""
import os, pytest, unittest

class CustomTestCase(unittest.TestCase):
    def __init_subclass__(cls, **more):  # as SGLang's: tearDownClass even if setUpClass fails
        super().__init_subclass__(**more)
        original = cls.setUpClass.__func__
        def safe(klass):
            try:
                original(klass)
            except Exception:
                klass.tearDownClass()
                raise
        cls.setUpClass = classmethod(safe)

    def _callTestMethod(self, method):  # and its retries
        for left in (1, 0):
            try:
                return super()._callTestMethod(method)
            except Exception:
                if not left:
                    raise

class Base(CustomTestCase):
    tries = 0
    @classmethod
    def setUpClass(cls):
        cls.seen = cls.dsv4_profile.name, os.environ.get("{EXPERTS}")
    @classmethod
    def tearDownClass(cls):
        assert os.environ.get("{EXPERTS}") == cls.seen[1]

@pytest.mark.dsv4_profile("flash-fp4")
@pytest.mark.usefixtures("dsv4_env")
class TestFlashFp4(Base):
    def test_env(self):
        self.assertEqual(self.seen, ("flash-fp4", "true"))
        self.assertEqual(os.environ["{EXPERTS}"], "true")
    def test_flaky(self):
        type(self).tries += 1
        self.assertEqual(os.environ["{EXPERTS}"], "true")
        self.assertEqual(self.tries, 2)

@pytest.mark.dsv4_profile("flash-fp8")
class TestFlashFp8(TestFlashFp4):
    tries = 0
    def test_env(self):
        self.assertEqual(self.seen, ("flash-fp8", "false"))
    def test_flaky(self):
        pass

@pytest.mark.dsv4_profile("pro-fp8")
class TestWithoutEnv(Base):
    def test_env(self):
        self.assertEqual(self.seen, ("pro-fp8", None))
        self.assertNotIn("{EXPERTS}", os.environ)

def test_after():
    assert "{EXPERTS}" not in os.environ
    assert not hasattr(TestFlashFp4, "dsv4_profile")
"""


def test_a_case_of_unittest_has_its_profile_in_set_up_class(pytester: pytest.Pytester) -> None:
    passes(pytester, CASE, passed=6)


def test_a_case_of_unittest_may_get_it_by_option(pytester: pytest.Pytester) -> None:
    code = f"""
        import os, pytest, unittest
        @pytest.mark.usefixtures("dsv4_env")
        class TestIt(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                assert (cls.dsv4_profile.name, os.environ["{EXPERTS}"]) == ("pro-fp8", "false")
            def test_it(self):
                self.assertEqual(os.environ["{EXPERTS}"], "false")
        class TestOther(unittest.TestCase):
            def test_it(self):
                self.assertFalse(hasattr(self, "dsv4_profile"))
        """
    passes(pytester, code, "--dsv4-profile=pro-fp8", passed=2)
    two = passes(pytester, code, "--dsv4-profile=pro-fp8", "--dsv4-profile=pro-fp4", errors=1)
    two.stdout.fnmatch_lines(["*a unittest.TestCase runs with one profile, not with pro-fp8, *"])


def test_a_case_of_unittest_dies_and_leaves_nothing(pytester: pytest.Pytester) -> None:
    passes(
        pytester,
        f"""
        import os, pytest, unittest
        @pytest.mark.dsv4_profile("pro-fp8")
        @pytest.mark.usefixtures("dsv4_env")
        class TestIt(unittest.TestCase):
            @classmethod
            def setUpClass(cls):
                raise OSError("no GPU")
            def test_it(self):
                pass
        def test_after():
            assert "{EXPERTS}" not in os.environ
        """,
        passed=1,
        errors=1,
    )


# Servers


@pytest.fixture
def stand_in(pytester: pytest.Pytester) -> Path:
    """A conftest that starts the stand-in instead of SGLang; where it records."""
    pytester.makeconftest(
        f"""
        import sys, pytest
        @pytest.fixture(scope="session")
        def dsv4_server_command():
            def command(profile, port):
                words = profile.command(model="M", port=port)[3:]
                return [sys.executable, {str(STAND_IN)!r}, "record", *words]
            return command
        """
    )
    return pytester.path / "record"


def test_a_server_has_the_profile_and_ends(pytester: pytest.Pytester, stand_in: Path) -> None:
    pytester.makepyfile(
        """
        import json, os, pytest, urllib.request
        from pathlib import Path
        from dsv4_env import load_profile
        @pytest.mark.dsv4_profile("flash-fp8", "pro-fp4")
        def test_it(dsv4_server, dsv4_profile):
            with urllib.request.urlopen(f"{dsv4_server.url}/health") as answer:
                assert answer.status == 200
            found = json.loads(Path("record").read_text())
            assert found["argv"][2:-2] == dsv4_profile.server_args
            for name, value in dsv4_profile.env.items():
                assert found["environ"][name] == value
            assert "SGLANG_USE_AITER" not in os.environ
            with open("pids", "a") as file:
                print(dsv4_server.pid, file=file)
        """
    )
    pytester.runpytest_subprocess(*STRICT).assert_outcomes(passed=2)
    pids = [int(line) for line in (pytester.path / "pids").read_text().split()]
    assert len(set(pids)) == 2
    assert not any(map(running, pids))


def test_a_class_or_module_shares_its_server(pytester: pytest.Pytester, stand_in: Path) -> None:
    code = """
        import pytest
        pytestmark = pytest.mark.dsv4_profile("flash-fp8", "pro-fp4")
        @pytest.mark.dsv4_profile("flash-fp4", "pro-fp8")
        class TestIt:
            seen = []
            def test_one(self, dsv4_class_server):
                self.seen.append(dsv4_class_server)
            def test_two(self, dsv4_class_server, dsv4_profile):
                assert self.seen[-1] is dsv4_class_server
                assert all(not s.alive() for s in self.seen[:-1])
            def test_own(self, own):
                assert own.alive()
        @pytest.fixture(scope="class")
        def own(dsv4_launch, dsv4_profile_name):
            with dsv4_launch(dsv4_profile_name, env={"A": "b"}) as server:
                yield server
        servers = []
        def test_three(dsv4_module_server):
            servers.append(dsv4_module_server)
        def test_four(dsv4_module_server):
            assert servers[-1] is dsv4_module_server
        def test_after():
            assert len(TestIt.seen) == len(servers) == 2
            assert not any(s.alive() for s in TestIt.seen + servers[:1])
        """
    passes(pytester, code, passed=11)


def test_a_failing_test_shows_the_log_of_its_server(
    pytester: pytest.Pytester, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = """
        import os, signal
        def test_it(dsv4_server):
            os.kill(dsv4_server.pid, signal.SIGKILL)
            while dsv4_server.alive(): pass
            raise ConnectionError
        """
    result = passes(pytester, code, "--dsv4-profile=pro-fp4", failed=1)
    result.stdout.fnmatch_lines(
        ["*Captured http://127.0.0.1:* call*", "loading weights", "(the server has ended)"]
    )
    result.stdout.no_fnmatch_line("*sesame*")
    monkeypatch.setenv("STAND_IN", "dies")
    result = passes(pytester, code, "--dsv4-profile=pro-fp4", errors=1)
    result.stdout.fnmatch_lines(["*the server has ended, exit code 3*", "*| out of memory"])
    result.stdout.no_fnmatch_line("*sesame*")
    result.stdout.no_fnmatch_line("*Captured http*")


def test_the_time_a_server_has(
    pytester: pytest.Pytester, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN", "deaf")
    code = "def test_it(dsv4_server): pass"
    option = ("--dsv4-profile=pro-fp4", "--dsv4-server-timeout=0.25")
    passes(pytester, code, *option, errors=1).stdout.fnmatch_lines(["*isn't up after 0.25 s*"])
    pytester.makeini("[pytest]\ndsv4_server_timeout = 0.125\n")
    passes(pytester, code, option[0], errors=1).stdout.fnmatch_lines(["*isn't up after 0.125 s*"])


def test_without_a_command_of_ones_own_it_is_sglang(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(sglang="print('no launch_server here')")
    code = "def test_it(dsv4_server): pass"
    result = passes(pytester, code, "--dsv4-profile=pro-fp4", errors=1)
    result.stdout.fnmatch_lines(
        [
            "*the server has ended, exit code 1, before it was up",
            "*-m sglang.launch_server --model-path deepseek-ai/DeepSeek-V4-Pro *--port 2*",
        ]
    )
    told = [line for line in result.stdout.lines if ", before it was up" in line]
    assert len([line for line in told if not line.startswith("ERROR ")]) == 1  # the summary's


def test_the_example_of_the_docs(pytester: pytest.Pytester, stand_in: Path) -> None:
    text = (Path(__file__).parents[3] / "docs" / "howto" / "tests.md").read_text()
    (example,) = (
        block
        for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
        if "import pytest" in block
    )
    passes(pytester, example, passed=3)


ENDINGS = {
    "failure": "assert False",
    "exit": "pytest.exit('enough')",
    "interrupt": "raise KeyboardInterrupt",
    "crash": "os._exit(7)",
    "killed": "os.kill(os.getpid(), signal.SIGKILL)",
    "alarm": "signal.alarm(1); time.sleep(60)",
    "thread": "threading.Thread(target=os._exit, args=(9,)).start(); time.sleep(60)",
}


@pytest.mark.parametrize("how", ENDINGS)
def test_no_server_stays_behind(
    pytester: pytest.Pytester, stand_in: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    monkeypatch.setenv("STAND_IN", "stubborn")
    pytester.makepyfile(
        f"""
        import os, pytest, signal, threading, time
        @pytest.fixture
        def server(dsv4_launch):
            with dsv4_launch("pro-fp4", timeout=60, grace=0.3) as server:
                yield server
        def test_it(server):
            {ENDINGS[how]}
        """
    )
    result = pytester.runpytest_subprocess(*STRICT)
    assert result.ret != 0
    pids = record(stand_in)["pids"]
    assert len(pids) == 3
    assert gone(pids)


def test_no_server_stays_behind_when_its_start_is_timed_out(
    pytester: pytest.Pytester, stand_in: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAND_IN", "stubborn deaf")
    pytester.makepyfile(
        """
        import pytest, signal
        from pathlib import Path
        def over(*_):  # as pytest-timeout does
            while not Path("record").exists(): pass
            pytest.fail("too slow", pytrace=False)
        @pytest.fixture(autouse=True)
        def limit():
            signal.signal(signal.SIGALRM, over)
            signal.setitimer(signal.ITIMER_REAL, 0.5)
        @pytest.fixture
        def server(limit, dsv4_launch):
            with dsv4_launch("pro-fp4", grace=0.3) as server:
                yield server
        def test_it(server): pass
        """
    )
    result = pytester.runpytest_subprocess(*STRICT)
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["too slow"])
    assert not any(map(running, record(stand_in)["pids"]))


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_no_server_stays_behind_when_ci_cancels_the_job(
    pytester: pytest.Pytester, stand_in: Path, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    monkeypatch.setenv("STAND_IN", "stubborn deaf")
    pytester.makepyfile(
        """
        def test_it(dsv4_launch):
            with dsv4_launch("pro-fp4", grace=0.3): pass
        """
    )
    words = [sys.executable, "-m", "pytest", *STRICT]
    run = subprocess.Popen(words, stdout=subprocess.DEVNULL, start_new_session=True)
    pids = record(stand_in, 60)["pids"]
    os.killpg(run.pid, number)
    run.wait()
    assert gone(pids)


# The check as tests


BROKEN = SCRIPT.replace("USE_AITER='1'", "USE_AITER='0'") + LAUNCH
PAIRS = """
[tool.dsv4_env]
sglang = "0.5.13"
[[tool.dsv4_env.pairs]]
profile = "pro-fp4"
files = "scripts/*.sh"
"""


@pytest.fixture
def project(pytester: pytest.Pytester) -> Path:
    """A project with a pair of two scripts, one of which has drifted."""
    scripts = pytester.mkdir("scripts")
    (scripts / "good.sh").write_text(SCRIPT + LAUNCH)
    (scripts / "bad.sh").write_text(BROKEN)
    (pytester.path / "pyproject.toml").write_text(PAIRS)
    return pytester.path


def today(project: Path) -> None:
    """Write the scripts of a project for the newest SGLang instead."""
    config = load_profile("pro-fp4", sglang="0.5.23").config
    text = (
        f"{EXPORTERS['shell'](config)}python3 -m sglang.launch_server {EXPORTERS['args'](config)}"
    )
    (project / "scripts" / "good.sh").write_text(text)
    (project / "scripts" / "bad.sh").write_text(text.replace("ROCM700A='0'", "ROCM700A='1'"))


def drift(pytester: pytest.Pytester, *words: str, **counts: int) -> pytest.RunResult:
    result = pytester.runpytest_inprocess(*STRICT, "-rA", "--dsv4-drift", *words)
    result.assert_outcomes(**counts)
    return result


def add(project: Path, text: str) -> None:
    with (project / "pyproject.toml").open("a") as file:
        file.write(text)


def test_each_pair_and_file_is_a_test(pytester: pytest.Pytester, project: Path) -> None:
    pytester.makepyfile("def test_it(): pass")
    result = drift(pytester, passed=2, failed=1)
    result.stdout.fnmatch_lines(
        [
            "collected 3 items",
            "dsv4-drift F.*",
            "*_ dsv4-drift: pro-fp4 against scripts/bad.sh _*",
            'scripts/bad.sh:*: error: SGLANG_USE_AITER is "0"; pro-fp4 has "1": write that*',
            "*| export SGLANG_USE_AITER='0'",
            "pro-fp4 against scripts/bad.sh: drift (32 settings compared, 0 unknown; 1 error)",
            "PASSED *::test_it",
            "PASSED dsv4-drift::pro-fp4::scripts/good.sh",
            "FAILED dsv4-drift::pro-fp4::scripts/bad.sh - Failed: scripts/bad.sh:*",
        ]
    )
    result.stdout.no_fnmatch_line("*Traceback*")
    result.stdout.no_fnmatch_line("*pytest_drift*")
    assert pytester.runpytest_inprocess(*STRICT).parseoutcomes() == {"passed": 1}


def test_drift_within_a_checkout_of_sglang_is_read_as_that(
    pytester: pytest.Pytester, project: Path
) -> None:
    settings = project / "pyproject.toml"
    settings.write_text(settings.read_text().replace('sglang = "0.5.13"\n', ""))
    today(project)
    srt = project / "python" / "sglang" / "srt"
    srt.mkdir(parents=True)
    (srt / "environ.py").write_text("class Envs:\n    SGLANG_USE_AITER = EnvInt(0)\n")
    (srt / "server_args.py").write_text(
        "class ServerArgs:\n    def add_cli_args(parser):\n"
        "        parser.add_argument('--tp-size', '--tp', type=int, default=1)\n"
    )
    result = drift(pytester, passed=1, failed=1)
    result.stdout.fnmatch_lines(["note: read as the tree's own SGLang (python/sglang)"])


def test_tests_of_drift_are_chosen_as_others_are(pytester: pytest.Pytester, project: Path) -> None:
    pytester.makepyfile("def test_it(): assert False")
    drift(pytester, "-k", "good", passed=1, deselected=2)
    drift(pytester, "-k", "dsv4-drift and not bad", passed=1, deselected=2)
    drift(pytester, "-m", "dsv4_drift", passed=1, failed=1, deselected=1)
    drift(pytester, "-m", "not dsv4_drift", failed=1, deselected=2)
    drift(pytester, "-x", "-k", "pro-fp4", failed=1, deselected=1)
    (project / "scripts" / "bad.sh").write_text(SCRIPT + LAUNCH)
    drift(pytester, "-k", "dsv4-drift", passed=2, deselected=1)


def test_what_has_failed_is_run_again(pytester: pytest.Pytester, project: Path) -> None:
    pytester.makepyfile("def test_it(): pass")
    words = ("-W", "error", "-v", "--dsv4-drift")
    pytester.runpytest_inprocess(*words).assert_outcomes(passed=2, failed=1)
    result = pytester.runpytest_inprocess(*words, "--last-failed")
    result.assert_outcomes(failed=1, deselected=result.parseoutcomes()["deselected"])
    result.stdout.fnmatch_lines(["dsv4-drift::pro-fp4::scripts/bad.sh FAILED*"])


def test_workers_share_the_tests_of_drift(pytester: pytest.Pytester, project: Path) -> None:
    result = pytester.runpytest_subprocess(*STRICT, "--dsv4-drift", "-n2", "--junitxml=out.xml")
    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*[[]DSV003]"])
    cases = ElementTree.parse(project / "out.xml").getroot().iter("testcase")
    found = {(c.get("classname"), c.get("name")): c.find("failure") for c in cases}
    assert set(found) == {
        ("dsv4-drift.pro-fp4", "scripts/good.sh"),
        ("dsv4-drift.pro-fp4", "scripts/bad.sh"),
    }
    failure = found["dsv4-drift.pro-fp4", "scripts/bad.sh"]
    assert failure is not None
    assert "[DSV003]" in (failure.text or "")


def test_what_is_waived_passes_and_its_waivers_are_judged(
    pytester: pytest.Pytester, project: Path
) -> None:
    add(project, '[[tool.dsv4_env.waivers]]\nname = "SGLANG_USE_AITER"\nreason = "a trial"\n')
    result = drift(pytester, passed=3)
    result.stdout.fnmatch_lines(["PASSED dsv4-drift::waivers"])
    add(project, '[[tool.dsv4_env.waivers]]\nname = "--tp"\nreason = "unused"\n')
    result = drift(pytester, passed=2, failed=1)
    result.stdout.fnmatch_lines(["*the waiver of --tp excuses nothing: remove it [[]DSV014]"])
    add(project, "until = 2020-01-01\n")
    result = drift(pytester, passed=2, failed=1)
    result.stdout.fnmatch_lines(["*the waiver of --tp ended on 2020-01-01 (unused): settle it*"])


def test_a_waiver_in_a_comment_counts(pytester: pytest.Pytester, project: Path) -> None:
    comment = '# dsv4-env: allow SGLANG_USE_AITER reason="a trial"\n'
    (project / "scripts" / "bad.sh").write_text(comment + BROKEN)
    drift(pytester, passed=3)
    (project / "scripts" / "bad.sh").write_text(comment + SCRIPT + LAUNCH)
    result = drift(pytester, passed=2, failed=1)
    result.stdout.fnmatch_lines(["scripts/bad.sh:1:1: warning: *excuses nothing*"])


def test_what_the_baseline_knows_passes(
    pytester: pytest.Pytester, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert cli.run(["check", "--baseline", "known.json", "--write-baseline"]) == 0
    monkeypatch.setenv("DSV4_ENV_BASELINE", "known.json")
    drift(pytester, passed=2)
    (project / "known.json").write_text("nonsense")
    drift(pytester, failed=2).stdout.fnmatch_lines(["*known.json: no JSON*"])


def test_notes_pass(pytester: pytest.Pytester, project: Path) -> None:
    text = SCRIPT + LAUNCH.replace("\n", " --log-level debug\n")
    (project / "scripts" / "bad.sh").write_text(text)
    drift(pytester, passed=2)


def test_what_cannot_be_read_or_found_fails(pytester: pytest.Pytester, project: Path) -> None:
    (project / "scripts" / "bad.sh").write_text("if true; then\n")
    (project / "scripts" / "dir.sh").mkdir()
    add(project, '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp8"\nfiles = ["nowhere.py"]\n')
    add(project, '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "scripts/good.sh"\n')
    add(project, 'symbol = "Nobody"\nset = {A = "b"}\n')
    result = drift(pytester, passed=1, failed=3)
    result.stdout.fnmatch_lines_random(
        [
            "scripts/bad.sh:1:14: error: syntax error*[[]DSV010]",
            "pyproject.toml:7:3: error: no file is called nowhere.py *: mend the pair*",
            "scripts/good.sh: error: no launch is called Nobody*",
            "FAILED dsv4-drift::pro-fp8::nowhere.py - *",
            "FAILED dsv4-drift::pro-fp4::scripts/good.sh[[]Nobody[]] - *",
        ]
    )


def test_settings_that_are_wrong_are_an_error_of_collection(
    pytester: pytest.Pytester, project: Path
) -> None:
    pytester.makepyfile("def test_it(): pass")
    add(project, '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp5"\nfiles = "scripts/good.sh"\n')
    result = drift(pytester, errors=1)
    result.stdout.fnmatch_lines(["*pyproject.toml:7:3: unknown profile 'pro-fp5'; *"])
    add(project, "[tool.dsv4_env.severity]\nX = 1\n")
    result = drift(pytester, errors=1)
    result.stdout.fnmatch_lines(["*: X is 1; expected error, warning or note", "ERROR dsv4-drift"])


def test_without_pairs_it_is_what_check_does(pytester: pytest.Pytester, own_profiles: Path) -> None:
    result = drift(pytester, errors=1)
    result.stdout.fnmatch_lines(["--dsv4-drift: there is nothing to check: no pairs; expected *"])
    pytester.mkdir("profiles").joinpath("run_dsv4.sh").write_text(reference_script().read_text())
    pytester.makepyprojecttoml('[project]\nname = "dsv4-env"\n')
    result = drift(pytester, passed=1)
    result.stdout.fnmatch_lines(["PASSED dsv4-drift::pro-fp4::profiles/run_dsv4.sh"])
    (pytester.path / "run.sh").write_text(BROKEN)
    settings = (
        '[tool.dsv4_env]\nsglang = "0.5.13"\nagainst = "run.sh"\nprofile = ["pro-fp4", "mine"]\n'
    )
    pytester.makepyprojecttoml(settings)
    result = drift(pytester, "--dsv4-profiles=own", passed=1, failed=1)
    result.stdout.fnmatch_lines(["PASSED *::mine::run.sh", "FAILED dsv4-drift::pro-fp4::run.sh *"])


def test_two_pairs_of_one_file_are_two_tests(pytester: pytest.Pytester, project: Path) -> None:
    add(project, '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "scripts/good.sh"\n')
    add(project, '[[tool.dsv4_env.pairs]]\nprofile = "pro-fp4"\nfiles = "scripts/good.sh"\n')
    add(project, "launch = 1\n")
    result = drift(pytester, passed=3, failed=1)
    result.stdout.fnmatch_lines_random(
        [f"PASSED dsv4-drift::pro-fp4::scripts/good.sh{more}" for more in ("", "-2", "#1")]
    )


def test_a_release_that_is_not_known_yet_is_told(pytester: pytest.Pytester, project: Path) -> None:
    today(project)
    text = (project / "pyproject.toml").read_text()
    (project / "pyproject.toml").write_text(text.replace("0.5.13", "99.0"))
    result = drift(pytester, passed=1, failed=1)
    result.stdout.fnmatch_lines(["note: SGLang 99.0 isn't known yet*"])
    (project / "pyproject.toml").write_text(text.replace("0.5.13", "0.1"))
    drift(pytester, errors=1).stdout.fnmatch_lines(["*no catalogue of SGLang '0.1'; expected *"])
