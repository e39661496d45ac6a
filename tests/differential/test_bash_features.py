"""Every feature of bash that launch scripts use, judged by real bash on scripts of our own."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from dsv4_env.model import EnvVar, LaunchConfig, Origin, ServerArg, group_args

from .conftest import run_script
from .corpus import CORPUS, KEPT_SEEDS, LIBRARY, SEEDS, Script
from .evaluation import check, refuses
from .judge import MODES, Mode, Shares, judge, needed, verdict

if TYPE_CHECKING:
    from pathlib import Path

    from .bash_oracle import Oracle, Real

# The share of values that must be known when nothing is left open.
FLOOR = 0.94

# What 228 public launch scripts use, most frequent first: a pattern of it, and a script that
# shows it and is judged below.
FEATURES: dict[str, tuple[str, str]] = {
    "$(command substitution)": (r"\$\(\w", "command_substitution"),
    "[[ ]] / [ ]": (r"\[\[ .* \]\]|\[ .* \]", "test_double"),
    "export/declare: export": (r"^export \w+=", "export_plain"),
    "if": (r"^if ", "if_chain"),
    "set -e/-x/..": (r"^set -[ex]", "set_options"),
    "redirect > / 2>&1": (r"> \S+.* 2>&1|2>&1", "ci_dsv4_fp4"),
    "${V:-default}": (r"\$\{\w+:-", "expand_defaults"),
    "single-quoted word": (r"'[^']*'", "quotes"),
    "&& / || list": (r"&&.*\|\|", "lists"),
    "pipeline": (r" \| \w", "pipelines"),
    '"${ARR[@]}"': (r'"\$\{\w+\[@\]\}"', "array_basic"),
    "array literal NAME=(...)": (r"^\w+=\(", "array_basic"),
    "$((arith))": (r"\$\(\(", "arithmetic"),
    "source / .": (r"^(source|\.) ", "source_files"),
    "launch: other": (r"^vllm ", "other_programs"),
    "unquoted $VAR word-split in server args": (r"launch_server.* \$\w+", "split_words"),
    "function": (r"\w\(\) \{", "functions"),
    "for": (r"^for ", "for_loops"),
    "background &": (r" &$", "background"),
    "while/until": (r"^(while|until) ", "while_loops"),
    "JSON in single quotes": (r"'\{\"", "json_quotes"),
    "commented-out assignment": (r"^# ?export \w+=", "comments"),
    "export NAME without value": (r"^export \w+$", "export_later"),
    "commented-out --flag line": (r"^ +# --", "ci_dp_attention"),
    "case": (r"^case ", "case_patterns"),
    "no shebang": (r"\A[^#]|\A#[^!]", "ci_run_dsv4"),
    "inline prefix A=b cmd": (r"^\w+=\S+ .*python3", "prefix_assignments"),
    "export/declare: local": (r"^  local ", "local_scope"),
    "${V#..}/${V%..}/${V/..}": (r"\$\{\w+[#%/]", "expand_trim"),
    "heredoc": (r"<<-?'?[A-Z]", "heredocs"),
    "array append +=(...)": (r"\w\+=\(", "unknown_append"),
    "launch: python -m sglang.launch_server": (r"python -.*-m sglang", "python_flags"),
    'server args via "${ARR[@]}"': (r'launch_server "\$\{ARGS\[@\]\}"', "ci_dp_attention"),
    "same var exported more than once": (r"export (\w+)=(?s:.*)export \1=", "ci_run_dsv4"),
    "cmd: trap": (r"^trap ", "traps"),
    "cmd: shift": (r"^shift", "shift_params"),
    "here-string": (r"<<<", "here_strings"),
    "docker exec": (r"^docker exec", "docker_exec"),
    "trailing # comment after export": (r"^export .* # ", "export_plain"),
    "docker -e/--env": (r" -e \w+=", "docker_run"),
    "launch: sglang serve": (r"sglang serve", "numactl_launch"),
    "${V:?msg}": (r"\$\{\w+:\?", "expand_required"),
    "--flag=value": (r"--\w+=\w", "flag_equals"),
    "docker run": (r"^docker run", "docker_run"),
    'bash -c "…"': (r"bash -c \"", "bash_c"),
    "cmd: ray": (r"^ray ", "other_programs"),
    "launch: vllm serve": (r"^vllm serve", "other_programs"),
    "brace expansion {a..b}": (r"\{\w+\.\.\w+\}", "brace_expansion"),
    "process substitution": (r"[<>]\(", "process_substitution"),
    "string append +=": (r"\w\+=\"", "string_append"),
    "unset": (r"^unset ", "export_unset"),
    "subshell ( )": (r"^\(", "subshells"),
    "cmd: env": (r"^env ", "env_command"),
    "indirect ${!V}": (r"\$\{!\w+\}", "expand_indirect"),
    "cmd: srun": (r"^srun ", "srun_launch"),
    "cmd: bash": (r"^bash ", "bash_heredoc"),
    "export/declare: declare": (r"^declare -", "declare_export"),
    "several assignments on one export": (r"^export \w+=\S* \w+=", "export_plain"),
    "cmd: exec": (r"exec python3", "exec_launch"),
    "same flag twice in one command": (r"(--\w+) .* \1 ", "flag_twice"),
    "cmd: timeout": (r"^timeout ", "wrappers"),
    "cmd: eval": (r"^eval ", "eval_known"),
    "${V:+alt}": (r"\$\{\w+:\+", "expand_defaults"),
    "cmd: nohup": (r"^nohup ", "wrappers"),
    "cmd: mpirun": (r"^mpirun ", "mpirun_launch"),
    "cmd: setsid": (r"^setsid ", "wrappers"),
    "${V-default}": (r"\$\{\w+-", "expand_defaults"),
    "set -a": (r"^set -a", "set_allexport"),
    "docker --env-file": (r"--env-file", "docker_env_file"),
    "${V:=default}": (r"\$\{\w+:=", "expand_defaults"),
    "cmd: sbatch": (r"^sbatch ", "other_programs"),
    "cmd: ssh": (r"^ssh ", "ssh_launch"),
    "cmd: torchrun": (r"^torchrun ", "torchrun_launch"),
}

# Scripts that bash refuses, wholly or from some line on.
BROKEN = {
    "open if": "export A=1\nif true; then\npython3 -m sglang.launch_server\n",
    "open quote": "python3 -m sglang.launch_server --x 'a\nexport A=1\n",
    "open double quote": 'python3 -m sglang.launch_server\nexport A="$(echo\n',
    "open substitution": "python3 -m sglang.launch_server $(echo\n",
    "open expansion": "python3 -m sglang.launch_server ${A\n",
    "bad expansion": "python3 -m sglang.launch_server ${A!b} ${} ${1a}\n",
    "stray done": "done\npython3 -m sglang.launch_server\n",
    "stray fi": "export A=1\npython3 -m sglang.launch_server\nfi\n",
    "stray parenthesis": "python3 -m sglang.launch_server )\n",
    "case without esac": "case x in a) echo;;\n",
    "empty then": "if true; then fi\npython3 -m sglang.launch_server\n",
    "for without in": "for 1 in a; do echo; done\n",
    "double semicolon": "true ;; python3 -m sglang.launch_server\n",
    "heredoc without end": "python3 -m sglang.launch_server <<EOF\nabc\n",
    "bad arithmetic": "echo $((1 +))\npython3 -m sglang.launch_server $((2 **))\n",
    "division by zero": "A=$((1/0))\npython3 -m sglang.launch_server $A\n",
    "arithmetic recursion": "A=A\nB=$((A))\npython3 -m sglang.launch_server $B\n",
    "function recursion": "f() { f; }\nf\npython3 -m sglang.launch_server\n",
    "endless loop": "while :; do A+=x; done\npython3 -m sglang.launch_server\n",
    "huge braces": "python3 -m sglang.launch_server {1..1000}{1..1000}{1..1000}\n",
    "huge doubling": "A=xx\nfor i in {1..64}; do A+=$A; done\npython3 -m sglang.launch_server $A\n",
    "source itself": "source run.sh\n. ./run.sh\npython3 -m sglang.launch_server\n",
    "eval of a broken word": "eval 'if'\neval \"'\"\npython3 -m sglang.launch_server\n",
    "bash -c broken": "bash -c 'if'\nbash -c\npython3 -m sglang.launch_server\n",
    "invalid name": "export 1A=2 =3 a-b=4\npython3 -m sglang.launch_server\n",
    "carriage returns": "export A=1\r\npython3 -m sglang.launch_server --tp 8\r\n",
    "null byte": "export A=1\0 2\npython3 -m sglang.launch_server\n",
    "lone backslash": "python3 -m sglang.launch_server \\",
    "only white space": " \n\t\n",
    "nothing": "",
    "deep nesting": "(" * 300 + "python3 -m sglang.launch_server" + ")" * 300 + "\n",
    "deep substitution": "A="
    + "$(echo " * 80
    + "x"
    + ")" * 80
    + "\npython3 -m sglang.launch_server\n",
    "huge number": "A=$((99999999999999999999))\nB=${A:0:99}\npython3 -m sglang.launch_server\n",
    "huge shift": "A=$((1 << 99999999))\nB=$((2 ** 999999999))\npython3 -m sglang.launch_server\n",
    "printf width": "printf -v A '%999999999s' x\npython3 -m sglang.launch_server\n",
    "array index": 'A[999999999999]=x\nA[-5]=y\npython3 -m sglang.launch_server "${A[@]}"\n',
    "nameref circle": "declare -n A=B B=A\nA=1\npython3 -m sglang.launch_server $A\n",
    "indirect circle": "A=A\npython3 -m sglang.launch_server ${!A} ${!B}\n",
    "bad pattern": "[[ x =~ ( ]]\nA=x\npython3 -m sglang.launch_server ${A/[/y} ${A#[a-}\n",
    "slow pattern": "A="
    + "a" * 5000
    + "\nexport X=${A//"
    + "*a" * 20
    + "b/c} Y=${A%+(a|aa|a*)b}\n[[ $A =~ ^(a+)+b$ ]]\npython3 -m sglang.launch_server\n",
    "many comments": "# comment\n" * 200_000 + "python3 -m sglang.launch_server\n",
    "open braces": "echo " + "{" * 100_000 + "\npython3 -m sglang.launch_server\n",
    "seq": "for i in $(seq 1 99999999); do :; done\npython3 -m sglang.launch_server\n",
}

# Of these, what real bash would not come to the end of.
ENDLESS = {
    "arithmetic recursion",
    "function recursion",
    "endless loop",
    "huge braces",
    "huge doubling",
    "open braces",
    "slow pattern",
    "source itself",
    "seq",
    "array index",
    "printf width",
}


@pytest.mark.parametrize("feature", FEATURES)
def test_feature_is_shown_by_a_script(feature: str) -> None:
    pattern, name = FEATURES[feature]
    script = next(s for s in CORPUS if s.name == name)
    assert re.search(pattern, script.text, re.MULTILINE)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("script", CORPUS, ids=lambda s: s.name)
def test_corpus(
    script: Script,
    mode: Mode,
    corpus_runs: dict[str, tuple[Real, ...]],
    oracle: Oracle,
    root: Path,
    shares: Shares,
) -> None:
    runs = corpus_runs[script.name]
    assert check(script.text, mode, runs, root, oracle.environ(), (shares, f"corpus {mode}")) == []


def test_enough_is_known(
    corpus_runs: dict[str, tuple[Real, ...]], oracle: Oracle, root: Path
) -> None:
    shares = Shares()
    for script in CORPUS:
        check(script.text, "closed", corpus_runs[script.name], root, oracle.environ(), (shares, ""))
    assert shares.share("") >= FLOOR


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("seed", KEPT_SEEDS, ids=lambda s: s.name)
def test_script_that_once_failed(seed: Script, mode: Mode, oracle: Oracle, root: Path) -> None:
    assert SEEDS.is_dir()
    assert not refuses(seed.text, root)
    assert check(seed.text, mode, run_script(oracle, seed), root, oracle.environ()) == []


@pytest.mark.parametrize("name", BROKEN)
def test_broken_script_gives_no_other_error(name: str, root: Path) -> None:
    for data in (BROKEN[name], BROKEN[name].encode()):
        assert refuses(data, root) in {True, False}


@pytest.mark.parametrize("name", sorted(BROKEN.keys() - ENDLESS))
def test_broken_script_up_to_where_it_breaks(name: str, oracle: Oracle, root: Path) -> None:
    real = oracle.run(BROKEN[name].encode(), files=LIBRARY)
    assert check(BROKEN[name], "closed", [real], root, oracle.environ()) == []


def test_bytes_that_are_no_text(root: Path) -> None:
    data = b"export A=\xff\xfe\npython3 -m sglang.launch_server --x \x80\n"
    assert refuses(data, root) in {True, False}


def test_corpus_is_judged_by_launches(corpus_runs: dict[str, tuple[Real, ...]]) -> None:
    """A script without a launch proves nothing, unless that is its point."""
    empty = {name for name, runs in corpus_runs.items() if not runs[0].launches}
    assert empty == {"ci_missing_env", "option_loop_fails"}


def _truth(real: Real) -> list[LaunchConfig]:
    """The answer that says just what bash did."""
    made = []
    for launch in real.launches:
        if launch.split is not None:
            env = [EnvVar(n, v, Origin("bash")) for n, v in needed(launch, real).items()]
            args = group_args([(w, None) for w in launch.server_args], "bash")
            command = launch.argv[: launch.split]
            made.append(LaunchConfig("run.sh", "bash", tuple(env), args, command))
    return made


@pytest.mark.parametrize("script", CORPUS, ids=lambda s: s.name)
def test_judge_takes_the_truth_and_nothing_else(
    script: Script, corpus_runs: dict[str, tuple[Real, ...]]
) -> None:
    real = corpus_runs[script.name][0]
    truth = _truth(real)
    found = verdict(truth, real, "closed")
    assert found.wrong == ()
    assert found.known == found.total
    for i, made in enumerate(truth):
        longer = (*(made.args or ()), ServerArg(None, ("more",), Origin("bash")))
        more = (*made.env, EnvVar("MORE", "", Origin("bash")))
        lies = [replace(made, args=longer), replace(made, env=more)]
        lies += [replace(made, env=made.env[1:])] if made.env else []
        for lie in lies:
            assert judge([*truth[:i], lie, *truth[i + 1 :]], real, "closed")
        assert judge([*truth[:i], *truth[i + 1 :]], real, "closed")
