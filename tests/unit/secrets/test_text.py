"""What is masked in a line of source, and what stays."""

from __future__ import annotations

import pytest

from dsv4_env.secrets.text import scrubbed, secret_spans

M = "********"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("export HF_TOKEN=abc", f"export HF_TOKEN={M}"),
        ("export HF_TOKEN=abc A=1", f"export HF_TOKEN={M} A=1"),
        ("HF_TOKEN=\"a b\"'c d'e A=1", f"HF_TOKEN={M} A=1"),
        ("HF_TOKEN='a b", f"HF_TOKEN={M}"),
        ("HF_TOKEN=$(cat < a b) A=1", f"HF_TOKEN={M} A=1"),
        ("HF_TOKEN=a\\ b A=1", f"HF_TOKEN={M} A=1"),
        ("API_KEYS=(a 'b c') A=1", f"API_KEYS={M} A=1"),
        ("HF_TOKEN = a b  # c", f"HF_TOKEN = {M}"),
        ("${HF_TOKEN:-a b} c", f"${{HF_TOKEN:-{M}}} c"),
        ("${HF_TOKEN-abc} c", f"${{HF_TOKEN-{M}}} c"),
        ("${HF_TOKEN:-a b", f"${{HF_TOKEN:-{M}"),
        ("--api-key abc --tp 8", f"--api-key {M} --tp 8"),
        ("--api-key=abc --tp 8", f"--api-key={M} --tp 8"),
        ('--api-key "a b" --tp 8', f"--api-key {M} --tp 8"),
        ("--api-key \\\n  abc --tp 8", f"--api-key \\\n  {M} --tp 8"),
        ('"--api-key", "a b", "--tp", "8"', f'"--api-key", {M}, "--tp", "8"'),
        ('("--api-key" "a b" "--tp" "8")', f'("--api-key" {M} "--tp" "8")'),
        ('- "--api-key"\n- "a b"\n- --tp', f'- "--api-key"\n- {M}\n- --tp'),
        ("HF_TOKEN: a b", f"HF_TOKEN: {M}"),
        ("HF_TOKEN: |\n  a\n  b", f"HF_TOKEN: {M}"),
        ('"HF_TOKEN": "a b", "A": "1"', f'"HF_TOKEN": {M}, "A": "1"'),
        ('{"HF_TOKEN":"a b","A":"1"}', f'{{"HF_TOKEN":{M},"A":"1"}}'),
        ("- {name: HF_TOKEN, value: abc", f"- {{name: HF_TOKEN, value: {M}"),
        ("- name: HF_TOKEN\n  value: a b\n", f"- name: HF_TOKEN\n  value: {M}\n"),
        ('env["HF_TOKEN"] = "a b" + "c"', f'env["HF_TOKEN"] = {M}'),
        ('os.environ.get("HF_TOKEN", "a b")', f'os.environ.get("HF_TOKEN", {M})'),
        ('os.environ.get("HF_TOKEN") or "a b"', f'os.environ.get("HF_TOKEN") or {M}'),
        ('api_key = """a b""" # c', f"api_key = {M} # c"),
        ("-e 'HF_TOKEN=a b' -e A=1", f"-e 'HF_TOKEN={M}' -e A=1"),
        ('-d "{\\"HF_TOKEN\\": \\"a b\\", \\"A\\"', f'-d "{{\\"HF_TOKEN\\": {M}, \\"A\\"'),
        ("ENV HF_TOKEN a b", f"ENV HF_TOKEN {M}"),
        ('[ "$HF_TOKEN" = "a b" ] && x', f'[ "$HF_TOKEN" = {M} ] && x'),
        ("-H 'Authorization: Basic a b' x", f"-H 'Authorization: {M}' x"),
        ("curl -H Bearer\tabc x", f"curl -H Bearer\t{M} x"),
        ("https://me:abc@example.org/", f"https://me:{M}@example.org/"),
        ("echo hf_abcdefghijklmnopqrst x", f"echo {M} x"),
        ("API_KEYS=1,a", f"API_KEYS={M}"),
        ("HF_TOKEN=abc run.sh:3: x", f"HF_TOKEN={M} run.sh:3: x"),
        ("secret.sh:3: HF_TOKEN=abc", f"secret.sh:3: HF_TOKEN={M}"),
    ],
)
def test_masked(text: str, shown: str) -> None:
    assert scrubbed(text) == shown
    assert scrubbed(shown) == shown


@pytest.mark.parametrize(
    "text",
    [
        "",
        "export SGLANG_USE_AITER=1 KEYBOARD=us --tokenizer-path /m",
        "HF_TOKEN=\nA=1",
        "--api-key --tp 8",
        'HF_TOKEN="" A=1',
        '"--api-key", "--tp", "8"',
        "--max-total-tokens 8192 --max-tokens=12 MAX_TOKENS: 4096",
        '--max-total-tokens "${N}" --max-total-tokens ${N:-8}',
        "for key in keys",
        "echo $HF_TOKEN ${HF_TOKEN} ${HF_TOKEN%x}",
        "HF_TOKEN is missing; pro has it",
        "not compared: --api-key, --port (put one back with --compare NAME)",
    ],
)
def test_not_masked(text: str) -> None:
    assert scrubbed(text) == text


def test_spans_are_apart_and_in_order() -> None:
    text = 'HF_TOKEN="Bearer abc https://me:def@x" API_KEY=ghi'
    assert [text[a:b] for a, b in secret_spans(text)] == [
        '"Bearer abc https://me:def@x"',
        "ghi",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "secret.sh:3:1: HF_TOKEN is missing",
        "/a/my-token.py:12: TP isn't set",
        "secrets.yaml: it can't be read",
        "HF_TOKEN = {from-environment = true}",
        "HF_TOKEN=$HF_TOKEN A=1",
        "HF_TOKEN: ${{ secrets.HF_TOKEN }}",
        "--secrets-from-environment writes that",
        "--api-key holds what looks like a secret",
    ],
)
def test_what_only_speaks_of_a_secret_stays(text: str) -> None:
    assert scrubbed(text) == text
