import os, pytest
from unittest import mock
from dsv4_env import load_profile
from sglang.test.test_utils import popen_launch_server
p = load_profile("flash-fp4")

@pytest.fixture(autouse=True)
def quiet(monkeypatch):
    monkeypatch.setenv("SGLANG_USE_AITER", "0")

@pytest.fixture
def more():
    os.environ["SGLANG_FOO"] = "1"
    yield
    del os.environ["SGLANG_FOO"]

@pytest.fixture(scope="module")
def args():
    return [*p.server_args, "--log-requests"]

def setup_function(function):
    os.environ["SGLANG_BAR"] = "1"

def test_a(more, args):
    popen_launch_server("m", "u", 10, other_args=args, env={**p.env, **os.environ})

class TestB:
    def setup_method(self):
        os.environ["SGLANG_BAZ"] = "2"
    @pytest.mark.usefixtures("more")
    def test_b(self):
        popen_launch_server("m", "u", 10, other_args=p.server_args, env={**p.env, **os.environ})

@pytest.fixture
def patched():
    with mock.patch.dict(os.environ, {"SGLANG_P": "1"}):
        try:
            os.environ["SGLANG_Q"] = "1"
            yield [*p.server_args, "--x"]
        finally:
            os.environ.pop("SGLANG_Q")

def test_c(patched):
    popen_launch_server("m", "u", 10, other_args=patched, env={**p.env, **os.environ})


def setUpModule():
    os.environ["SGLANG_M"] = "1"
