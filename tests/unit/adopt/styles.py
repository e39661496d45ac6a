"""Scripts in the styles that people write, and what is left of each once it is on its profile.

``EVAL`` stands for the line that takes the settings, ``EVAL_ENV`` for that without arguments.
"""

from __future__ import annotations

FOLDER = '"$(dirname "${BASH_SOURCE[0]}")/launch"'
LINE = f'eval "$(dsv4-env export run --profiles {FOLDER}%s || echo exit 1)"'
HEAD = "#!/bin/bash\nset -euo pipefail\n"

STYLES: dict[str, tuple[str, str]] = {
    "a block and a command": (
        """\
# Kernels
export SGLANG_USE_AITER=1
export SGLANG_DEFAULT_THINKING=1   # on

# Experts
export SGLANG_DSV4_FP4_EXPERTS=true

exec python3 -m sglang.launch_server \\
    --model-path "$MODEL" \\
    --tp 8 \\
    --attention-backend dsv4 \\
    --port "${PORT:-8000}"
""",
        """\
EVAL

exec python3 -m sglang.launch_server \\
    --model-path "$MODEL" \\
    "${ARGS[@]}" \\
    --port "${PORT:-8000}"
""",
    ),
    "what the outside may override": (
        """\
export SGLANG_HACK_FLASHMLA_BACKEND="${SGLANG_HACK_FLASHMLA_BACKEND:-triton}"
export SGLANG_USE_AITER=${SGLANG_USE_AITER:-1}
python3 -m sglang.launch_server --model-path M --tp 8
""",
        """\
EVAL
python3 -m sglang.launch_server --model-path M "${ARGS[@]}"
""",
    ),
    "several on one line": (
        """\
export SGLANG_USE_AITER=1 SGLANG_DEFAULT_THINKING=1; export SGLANG_DSV4_FP4_EXPERTS='true'
sglang serve --model-path M --tp 8 --trust-remote-code
""",
        """\
EVAL
sglang serve --model-path M "${ARGS[@]}"
""",
    ),
    "what is set beside others stays": (
        """\
export SGLANG_USE_AITER=1; echo ready
export SGLANG_DEFAULT_THINKING=1
sglang serve --model-path M --tp 8
""",
        """\
export SGLANG_USE_AITER=1; echo ready
EVAL
sglang serve --model-path M "${ARGS[@]}"
""",
    ),
    "an array with remarks": (
        """\
export SGLANG_USE_AITER=1

FLAGS=(
    --model-path "$MODEL"  # ours
    # How it is split
    --tp 8  # of eight
    --dp 8
    --port 8000
    --attention-backend dsv4
)
python3 -m sglang.launch_server "${FLAGS[@]}"
""",
        """\
EVAL

FLAGS=(
    --model-path "$MODEL"  # ours
    # How it is split
    "${ARGS[@]}"
    --port 8000
)
python3 -m sglang.launch_server "${FLAGS[@]}"
""",
    ),
    "an array of its own line": (
        """\
FLAGS=(--tp 8 --trust-remote-code)
FLAGS+=(--port 1)
export SGLANG_USE_AITER=1
python3 -m sglang.launch_server --model-path M "${FLAGS[@]}"
""",
        """\
EVAL
FLAGS=("${ARGS[@]}")
FLAGS+=(--port 1)
python3 -m sglang.launch_server --model-path M "${FLAGS[@]}"
""",
    ),
    "arrays in the array of a command": (
        """\
SPEC=(--speculative-num-steps 3)
CMD=(
  python3 -m sglang.launch_server
  --model-path M
  "${SPEC[@]}"
  --tp 8
)
printf '%s ' "${CMD[@]}"
"${CMD[@]}"
""",
        """\
SPEC=()
EVAL
CMD=(
  python3 -m sglang.launch_server
  --model-path M
  "${SPEC[@]}"
  "${ARGS[@]}"
)
printf '%s ' "${CMD[@]}"
"${CMD[@]}"
""",
    ),
    "a variable of one flag": (
        """\
TP=8
# How much of it
FRACTION=0.90

echo starting
python3 -m sglang.launch_server --model-path M --tp $TP --mem-fraction-static "$FRACTION"
""",
        """\

echo starting
EVAL
python3 -m sglang.launch_server --model-path M "${ARGS[@]}"
""",
    ),
    "a variable that is used elsewhere": (
        """\
TP=8
export SGLANG_USE_AITER=1
echo "on $TP"
python3 -m sglang.launch_server --model-path M --tp $TP
""",
        """\
TP=8
EVAL_ENV
echo "on $TP"
python3 -m sglang.launch_server --model-path M --tp $TP
""",
    ),
    "an array of that name": (
        """\
export SGLANG_USE_AITER=1
ARGS=(--tp 8)
python3 -m sglang.launch_server --model-path M "${ARGS[@]}"
""",
        """\
EVAL_ENV
ARGS=(--tp 8)
python3 -m sglang.launch_server --model-path M "${ARGS[@]}"
""",
    ),
    "before the command": (
        """\
echo starting
SGLANG_USE_AITER=1 \\
  SGLANG_DEFAULT_THINKING=1 \\
  python3 -m sglang.launch_server --model-path M --tp 8 \\
    --port 1
""",
        """\
echo starting
EVAL
python3 -m sglang.launch_server --model-path M "${ARGS[@]}" \\
    --port 1
""",
    ),
    "under a condition": (
        """\
export SGLANG_USE_AITER=1
if [ -n "${FAST:-}" ]; then
  export SGLANG_DEFAULT_THINKING=0
fi
python3 -m sglang.launch_server --model-path M --tp 8 ${FAST:+--enable-metrics}
""",
        """\
EVAL
if [ -n "${FAST:-}" ]; then
  export SGLANG_DEFAULT_THINKING=0
fi
python3 -m sglang.launch_server --model-path M "${ARGS[@]}" ${FAST:+--enable-metrics}
""",
    ),
    "a launch in a function": (
        """\
export SGLANG_USE_AITER=1
start() {
\tpython3 -m sglang.launch_server \\
\t\t--model-path M \\
\t\t--tp 8 \\
\t\t--dp 8
}
start
""",
        """\
EVAL
start() {
\tpython3 -m sglang.launch_server \\
\t\t--model-path M \\
\t\t"${ARGS[@]}"
}
start
""",
    ),
    "no variables at all": (
        """\
# Here it starts.
python3 -m sglang.launch_server --model-path M --tp 8 > log 2>&1
""",
        """\
EVAL
# Here it starts.
python3 -m sglang.launch_server --model-path M "${ARGS[@]}" > log 2>&1
""",
    ),
    "a remark that is about more": (
        """\
# Both of these
export SGLANG_USE_AITER=1
export OTHER="$(date +%s | tr -d '[:digit:]')"
python3 -m sglang.launch_server --model-path M --tp 8
""",
        """\
# Both of these
EVAL
export OTHER="$(date +%s | tr -d '[:digit:]')"
python3 -m sglang.launch_server --model-path M "${ARGS[@]}"
""",
    ),
    "words with blanks and quotes": (
        """\
export SGLANG_X='it is "so"'
python3 -m sglang.launch_server --model-path M --json '{"a": 1}' --name "a  b"
""",
        """\
EVAL
python3 -m sglang.launch_server --model-path M "${ARGS[@]}"
""",
    ),
    "in the background": (
        """\
export SGLANG_USE_AITER=1
nohup python3 -m sglang.launch_server --model-path M --tp 8 </dev/null &
wait
""",
        """\
EVAL
nohup python3 -m sglang.launch_server --model-path M "${ARGS[@]}" </dev/null &
wait
""",
    ),
    "two launches of one profile": (
        """\
export SGLANG_USE_AITER=1
if [ -n "${A:-}" ]; then
  python3 -m sglang.launch_server --model-path M --tp 8
else
  python3 -m sglang.launch_server --model-path M --tp 8 --port 1
fi
""",
        """\
EVAL
if [ -n "${A:-}" ]; then
  python3 -m sglang.launch_server --model-path M "${ARGS[@]}"
else
  python3 -m sglang.launch_server --model-path M "${ARGS[@]}" --port 1
fi
""",
    ),
    "another folder for other shells": (
        """\
here=$(cd "$(dirname "$0")" && pwd)
(cd /tmp && ls)
cd /tmp | cat
{ cd /tmp; } &
cat < <(cd /tmp; ls)
export SGLANG_USE_AITER=1
python3 -m sglang.launch_server --model-path M --tp 8
""",
        """\
here=$(cd "$(dirname "$0")" && pwd)
(cd /tmp && ls)
cd /tmp | cat
{ cd /tmp; } &
cat < <(cd /tmp; ls)
EVAL
python3 -m sglang.launch_server --model-path M "${ARGS[@]}"
""",
    ),
}
"""What a style is to the script and what is left of it, each behind ``HEAD``."""

