import unittest

import pytest

pytestmark = [pytest.mark.slow, pytest.mark.dsv4_profile("other")]


@pytest.mark.dsv4_profile("small", "other")
def test_server(dsv4_server, dsv4_profile):
    assert dsv4_server.url


def test_parts(dsv4_server_args, dsv4_env):
    popen_launch_server("m", "u", 1, other_args=dsv4_server_args)


@pytest.mark.dsv4_profile("small")
@pytest.mark.usefixtures("dsv4_env")
class TestCase(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        popen_launch_server("m", "u", 1, other_args=cls.dsv4_profile.server_args)


@pytest.mark.parametrize("dsv4_profile", ["small"], indirect=True)
def test_launch(dsv4_profile, dsv4_launch):
    with dsv4_launch(dsv4_profile, env={"C": "3"}) as server:
        assert server.url


def test_own_command(dsv4_launch):
    command = ["python3", "-m", "sglang.launch_server", "--tp", "2"]
    with dsv4_launch("small", command=command):
        pass


@pytest.fixture
def served(dsv4_profile):
    yield popen_launch_server("m", "u", 1, other_args=dsv4_profile.server_args)


@pytest.mark.dsv4_profile("small")
def test_served(served):
    assert served
