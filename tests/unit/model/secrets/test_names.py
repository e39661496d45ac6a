"""What is a secret by its name or its form: every name that SGLang knows, and others."""

from __future__ import annotations

import re

import pytest

from dsv4_env.catalogue import store
from dsv4_env.catalogue.entries import Argument, Catalogue, Variable
from dsv4_env.model.secrets import MASK, is_secret, masked, plain_secret, secret_name
from dsv4_env.model.secrets.names import _FLAGS, _OPEN

# Reviewed by hand: all that SGLang itself keeps secret.
SECRET_VARIABLES = {
    "API_KEY",
    "CRUSOE_API_KEY",
    "EXA_API_KEY",
    "HF_TOKEN",
    "OPENAI_API_KEY",
    "SGLANG_DIFFUSION_SLACK_TOKEN",
    "SGLANG_PRECISION_HF_TOKEN",
    "SGLANG_S3_ACCESS_KEY_ID",
    "SGLANG_S3_SECRET_ACCESS_KEY",
}
SECRET_FLAGS = {"--admin-api-key", "--api-key", "--ssl-keyfile-password"}


def catalogue(release: str) -> Catalogue:
    return store.from_lines(release, store.shipped(release), "")


@pytest.mark.parametrize("release", [store.RELEASES[0], store.RELEASES[-1]])
def test_every_name_of_a_release(release: str) -> None:
    known = catalogue(release)
    flags = {f for a in known.arguments.values() for f in a.flags}
    newest = release == store.RELEASES[-1]
    expected = SECRET_VARIABLES if newest else SECRET_VARIABLES & set(known.variables)
    assert {n for n in known.variables if secret_name(n, "a-word")} == expected
    assert {f for f in flags if secret_name(f, "a-word")} == SECRET_FLAGS


def declared_otherwise(entry: Variable | Argument) -> bool:
    """Whether SGLang declares it as a number, a switch, a choice, or with an open default."""
    if isinstance(entry, Argument):
        return bool(
            entry.nargs == "0"
            or entry.type not in (None, "str")
            or entry.choices
            or entry.default not in (None, "")
        )
    return entry.kind in ("bool", "int", "float", "one of") or bool(entry.default)


def test_what_is_declared_as_something_else_is_open() -> None:
    found: set[str] = set()
    declared: set[str] = set()
    for release in store.RELEASES:
        known = catalogue(release)
        for variable in known.variables.values():
            if declared_otherwise(variable):
                assert not secret_name(variable.name, "a-word"), variable.name
                declared.add(variable.name)
            found.add(variable.name)
        for argument in known.arguments.values():
            for flag in argument.flags:
                if declared_otherwise(argument):
                    assert not secret_name(flag, "a-word"), flag
                    declared.add(flag)
                found.add(flag)
    assert found >= _OPEN
    assert declared >= _OPEN


