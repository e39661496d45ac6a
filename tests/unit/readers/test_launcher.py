"""Which words launch a server or a router, and whose the others are."""

from __future__ import annotations

import pytest

from dsv4_env.model import LaunchConfig, Unknown, Value, group_args
from dsv4_env.readers import READERS
from dsv4_env.readers.launcher import launcher_length, names_a_server, without_own

A = Unknown("$A", "?")
SPLIT = Unknown("$A/sglang", "?", splits=True)
VENV = Unknown("${HOME}/venv/bin/sglang", "?")


def length(*words: Value, start: int = 0) -> int | None:
    return launcher_length([(w, None) for w in words], start)


@pytest.mark.parametrize(
    ("words", "size"),
    [
        (("python3", "-m", "sglang.launch_server", "--tp", "8"), 3),
        (("/opt/venv/bin/python3.12", "-u", "-msglang.launch_server"), 3),
        (("sglang", "serve"), 2),
        (("/opt/venv/bin/sglang", "serve"), 2),
        ((VENV, "serve"), 2),
        ((SPLIT, "serve"), None),
        ((A, "serve"), None),
        ((A, "-m", "dynamo.sglang"), 3),
        ((A, "-m", "sglang_router.launch_router"), 3),
        (("python", "-m", "sglang_router.launch_router"), 3),
        (("python", "-m", "sglang_router.launch_server"), 3),
        (("python", "-m", "sglang.srt.disaggregation.mini_lb"), 3),
        (("python", "-m", "sglang_router", "launch", "--port", "1"), 4),
        (("python", "-m", "sglang_router.cli", "server"), 4),
        (("python", "-m", "sglang_router", "--worker-urls", "a"), None),
        (("python", "-m", "sglang_router"), None),
        (("smg", "launch"), 2),
        (("/usr/bin/amg", "start"), 2),
        (("sglang-router", "server"), 2),
        (("smg", "--host", "h", "--worker-urls", "a"), 1),
        (("sgl-router", "--config", "c.yaml"), 1),
        (("smg", "--help"), None),
        (("smg",), None),
        (("sglang-router", "--locked"), None),
        (("python", "-m"), None),
        (("python", "-c", "import sglang_router"), None),
    ],
)
def test_length(words: tuple[Value, ...], size: int | None) -> None:
    assert length(*words) == size
    assert length("srun", *words, start=1) == size


def launch(*words: str, args: str = "") -> LaunchConfig:
    grouped = group_args([(w, None) for w in args.split()], "bash")
    return LaunchConfig("", "bash", (), grouped, words)


@pytest.mark.parametrize(
    ("words", "router"),
    [
        ("python -m sglang_router.launch_router", True),
        ("python -m sglang.srt.disaggregation.launch_lb", True),
        ("python -m sglang_router launch", True),
        ("-m sglang_router.launch_router", True),
        ("smg launch", True),
        ("/opt/bin/sglang-router", True),
        ("smg server", False),
        ("python -m sglang_router server", False),
        ("python -m sglang_router.launch_server", False),
        ("python -m sglang.launch_server", False),
        ("sglang serve", False),
        ("", False),
    ],
)
def test_routers(words: str, router: bool) -> None:
    config = launch(*words.split(), args="--router-policy random --policy random")
    assert config.router is router
    assert config.role_of_several == ("router" if router else None)
    assert without_own(config).router is router


@pytest.mark.parametrize(
    ("args", "role"),
    [
        ("--disaggregation-mode prefill", "prefill"),
        ("--disaggregation-mode=decode", "decode"),
        ("--disaggregation-mode null", "aggregated"),
        ("--disaggregation-mode decode --disaggregation-mode prefill", "prefill"),
        ("--tp 8", "aggregated"),
        ("--disaggregation-mode", None),
    ],
)
def test_roles(args: str, role: str | None) -> None:
    assert launch("sglang", "serve", args=args).role == role


def test_a_mode_that_is_not_known_says_no_role() -> None:
    args = group_args([("--disaggregation-mode", None), (A, None)], "bash")
    assert LaunchConfig("", "bash", (), args).role is None


@pytest.mark.parametrize("words", ["python -m sglang_router.launch_server", "smg server"])
def test_servers_behind_a_router(words: str) -> None:
    given = launch(*words.split(), args="--tp 8 --router-policy random --worker-urls a b --dp 2")
    found = without_own(given)
    assert [a.words for a in found.args or ()] == [("--tp", "8"), ("--dp", "2")]
    assert found.command == (
        *words.split(), "--router-policy", "random", "--worker-urls", "a", "b",
    )  # fmt: skip
    assert [n.message for n in found.notes] == [
        "it starts --dp-size servers, each with --dp-size 1 and GPUs of its own, and a router "
        "before them"
    ]


def test_a_router_keeps_its_words() -> None:
    given = launch("smg", "launch", args="--policy random --router-policy random")
    assert without_own(given) == given


@pytest.mark.parametrize(
    ("line", "count"),
    [
        ("python3 -m sglang.launch_server --help", 0),
        ("sglang serve -h > flags.txt", 0),
        ("smg launch --policy random --help", 0),
        ("sglang serve --model-path m --chat-template=--help", 1),
        ('sglang serve $A; [ "$A" ] && HELP=--help; sglang serve --tp 8 $HELP', 2),
    ],
)
def test_help_launches_nothing(line: str, count: int) -> None:
    assert len(READERS["bash"](line, "run.sh")) == count


# One word of each kind, of the release that has it: ai-dynamo 0.7.0 to 1.6.1.
DYNAMO = (
    "--endpoint --migration-limit --store-kv --config-key --multimodal-processor "  # 0.7.0
    "--enable-local-indexer --event-plane "  # 0.9.0
    "--durable-kv-events --discovery-backend --no-durable-kv-events "  # 1.0.0
    "--dyn-tool-call-parser --no-exclude-tools-when-tool-choice-none --rerank-worker "  # 1.6.1
    "--frontend-decoding --gateway-workers --embedding-transfer-mode --enable-rl --load-aware "
    "--active-prefill-tokens-threshold-frac --kv-overlap-score-weight --router-mode "
    "--tcp-tls-insecure --no-nats-tls-insecure --sglang-trace-level --shared-cache-type"
).split()


@pytest.mark.parametrize("flag", DYNAMO)
def test_words_of_dynamo(flag: str) -> None:
    found = without_own(launch("python3", "-m", "dynamo.sglang", args=f"--tp 8 {flag} --dp 2"))
    assert [a.flag for a in found.args or ()] == ["--tp", "--dp"]
    assert found.command[3:] == (flag,)


@pytest.mark.parametrize("flag", ["--enable-multimodal", "--config", "--afd-x", "--router"])
def test_words_that_reach_sglang(flag: str) -> None:
    found = without_own(launch("python3", "-m", "dynamo.sglang", args=f"--tp 8 {flag}"))
    assert [a.flag for a in found.args or ()] == ["--tp", flag]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"smg launch", True),
        (b"python -m sglang_router.launch_router", True),
        (b"args: [launch_lb]", True),
        (b"sglang serve", True),
        (b"pip install sglang", False),
        (b"smgs launch", False),
    ],
)
def test_a_look_at_bytes(text: bytes, said: bool) -> None:
    assert names_a_server(text) is said
