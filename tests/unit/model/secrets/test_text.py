"""What is masked in a line of source, and what stays."""

from __future__ import annotations

import pytest

from dsv4_env.model.secrets import scrubbed, secret_spans, spans_by_line

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
        ("a:\n  HF_TOKEN:\n    abc", f"a:\n  HF_TOKEN:\n    {M}"),
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
        ("curl -u me:abc http://h", f"curl -u me:{M} http://h"),
        ("curl -s --user 'me:abc' h", f"curl -s --user 'me:{M}' h"),
        ("curl \\\n -ume:abc h", f"curl \\\n -ume:{M} h"),
        ("docker login -u me -p abc r", f"docker login -u me -p {M} r"),
        ("mysql -h x -pabc db", f"mysql -h x -p{M} db"),
        ("hf auth login --token abc", f"hf auth login --token {M}"),
        ("vault login -method=token abc", f"vault login -method=token {M}"),
        ("# HF_TOKEN abcdef", f"# HF_TOKEN {M}"),
        ("# HF_TOKEN abc123 is old", f"# HF_TOKEN {M} is old"),
        ('case "$API_TOKEN" in abc) x;; *) y;; esac', f'case "$API_TOKEN" in {M}) x;; *) y;; esac'),
        (
            "case $API_TOKEN in\n a) x;;\n b) y;; esac",
            f"case $API_TOKEN in\n {M}) x;;\n {M}) y;; esac",
        ),
        ("--admin-api-k abc --tp 8", f"--admin-api-k {M} --tp 8"),
        ('{"api_key": abc, "tp": 8}', f'{{"api_key": {M}, "tp": 8}}'),
        ('{"api_key":abc,"tp":8}', f'{{"api_key":{M},"tp":8}}'),
        ("{api_key: abc, tp: 8}", f"{{api_key: {M}, tp: 8}}"),
        ("PASSWORD=12345678 A=1", f"PASSWORD={M} A=1"),
        ("SECRET_FILE=abc A=1", f"SECRET_FILE={M} A=1"),
        ("TOKENS=abc A=1", f"TOKENS={M} A=1"),
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
        '{"num_key_value_heads": 8, "bos_token": "<s>", "eos_token": "</s>"}',
        "--json-model-override-args '{\"bos_token\": \"<s>\"}' --chat-template '{{ eos_token }}'",
        "NUM_KEY_VALUE_HEADS=8 TOKEN_LIMIT=4096 SORT_KEY=name CACHE_KEY=layer0 MONKEY=1",
        "API_KEY=/run/key PASSWORD_AUTH=no COOKIE_SECURE=true API_KEY=1",
        "docker run -p 8000:8000 -u 1000:1000 i",
        "python -u x.py -p 8",
        "mysql -p db",
        "# HF_TOKEN is needed for it",
        "PASS: test_x works",
        'enum: ["pass", "fail"]',
        '"subject": "HF_TOKEN", "message": "it is missing"',
        "environment:\n  HF_TOKEN:\n  TP: 8\n",
        'case "$TP" in 8) x;; esac',
        "secretKeyRef: {name: hf, key: token-name}",
        "echo $HF_TOKEN ${HF_TOKEN} ${HF_TOKEN%x}",
        "HF_TOKEN is missing; pro has it",
        "not compared: --api-key, --port (put one back with --compare NAME)",
    ],
)
def test_not_masked(text: str) -> None:
    assert scrubbed(text) == text


def test_secrets_of_many_lines() -> None:
    text = 'A=1\nHF_TOKEN="one\n\ntwo\nthree" B=2\nC=3\n'
    lines = text.split("\n")
    found = spans_by_line(text)
    assert {n: [lines[n - 1][a:b] for a, b in spans] for n, spans in found.items()} == {
        2: ['"one'],
        4: ["two"],
        5: ['three"'],
    }


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