ALONE: dict[str, tuple[str, str]] = {
    "another program between": (
        "export SGLANG_USE_AITER=1\nhf download M\nexport SGLANG_DEFAULT_THINKING=1\n"
        "python3 -m sglang.launch_server --model-path M --tp 8\n",
        "run.sh:4:1: `hf` runs between the variables, and would get all of them; before or behind "
        "them it can stay",
    ),
    "carriage returns": (
        "export SGLANG_USE_AITER=1\r\npython3 -m sglang.launch_server --model-path M --tp 8\r\n",
        "run.sh:3:26: it has carriage returns, which bash takes for parts of words",
    ),
    "another folder": (
        'cd "$(dirname "$0")"\nexport SGLANG_USE_AITER=1\n'
        "python3 -m sglang.launch_server --model-path M --tp 8\n",
        "run.sh:3:1: `cd` goes to another folder before the settings, from where the layers of run "
        "may not be found; behind them it can stay",
    ),
    "another folder in a group": (
        '{ cd "$(dirname "$0")"; }\nexport SGLANG_USE_AITER=1\n'
        "python3 -m sglang.launch_server --model-path M --tp 8\n",
        "run.sh:3:3: `cd` goes to another folder before the settings, from where the layers of run "
        "may not be found; behind them it can stay",
    ),
    "a batch job": (
        "#SBATCH --nodes=1\nexport SGLANG_USE_AITER=1\n"
        "python3 -m sglang.launch_server --model-path M --tp 8\n",
        "run.sh:1:1: sbatch runs a copy of it, which has no layers beside it as run needs them; a "
        "script that it runs can be rewritten",
    ),
    "in a text": (
        "FLAGS='--tp 8 --dp 8'\npython3 -m sglang.launch_server --model-path M $FLAGS\n",
        "run.sh:4:48: `--tp 8`, which run has, isn't spelled out once in the command or in an "
        "array of it; written there it can be taken out",
    ),
}
"""Scripts that are left as they are, and why."""


def whole(text: str) -> str:
    """What is left of a script, with the line that takes the settings."""
    return HEAD + text.replace("EVAL_ENV", LINE % "").replace("EVAL", LINE % " -f bash")