@pytest.mark.parametrize(
    "name",
    """HF_TOKEN --api-key AWS_SECRET_ACCESS_KEY DB_PASSWORD MY_SECRET APIKEY PROXY_AUTH
    BASIC_AUTH SESSION_COOKIE SLACK_WEBHOOK SSH_PASSPHRASE SENTRY_DSN MYSQL_PWD
    AWS_CREDENTIALS CREDENTIAL COOKIES --admin-api-key API_KEYS Authorization my_token
    --auth DB_PASSWD SLACK_WEBHOOK_URL OAUTH PASS DB_PASS CREDS GITHUB_PAT TOKEN2 apiKey2 TOKENS
    API_KEY_1 API_KEY_V2 HF_TOKEN_PROD TOKEN_VALUE HF_TOKEN_FOR_CI SECRET_KEY_BASE API_KEY-x
    AUTH_HEADER clientSecret HFTOKEN X-Api-Key dbPassword password1 SECRET_FILE PASSWORD_FILE
    --admin-api-k --ad --ap --ssl-keyfile-pass --token""".split(),
)
def test_secret_names(name: str) -> None:
    assert is_secret(name, "hunter2")
    assert masked(name, "hunter2") == MASK
    assert masked(name, "") == ""


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("--tokenizer-path", "/m"),
        ("--tokenizer-mode", "slow"),
        ("--max-total-tokens", "8192"),
        ("--max-total-tokens", "16K"),
        ("--max-prefill-tokens", "6k"),
        ("--speculative-num-draft-tokens", "6 ' '"),
        ("--speculative-token-map", "/m/map.pt"),
        ("--swa-full-tokens-ratio", "0.1"),
        ("--prefill-delayer-token-usage-low-watermark", "0.8"),
        ("--prefill-delayer-token-usage-low", "0.8x"),
        ("SGLANG_DEEPEP_NUM_MAX_DISPATCH_TOKENS_PER_RANK", "24x"),
        ("SGLANG_SIMULATE_ACC_TOKEN_MODE", "real-draft-token"),
        ("SGL_ROUTING_KEY_POLICY_DEBUG_LOG", "1"),
        ("SGLANG_ROUTING_KEY_POLICY_DEBUG_LOG", "yep"),
        ("SGLANG_USE_AITER", "1"),
        ("KEYBOARD", "us"),
        ("AUTHOR", "me"),
        ("PWD", "/home/me"),
        ("OLDPWD", "/home/me"),
        ("HF_TOKEN_PATH", "/home/me/.token"),
        ("SSL_KEY_FILE", "/k.pem"),
        ("--ssl-keyfile", "/k.pem"),
        ("USE_AUTH", "true"),
        ("API_KEYS", "2"),
        ("NUM_KEY_VALUE_HEADS", "8"),
        ("NUM_KEY_VALUE_HEADS", "eight"),
        ("TOKEN_LIMIT", "4096"),
        ("GPU_TOKEN_PER_STEP", "8"),
        ("BLOCK_KEY_SIZE", "4"),
        ("TOKEN_BUCKET", "5"),
        ("TOKEN_BUCKET", "leaky"),
        ("NEW_TOKEN_RATIO", "0.5"),
        ("MONKEY", "1"),
        ("MONKEY", "see"),
        ("monkeyPatch", "all"),
        ("--max-new-token", "5"),
        ("PASSWORD_AUTH", "no"),
        ("COOKIE_SECURE", "true"),
        ("KEY_DTYPE", "fp8"),
        ("SORT_KEY", "name"),
        ("sortKey", "name"),
        ("PARTITION_KEY", "col"),
        ("CACHE_KEY", "layer0"),
        ("KEY_PREFIX", "abc"),
        ("PUBLIC_KEY", "/etc/k.pub"),
        ("PUBLIC_KEY", "abc"),
        ("API_KEY", "/run/secrets/api"),
        ("API_KEY", "8"),
        ("DB_PASSWORD", "1234"),
        ("SECRET_FILE", "/run/s"),
        ("SECRET_FILE", "s.txt"),
        ("SECRET_NAME", "hf"),
        ("SSH_AUTH_SOCK", "/run/s"),
        ("bos_token", "<s>"),
        ("eos_token", "</s>"),
        ("pad_token", "<pad>"),
        ("unk_token", "<unk>"),
        ("MAX_TOKENS", "many"),
        ("FORWARD_PASS", "eager"),
        ("COMPASS", "north"),
        ("key", "name"),
        ("HF_TOKEN", "$HF_TOKEN"),
        ("HF_TOKEN", "${HF_TOKEN:?}"),
        ("HF_TOKEN", "${{ secrets.HF_TOKEN }}"),
        ("MODEL", "https://example.org:8000/a@b"),
        ("MODEL", "deepseek-ai/DeepSeek-V4-Pro"),
        ("A", "task-specific-learning-rate-of-something"),
        ("URL", "https://me@example.org/"),
        ("URL", "https://git@github.com/a"),
        ("URL", "https://${TOKEN}@github.com/a"),
        ("URL", "postgres://postgres@h/a"),
        ("URL", "https://$USER:$PASS@example.org/"),
    ],
)
def test_no_secrets(name: str, value: str) -> None:
    assert masked(name, value) == value


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (v, MASK)
        for v in (
            "hf_AbCdEfGhIjKlMnOpQrStUvWxYz012345",
            "ghp_0123456789abcdefghijABCDEFGHIJ012345",
            "github_pat_11ABCDEFG0123456789abcdef",
            "glpat-0123456789abcdefghij",
            "sk-proj-0123456789abcdefghij",
            "xoxb-0123456789-abcdef",
            "AKIA0123456789ABCDEF",
            "nvapi-0123456789abcdefghijkl",
            "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
            "-----BEGIN RSA PRIVATE KEY-----\nMIIabc\n-----END RSA PRIVATE KEY-----",
        )
    ]
    + [
        ("http://bob:hunter2@proxy:1", f"http://bob:{MASK}@proxy:1"),
        ("redis://:hunter2@host/0", f"redis://:{MASK}@host/0"),
        ("Bearer 0123456789abcdef", f"Bearer {MASK}"),
        ("https://hooks.slack.com/services/T0/B0/abc", f"https://hooks.slack.com/{MASK}"),
        (
            "https://discord.com/api/webhooks/123/abc-def",
            f"https://discord.com/api/webhooks/{MASK}",
        ),
        ("https://canary-user@github.com/x", f"https://{MASK}@github.com/x"),
        ("https://abcdef0123456789@h/x", f"https://{MASK}@h/x"),
        ("https://h/m?token=abc123", f"https://h/m?token={MASK}"),
        ('{"api_key": "abc", "tp": 8}', f'{{"api_key": {MASK}, "tp": 8}}'),
    ],
)
def test_secret_forms(value: str, shown: str) -> None:
    """Also where SGLang declares the setting as something else."""
    for name in ("SGLANG_DSV4_REASONING_EFFORT", "--model-path", "--max-total-tokens"):
        assert masked(name, value) == shown
        assert masked(name, shown) == shown


@pytest.mark.parametrize("value", ["", "EMPTY", "dummy", "xxx", "$HF_TOKEN", "********", "none"])
def test_what_stands_in_for_a_secret_may_be_kept(value: str) -> None:
    assert not plain_secret("HF_TOKEN", value)


def test_a_password_with_a_dollar_is_no_reference() -> None:
    assert masked("DB_PASSWORD", "$ecret") == MASK
    assert plain_secret("DB_PASSWORD", "$ecret1")


def test_digits_and_paths_that_are_secrets() -> None:
    for name in ("PASSWORD", "DB_PASS", "SSH_PASSPHRASE", "DB_PIN"):
        assert masked(name, "12345678") == MASK
    assert masked("AWS_SECRET_ACCESS_KEY", "/aB3dEfGhIjKlMnOpQrStUv/x") == MASK
    assert masked("DB_PASSWORD", "/hunter2") == MASK


@pytest.mark.parametrize("release", store.RELEASES)
def test_beginnings_of_secret_flags(release: str) -> None:
    """A beginning that is taken for a secret flag is one of no other."""
    flags = {f for a in catalogue(release).arguments.values() for f in a.flags}
    assert set(_FLAGS) == SECRET_FLAGS
    for least in _FLAGS.values():
        assert not {f for f in flags if f.startswith(least)} - SECRET_FLAGS


def test_no_open_name_is_there_in_vain() -> None:
    words = re.compile(r"(?i)(token|key|auth|secret)(?=[-_]|\Z)")
    assert all(words.search(name) for name in _OPEN)
