"""Inputs that ask for far more work than any launch needs, generated: by kind, and for a reader."""

from __future__ import annotations

from collections.abc import Callable

LAUNCH = "python3 -m sglang.launch_server --model-path M --tp 8"
POPEN = (
    "from sglang.test.test_utils import popen_launch_server\n"
    "class TestX:\n"
    "    def test_x(self):\n"
    '        popen_launch_server("m", "u", timeout=1, other_args=["--tp", "8"], env=ENV)\n'
)


def doubled(line: str, last: str, count: int) -> str:
    """Lines that each hold the one before four times; *line* has the fields before and at."""
    lines = [line.format(before=i - 1, at=i) for i in range(1, count + 1)]
    return "\n".join([*lines, last.format(at=count), ""])


def value(expression: str, before: str = "") -> str:
    """A test that launches with what an expression gives in its environment."""
    body = "".join(f"{line}\n" for line in before.splitlines())
    return f"{body}ENV = {{'SGLANG_USE_AITER': str({expression})}}\n{POPEN}"


def body(text: str) -> str:
    """A test that does something before it launches."""
    inner = "".join(f"        {line}\n" for line in text.splitlines())
    head, _, tail = POPEN.partition("        popen")
    return f"ENV = {{}}\n{head}{inner}        popen{tail}"


SLURM_RECIPE = (
    "backend: {sglang_config: {prefill: {tensor-parallel-size: 8}, "
    "decode: {tensor-parallel-size: 16}}}\n"
    "runtime: {image: i, ib_devices: r, prefill_port: 1, decode_port: 2, "
    "prefill_bootstrap_port: 3, decode_bootstrap_port: 4, lb_port: 5, mem_fraction_static: 0.9, "
    "page_size: 1, max_running_requests: 1, chunked_prefill_size: 1, "
    "wide_ep: {common_extra_flags: 'FLAGS'}}\n"
    "bench: {concurrencies: [1], num_prompts_factor: 1, random_range_ratio: 1}\n"
)
"""A recipe of SGLang's Slurm CI."""


MASTER = (
    "a:\n  framework: sglang\n  model: DeepSeek-V4-Pro\n  model-prefix: v4\n  runner: mi355x\n"
    "  scenarios:\n    fixed-seq-len:\n    - isl: 1\n      osl: 1\n      search-space:\n"
)
"""An entry of InferenceX's configurations, without its points."""


def workflow(run: str, *, env: str = "", strategy: str = "", steps: int = 1) -> str:
    """A workflow of one job."""
    indented = "".join(f"          {line}\n" for line in run.splitlines())
    step = f"      - run: |\n{indented}"
    return f"on: push\n{env}jobs:\n  t:\n    runs-on: u\n{strategy}    steps:\n" + step * steps


def compose(environment: str, command: str = LAUNCH) -> str:
    """A Compose file of one service."""
    return f"services:\n  s:\n    image: i\n    command: {command}\n    environment:\n{environment}"


def pod(env: str) -> str:
    """A manifest of one pod."""
    words = ", ".join(LAUNCH.split())
    return (
        "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\nspec:\n  containers:\n"
        f"  - name: c\n    command: [{words}]\n    env:\n{env}"
    )


def inspect(env: str, command: str) -> str:
    """What docker inspect says of one container."""
    return (
        f'[{{"Id": "1", "Name": "/n", "Path": "sh", "Args": ["-c", "{command}"], '
        f'"Config": {{"Env": [{env}]}}}}]'
    )


def nested_loops(count: int) -> str:
    """Loops within loops."""
    lines = [f"{'    ' * i}for i{i} in range(20):" for i in range(count)]
    return "\n".join([*lines, "    " * count + "ENV['A'] = str(i0)"])


def aliases(count: int, width: int = 9) -> str:
    """YAML lists of lists, each the one before nine times."""
    lines = ["a0: &a0 [x]"]
    lines += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * width)}]" for i in range(1, count + 1)]
    return "\n".join(lines) + "\n"


def merges(count: int) -> str:
    """YAML mappings, each merged of all before it."""
    lines = ["m0: &m0 {k0: v}"]
    for i in range(1, count + 1):
        every = ", ".join(f"*m{j}" for j in range(max(0, i - 50), i))
        lines.append(f"m{i}: &m{i} {{<<: [{every}], k{i}: v}}")
    return "\n".join(lines) + "\n"


RECURSIVE = "def f(n):\n    return f(n - 1) + f(n - 2) + 1\nENV = {'A': str(f(60))}\n"
MUTUAL = (
    "def f(n):\n    return g(n) + g(n)\ndef g(n):\n    return f(n) + f(n)\nENV = {'A': str(f(1))}\n"
)
ATTRIBUTES = "class C:\n    @property\n    def p(self):\n        return self.q + self.q\n"
IFS = "\n".join(f"if os.path.exists('{i}'):\n    ENV['A{i}'] = '1'" for i in range(3000))
MODULE_IFS = "import os\nENV = {}\n" + IFS + "\n" + POPEN
N = 20_000

KINDS: dict[str, tuple[str, Callable[[], str]]] = {
    # --- files of variables
    "dotenv doubling": (
        "dotenv",
        lambda: "A0=xxxx\n" + doubled("A{at}=" + "${{A{before}}}" * 4, "", 16),
    ),
    "dotenv doubling, far": (
        "dotenv",
        lambda: "A0=xxxx\n" + doubled("A{at}=" + "${{A{before}}}" * 4, "", 4000),
    ),
    "dotenv unknown doubling": ("dotenv", lambda: doubled("A{at}=" + "${{A{before}}}" * 4, "", 16)),
    "dotenv default": ("dotenv", lambda: "A=" + "${X:-" * 200_000),
    "dotenv blanks": ("dotenv", lambda: "A=x" + " " * 400_000 + "y\n"),
    "dotenv quote never closed": ("dotenv", lambda: 'A="x\n' * 100_000),
    "dotenv one long quote": ("dotenv", lambda: 'A="' + 'x\\"' * 1_000_000),
    "dotenv dollars": ("dotenv", lambda: "A=" + "${" * 500_000),
    "dotenv many lines": (
        "dotenv",
        lambda: "".join(f"A{i}=x${{A{i - 1}}}\n" for i in range(100_000)),
    ),
    "docker env file": ("docker", lambda: "A=" + "x" * 4_900_000),
    "docker names": ("docker", lambda: "".join(f"A{i}\n" for i in range(300_000))),
    "systemd long": ("systemd env", lambda: "A=" + "x" * 4_900_000),
    "systemd quotes": ("systemd env", lambda: 'A="' + "\\x" * 2_000_000),
    "systemd key": ("systemd env", lambda: "x" * 4_900_000),
    # --- Dockerfiles
    "Dockerfile doubling": (
        "dockerfile",
        lambda: (
            "FROM x\nENV A0=xxxx\n"
            + doubled("ENV A{at}=" + "$A{before}" * 4, "CMD " + LAUNCH + " $A{at}", 40)
        ),
    ),
    "Dockerfile scratch doubling": (
        "dockerfile",
        lambda: (
            "FROM scratch\nENV A0=xxxx\n"
            + doubled("ENV A{at}=" + "$A{before}" * 4, "CMD " + LAUNCH, 40)
        ),
    ),
    "Dockerfile ARG doubling": (
        "dockerfile",
        lambda: (
            "ARG A0=xxxx\n" + doubled("ARG A{at}=" + "$A{before}" * 4, "FROM x\nCMD " + LAUNCH, 40)
        ),
    ),
    "Dockerfile ARG doubling in a stage": (
        "dockerfile",
        lambda: (
            "FROM x\nARG A0=xxxx\n" + doubled("ARG A{at}=" + "$A{before}" * 4, "CMD " + LAUNCH, 40)
        ),
    ),
    "Dockerfile unknown doubling": (
        "dockerfile",
        lambda: "FROM x\n" + doubled("ENV A{at}=" + "$A{before}" * 4, "CMD " + LAUNCH, 40),
    ),
    "Dockerfile ENV lines": (
        "dockerfile",
        lambda: "FROM x\n" + "".join(f"ENV A{i}=x\n" for i in range(40_000)) + "CMD " + LAUNCH,
    ),
    "Dockerfile ARG lines": (
        "dockerfile",
        lambda: "FROM x\n" + "".join(f"ARG A{i}=x\n" for i in range(40_000)) + "CMD " + LAUNCH,
    ),
    "Dockerfile ENV one line": (
        "dockerfile",
        lambda: "FROM x\nENV " + " ".join(f"A{i}=x" for i in range(100_000)) + "\nCMD " + LAUNCH,
    ),
    "Dockerfile stages": (
        "dockerfile",
        lambda: (
            "FROM x AS s0\nENV SGLANG_A=1\nCMD "
            + LAUNCH
            + "\n"
            + "".join(f"FROM s{i} AS s{i + 1}\nENV B{i}=1\n" for i in range(8000))
        ),
    ),
    "Dockerfile named stages": (
        "dockerfile",
        lambda: "".join(f"FROM x AS s{i}\n" for i in range(60_000)) + "CMD " + LAUNCH,
    ),
    "Dockerfile continued": (
        "dockerfile",
        lambda: "FROM x\nENV A=\\\n" + "x\\\n" * 400_000 + "y\nCMD " + LAUNCH,
    ),
    "Dockerfile heredocs": (
        "dockerfile",
        lambda: "FROM x\n" + "".join(f"RUN <<E{i}\n" for i in range(20_000)) + "CMD " + LAUNCH,
    ),
    "Dockerfile one heredoc line": (
        "dockerfile",
        lambda: "FROM x\nRUN " + " ".join(f"<<E{i}" for i in range(100_000)) + "\nx\nCMD " + LAUNCH,
    ),
    "Dockerfile JSON nesting": ("dockerfile", lambda: "FROM x\nCMD " + "[" * 200_000),
    "Dockerfile JSON words": (
        "dockerfile",
        lambda: (
            "FROM x\nCMD [" + ", ".join(f'"{w}"' for w in LAUNCH.split()) + ', "x"' * 200_000 + "]"
        ),
    ),
    "Dockerfile FROM flags": ("dockerfile", lambda: "FROM " + "--x " * 50_000 + "\n"),
    "Dockerfile FROM blanks": ("dockerfile", lambda: "FROM x" + " " * 100_000 + "y z\n"),
    "Dockerfile shell variables": (
        "dockerfile",
        lambda: "FROM x\n" + "".join(f"ENV A{i}=$B{i}\n" for i in range(3000)) + "CMD " + LAUNCH,
    ),
    "Dockerfile dollars": ("dockerfile", lambda: "FROM x\nENV A=" + "${" * 200_000),
    "Dockerfile escapes": (
        "dockerfile",
        lambda: "FROM x\nENV A=" + "\\a" * 400_000 + "\nCMD " + LAUNCH,
    ),
    # --- docker inspect
    "inspect variables": (
        "inspected",
        lambda: inspect('"A=1",' * 300_000 + '"B=1"', "x"),
    ),
    "inspect containers": (
        "inspected",
        lambda: "[" + ",".join([inspect('"A=1"', LAUNCH)[1:-1]] * 20_000) + "]",
    ),
    "inspect dollars": ("inspected", lambda: inspect('"A=1"', "sglang " + "${A:-" * 200_000)),
    "inspect nesting": ("inspected", lambda: '[{"Config": ' + "[" * 200_000),
    "kubectl pods": (
        "kubernetes",
        lambda: (
            '{"apiVersion": "v1", "kind": "List", "items": ['
            + ", ".join(
                [
                    '{"apiVersion": "v1", "kind": "Pod", "spec": {"containers": [{"command": ["sglang", '
                    '"serve"]}]}}'
                ]
                * 30_000
            )
            + "]}"
        ),
    ),
    # --- YAML
    "Compose doubling by merge": ("compose", lambda: merges(300) + compose("      A: b\n")),
    "Compose aliases": ("compose", lambda: aliases(12) + compose("      A: b\n")),
    "Compose aliases in a service": (
        "compose",
        lambda: aliases(5, 10) + compose("      A: b\n").replace("image: i", "x: *a5"),
    ),
    "Compose braces": ("compose", lambda: compose("      A: '" + "${A:-" * 50_000 + "'\n")),
    "Compose braces closed": (
        "compose",
        lambda: compose("      A: '" + "${A:-" * 5_000 + "}" * 5_000 + "'\n"),
    ),
    "Compose braces unclosed, apart": (
        "compose",
        lambda: compose("      A: '" + "${A:- " * 49 + "${B-x} " * 20_000 + "'\n"),
    ),
    "Compose 100,000 entries": (
        "compose",
        lambda: compose("".join(f"      A{i}: b\n" for i in range(100_000))),
    ),
    "Compose 10,500 entries": (
        "compose",
        lambda: compose("".join(f"      A{i}: b\n" for i in range(10_500))),
    ),
    "Compose services": (
        "compose",
        lambda: "services:\n" + "".join(f"  s{i}:\n    command: {LAUNCH}\n" for i in range(5_000)),
    ),
    "Compose long command": ("compose", lambda: compose("      A: b\n", LAUNCH + " x" * 100_000)),
    "Compose quoted command": (
        "compose",
        lambda: compose("      A: b\n", LAUNCH + " '" + "x" * 400_000 + "'"),
    ),
    "Compose extends": (
        "compose",
        lambda: (
            "services:\n  s0: {command: "
            + LAUNCH
            + "}\n"
            + "".join(
                f"  s{i}: {{extends: s{i - 1}, environment: {{A{i}: b}}}}\n" for i in range(1, 1500)
            )
        ),
    ),
    "Compose extends, a circle": (
        "compose",
        lambda: (
            "services:\n"
            + "".join(f"  s{i}: {{extends: s{(i + 1) % 1500}}}\n" for i in range(1500))
        ),
    ),
    "YAML flow nesting": ("compose", lambda: "services: " + "[" * 30_000),
    "YAML mapping nesting": ("compose", lambda: "services: " + "{a: " * 9_000),
    "YAML block nesting": ("compose", lambda: "".join(" " * i + "a:\n" for i in range(1400))),
    "YAML list nesting": ("compose", lambda: "services:\n" + "- " * 30_000 + "x\n"),
    "YAML documents": ("kubernetes", lambda: "---\na: b\n" * 9_000),
    "YAML comments": ("compose", lambda: "# x\n" * 250_000 + compose("      A: b\n")),
    "YAML anchors": ("compose", lambda: "".join(f"x{i}: &a{i} 1\n" for i in range(16_000))),
    "YAML tags": ("compose", lambda: "x: [" + "!t x, " * 20_000 + "]\n"),
    "YAML long scalar": ("compose", lambda: compose("      A: " + "x" * 1_200_000 + "\n")),
    "YAML long quoted": ("compose", lambda: compose('      A: "' + "\\x41" * 300_000 + '"\n')),
    "YAML words": ("compose", lambda: compose("      A: " + "x y " * 300_000 + "\n")),
    "YAML block scalar": ("compose", lambda: compose("      A: |\n" + "        x\n" * 120_000)),
    "YAML question marks": ("compose", lambda: "? " * 30_000),
    "YAML colons": ("compose", lambda: "a:b" * 400_000),
    "YAML flow map": ("compose", lambda: "services: {" + "a, " * 22_000 + "}"),
    "workflow jobs": (
        "workflow",
        lambda: (
            "on: push\njobs:\n"
            + "".join(
                f"  j{i}:\n    runs-on: u\n    steps:\n    - run: {LAUNCH}\n" for i in range(3000)
            )
        ),
    ),
    "workflow run blocks": ("workflow", lambda: workflow(LAUNCH, steps=5000)),
    "workflow matrix": (
        "workflow",
        lambda: workflow(
            LAUNCH + " --x ${{ matrix.a }}${{ matrix.b }}",
            strategy="    strategy:\n      matrix:\n        a: ["
            + ", ".join(map(str, range(16)))
            + "]\n        b: ["
            + ", ".join(map(str, range(16)))
            + "]\n",
            steps=100,
        ),
    ),
    "workflow matrix, wide": (
        "workflow",
        lambda: workflow(
            LAUNCH,
            strategy="    strategy:\n      matrix:\n"
            + "".join(f"        a{i}: [1, 2, 3, 4]\n" for i in range(2000)),
        ),
    ),
    "workflow include": (
        "workflow",
        lambda: workflow(
            LAUNCH,
            strategy="    strategy:\n      matrix:\n        a: ["
            + ", ".join(map(str, range(256)))
            + "]\n        include:\n"
            + "".join(f"          - {{a: {i % 256}, b{i}: 1}}\n" for i in range(5000)),
        ),
    ),
    "workflow matrix properties": (
        "workflow",
        lambda: workflow(
            "\n".join(["echo ${{ matrix.z }}"] * 1000 + [LAUNCH]),
            strategy="    strategy:\n      matrix:\n        include:\n          - {"
            + ", ".join(f"a{i}: 1" for i in range(5000))
            + "}\n",
        ),
    ),
    "workflow expressions": ("workflow", lambda: workflow(LAUNCH + " " + "${{ a" * 25_000)),
    "workflow expression nesting": (
        "workflow",
        lambda: workflow(LAUNCH + " ${{ " + "(" * 100_000 + " }}"),
    ),
    "workflow expression quotes": (
        "workflow",
        lambda: workflow(LAUNCH + " ${{ " + "'a" * 100_001 + " }}"),
    ),
    "workflow env doubling": (
        "workflow",
        lambda: "".join(
            [workflow(LAUNCH, env="env:\n  A0: xxxx\n").rpartition("      - run")[0]]
            + [
                f"      - env: {{A{i}: '{('${{ env.A' + str(i - 1) + ' }}') * 4}'}}\n        run: echo \"A{i}={('${{ env.A' + str(i - 1) + ' }}') * 4}\" >> $GITHUB_ENV\n"
                for i in range(1, 30)
            ]
            + ["      - run: " + LAUNCH + "\n"]
        ),
    ),
    "workflow GITHUB_ENV": (
        "workflow",
        lambda: workflow(
            "\n".join(f'echo "A{i}=$(x)" >> $GITHUB_ENV' for i in range(3000)) + "\n" + LAUNCH,
            env="env:\n" + "".join(f"  B{i}: x\n" for i in range(1000)),
        ),
    ),
    "workflow GITHUB_ENV steps": (
        "workflow",
        lambda: workflow(
            "cat x >> $GITHUB_ENV\n" + LAUNCH,
            env="env:\n" + "".join(f"  B{i}: x\n" for i in range(1000)),
            steps=1000,
        ),
    ),
    "manifest doubling": (
        "kubernetes",
        lambda: pod(
            "    - {name: A0, value: xxxx}\n"
            + doubled("    - {{name: A{at}, value: " + "$(A{before})" * 4 + "}}", "", 40)
        ),
    ),
    "manifest env": (
        "kubernetes",
        lambda: pod("".join(f"    - {{name: A{i}, value: x}}\n" for i in range(4_000))),
    ),
    "manifest containers": (
        "kubernetes",
        lambda: (
            pod("      []\n")
            + "".join(
                f"  - {{name: c{i}, command: [{', '.join(LAUNCH.split())}]}}\n" for i in range(2000)
            )
        ),
    ),
    "manifest ConfigMap by many": (
        "kubernetes",
        lambda: (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {"
            + ", ".join(f"A{i}: x" for i in range(3000))
            + "}\n---\n"
            + pod("      []\n")
            + "".join(
                f"  - {{name: c{i}, envFrom: [{{configMapRef: {{name: m}}}}], command: [{', '.join(LAUNCH.split())}]}}\n"
                for i in range(1000)
            )
        ),
    ),
    "manifest script by many": (
        "kubernetes",
        lambda: (
            "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  a.sh: |\n"
            + f"    {LAUNCH}\n" * 50
            + "---\n"
            + pod("      []\n")
            + "".join(
                f"  - {{name: c{i}, command: [sh, /s/a.sh], volumeMounts: [{{name: v, mountPath: /s}}]}}\n"
                for i in range(1000)
            )
            + "  volumes: [{name: v, configMap: {name: m}}]\n"
        ),
    ),
    "manifest volumes by many": (
        "kubernetes",
        lambda: (
            pod("      []\n")
            + "".join(
                f"  - {{name: c{i}, command: [sh, /s/a.sh], volumeMounts: [{{name: v, mountPath: /s}}]}}\n"
                for i in range(1000)
            )
            + "  volumes:\n"
            + "".join(f"  - {{name: v{i}, configMap: {{name: m}}}}\n" for i in range(2000))
        ),
    ),
    "manifest env alone": (
        "kubernetes",
        lambda: "env:\n" + "".join(f"- {{name: A{i}, value: $(A{i - 1})}}\n" for i in range(6_000)),
    ),
    "unit words": ("systemd", lambda: f"[Service]\nExecStart={LAUNCH}" + " ${A} $B" * 40_000),
    "unit continuations": (
        "systemd",
        lambda: f"[Service]\nExecStart={LAUNCH}" + " \\\n a" * 40_000,
    ),
    "unit variables": (
        "systemd",
        lambda: "[Service]\n" + "Environment=A=x A=y\n" * 20_000 + f"ExecStart={LAUNCH} ${{A}}\n",
    ),
    "unit escapes": ("systemd", lambda: f"[Service]\nExecStart={LAUNCH} " + "\\x41" * 100_000),
    "unit specifiers": ("systemd", lambda: f"[Service]\nExecStart={LAUNCH} " + "%h" * 100_000),
    "unit commands": ("systemd", lambda: "[Service]\n" + f"ExecStart={LAUNCH}\n" * 5_000),
    "unit long variable": (
        "systemd",
        lambda: f"[Service]\nEnvironment=A={'x' * 100_000}\nExecStart={LAUNCH} " + "${A}" * 10_000,
    ),
    "task variables": (
        "skypilot",
        lambda: "envs:\n" + "".join(f"  A{i}: x\n" for i in range(5_000)) + f"run: {LAUNCH}\n",
    ),
    "task documents": ("skypilot", lambda: f"envs: {{A: b}}\nrun: {LAUNCH}\n---\n" * 3_000),
    "manifest placeholders": (
        "kubernetes",
        lambda: (
            "apiVersion: a.b/v1\nkind: X\nspec: {c: {image: i, command: [sglang, serve, "
            f"'{'{{a.b}}' * 8_000}']}}}}\n"
        ),
    ),
    "--config keys": ("config", lambda: "".join(f"x{i}: [a, b]\n" for i in range(6_000))),
    "Slurm recipe flags": (
        "slurm_ci",
        lambda: SLURM_RECIPE.replace("FLAGS", "--tp 8 " * 40_000),
    ),
    "Slurm recipe arguments": (
        "slurm_ci",
        lambda: SLURM_RECIPE + "model:\n  server_args:\n" + "  - --a\n" * 20_000,
    ),
    "Slurm recipe variables": (
        "slurm_ci",
        lambda: (
            SLURM_RECIPE
            + "model:\n  env:\n"
            + "".join(f"    SGLANG_{i}: {i}\n" for i in range(6_000))
        ),
    ),
    "master points": (
        "inferencex",
        lambda: MASTER + "      - {tp: 8, conc-start: 1, conc-end: 99999999}\n" * 3_000,
    ),
    "master concurrencies": (
        "inferencex",
        lambda: MASTER + f"      - {{tp: 8, conc-list: [{', '.join(map(str, range(9_000)))}]}}\n",
    ),
    "master entries": (
        "inferencex",
        lambda: "".join(
            f"a{i}: {{model: DeepSeek-V4}}\n  framework: sglang\n" for i in range(9_000)
        ),
    ),
    "catalogue words": (
        "atom",
        lambda: '[{"model_path": "/m", "extraArgs": "' + "--a b " * 60_000 + '"}]',
    ),
    "catalogue variables": (
        "atom",
        lambda: '[{"model_path": "/m", "env_vars": "' + "SGLANG_A=1\\n" * 60_000 + '"}]',
    ),
    "catalogue templates": (
        "atom",
        lambda: (
            '{"templates": {"extra_args": {"a": "'
            + "--a " * 2_000
            + '"}}, "models": ['
            + '{"path": "/m", "extra_args": ["a", "a", "a", "a"]},' * 2_000
            + "]}"
        ),
    ),
    "recipe zip": (
        "srt_slurm",
        lambda: (
            "base: {backend: {sglang_config: {prefill: {"
            + ", ".join(f"x{i}: {i}" for i in range(3_000))
            + "}}}}\nzip_override_a: {backend: {sglang_config: {prefill: {tp-size: ["
            + ", ".join(map(str, range(3_000)))
            + "]}}}}\n"
        ),
    ),
    "recipe overrides": (
        "srt_slurm",
        lambda: (
            "base: {backend: {sglang_config: {prefill: {tp-size: 8}}}}\n"
            + "".join(f"override_{i}: {{backend: {{type: sglang}}}}\n" for i in range(2_000))
        ),
    ),
    "recipe sweep": (
        "srt_slurm",
        lambda: (
            "backend: {sglang_config: {aggregated: {a: '{a0}{a1}'}}}\nsweep:\n"
            + "".join(f"  a{i}: [{', '.join(map(str, range(50)))}]\n" for i in range(20))
        ),
    ),
    "recipe sweep that doubles": (
        "srt_slurm",
        lambda: (
            "backend: {sglang_config: {aggregated: {a: '{a0}'}}}\nsweep:\n"
            + "".join(f"  a{i}: ['{{a{i + 1}}}{{a{i + 1}}}']\n" for i in range(40))
        ),
    ),
    "launch.json configurations": (
        "vscode",
        lambda: (
            '{"configurations": ['
            + '{"module": "sglang.launch_server", "args": ["--tp", "8"]},\n' * 9_000
            + "]}"
        ),
    ),
    "launch.json words": (
        "vscode",
        lambda: (
            '{"configurations": [{"module": "sglang.launch_server", "args": ['
            + '"${env:A}${env:B}", ' * 40_000
            + "]}]}"
        ),
    ),
    "launch.json nesting": ("vscode", lambda: '{"configurations": ' + "[" * 100_000),
    "launch.json quotes": ("vscode", lambda: '{"configurations": ["' + '\\"' * 500_000),
    # --- pages and notebooks
    "page of fences": ("markdown", lambda: f"```bash\n{LAUNCH}\n```\n" * 20_000),
    "page of open fences": ("markdown", lambda: "".join("`" * i + "\n" for i in range(3, 2500))),
    "page of backquotes": ("markdown", lambda: "sglang" + "`" * 4_000_000),
    "page of list marks": ("markdown", lambda: "sglang\n" + "- " * 1_000_000 + "\n"),
    "page of quotations": ("markdown", lambda: ("> " * 1000 + "```bash\n") * 2000),
    "page of headings": ("markdown", lambda: "# [" + "[](" * 300_000 + "<" * 300_000 + "\n"),
    "page of comments": ("markdown", lambda: "<!--\nsglang\n" * 100_000),
    "page of blanks": ("markdown", lambda: "```\nsglang serve" + " " * 2_000_000 + "x\n```\n"),
    "page of placeholders": (
        "markdown",
        lambda: "```bash\nsglang serve " + "<a> " * 100_000 + "\n```\n",
    ),
    "page of open placeholders": (
        "markdown",
        lambda: "```bash\nsglang serve " + "<a" * 100_000 + "[a" * 100_000 + "\n```\n",
    ),
    "page of prompts": ("markdown", lambda: "```bash\n$ sglang serve\n" + "(a) " * 500_000),
    "page of imports": (
        "markdown",
        lambda: "".join(
            f"```python\nimport a{i}\n```\n```python\nsglang.launch_server(a0, a1)\n```\n"
            for i in range(5_000)
        ),
    ),
    "page of tabs": ("markdown", lambda: "\t" * 1_000_000 + "```bash\nsglang serve\n"),
    "notebook of cells": (
        "notebook",
        lambda: (
            '{"cells": ['
            + '{"cell_type": "code", "source": "!sglang serve --tp 8"}, ' * 20_000
            + "]}"
        ),
    ),
    "notebook of continuations": (
        "notebook",
        lambda: (
            '{"cells": [{"cell_type": "code", "source": "!sglang serve'
            + "\\\\\\n" * 300_000
            + '"}]}'
        ),
    ),
    "notebook of names": (
        "notebook",
        lambda: '{"cells": [{"cell_type": "code", "source": "' + "a, " * 500_000 + '= !sglang"}]}',
    ),
    "notebook nesting": ("notebook", lambda: '{"cells": ' + "[" * 100_000),
    "notebook of brackets": (
        "notebook",
        lambda: (
            '{"cells": [{"cell_type": "code", "source": "sglang.launch_server'
            + "(" * 100_000
            + '"}]}'
        ),
    ),
    # --- SGLang's cookbook
    "cookbook cells": (
        "cookbook",
        lambda: (
            "export const config = { cells: ["
            + '{ match: { hw: "a" }, flags: ["--tp 8"] },' * 20_000
            + "] };"
        ),
    ),
    "cookbook nesting": ("cookbook", lambda: "export const config = " + "[" * 100_000),
    "cookbook balanced nesting": (
        "cookbook",
        lambda: "export const config = " + "[" * 900 + "]" * 900,
    ),
    "cookbook calls": ("cookbook", lambda: "export const config = " + "f(" * 900 + ")" * 900),
    "cookbook sums": ("cookbook", lambda: "export const config = 1" + " + 1" * 200_000),
    "cookbook negations": ("cookbook", lambda: "export const config = " + "!" * 500_000 + "1"),
    "cookbook tags": ("cookbook", lambda: "export const config = " + "<a>" * 100_000),
    "cookbook placeholders": (
        "cookbook",
        lambda: (
            "export const config = { cells: [{ match: {}, flags: ['"
            + "{{A}} " * 100_000
            + "'] }] };"
        ),
    ),
    "cookbook escapes": (
        "cookbook",
        lambda: (
            "export const config = { cells: [{ match: {}, flags: ['"
            + "\\x41" * 200_000
            + "'] }] };"
        ),
    ),
    "cookbook models": (
        "cookbook",
        lambda: (
            f"export const config = {{ modelNames: {{ default: '{'m' * 2_000_000}' }}, cells: ["
            + "{ match: {}, flags: ['--model-path {{MODEL_NAME}}'] }," * 1_000
            + "] };"
        ),
    ),
    "launch.json comments": ("vscode", lambda: "/*" * 500_000),
    "manifest aliases": (
        "kubernetes",
        lambda: (
            "apiVersion: v1\nkind: Pod\nmetadata: {name: p}\n"
            "a0: &a0 {spec: {containers: [{name: c, command: ["
            + ", ".join(LAUNCH.split())
            + "]}]}}\n"
            + "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 8)}]" for i in range(1, 5))
            + "\n"
        ),
    ),
    "manifest references never closed": (
        "kubernetes",
        lambda: pod("    - {name: A, value: '" + "$(" * 60_000 + "'}\n"),
    ),
    "workflow quotes never closed": (
        "workflow",
        lambda: workflow(LAUNCH + " " + "${{ x " * 20_000 + "' }}"),
    ),
    "Compose defaults": (
        "compose",
        lambda: compose(
            "      A0: xxxx\n" + doubled("      A{at}: '" + "${{A{before}:-x}}" * 4 + "'", "", 40)
        ),
    ),
    # --- Python: values
    "Python lists of lists": (
        "python",
        lambda: value(
            "a60",
            "a0=['x']\n"
            + "\n".join(f"a{i}=[a{i - 1},a{i - 1},a{i - 1},a{i - 1}]" for i in range(1, 61)),
        ),
    ),
    "Python dicts of dicts": (
        "python",
        lambda: value(
            "a60",
            "a0={'x': 'y'}\n"
            + "\n".join(f"a{i}={{'a': a{i - 1}, 'b': a{i - 1}}}" for i in range(1, 61)),
        ),
    ),
    "Python list repeated": (
        "python",
        lambda: value(
            "a9", "a0=['x'] * 15000\n" + "\n".join(f"a{i}=[a{i - 1}] * 15000" for i in range(1, 10))
        ),
    ),
    "Python repr": (
        "python",
        lambda: value(
            "repr(a60)", "a0=['x']\n" + "\n".join(f"a{i}=[a{i - 1},a{i - 1}]" for i in range(1, 61))
        ),
    ),
    "Python json.dumps": (
        "python",
        lambda: value(
            "json.dumps(a60)",
            "import json\na0=['x']\n"
            + "\n".join(f"a{i}=[a{i - 1},a{i - 1}]" for i in range(1, 61)),
        ),
    ),
    "Python equality of shared": (
        "python",
        lambda: value(
            "a60 == b60",
            "a0=['x']\nb0=['x']\n"
            + "\n".join(
                f"a{i}=[a{i - 1},a{i - 1}]\nb{i}=[b{i - 1},b{i - 1}]" for i in range(1, 61)
            ),
        ),
    ),
    "Python min of shared": (
        "python",
        lambda: value(
            "min(a60)", "a0=['x']\n" + "\n".join(f"a{i}=[a{i - 1},a{i - 1}]" for i in range(1, 61))
        ),
    ),
    "Python sorted of shared": (
        "python",
        lambda: value(
            "sorted([a60, a60, a60])",
            "a0=['x']\n" + "\n".join(f"a{i}=[a{i - 1},a{i - 1}]" for i in range(1, 61)),
        ),
    ),
    "Python len of shared": (
        "python",
        lambda: value(
            "len(a60)", "a0=['x']\n" + "\n".join(f"a{i}=[a{i - 1},a{i - 1}]" for i in range(1, 61))
        ),
    ),
    "Python deepcopy": (
        "python",
        lambda: value(
            "copy.deepcopy(a60)",
            "import copy\na0=['x']\n"
            + "\n".join(f"a{i}=[a{i - 1},a{i - 1}]" for i in range(1, 61)),
        ),
    ),
    "Python a list in itself": ("python", lambda: value("a", "a=[]\na.append(a)\na.append(a)")),
    "Python f-string doubling": (
        "python",
        lambda: value(
            "a60",
            "a0='xxxx'\n" + "\n".join(f"a{i}=f'{{a{i - 1}}}{{a{i - 1}}}'" for i in range(1, 61)),
        ),
    ),
    "Python plus doubling": (
        "python",
        lambda: value(
            "a60", "a0='xxxx'\n" + "\n".join(f"a{i}=a{i - 1}+a{i - 1}" for i in range(1, 61))
        ),
    ),
    "Python unknown doubling": (
        "python",
        lambda: value(
            "a300",
            "a0=g()\n" + "\n".join(f"a{i}=f'{{a{i - 1}}}{{a{i - 1}}}'" for i in range(1, 301)),
        ),
    ),
    "Python format doubling": (
        "python",
        lambda: value(
            "a60",
            "a0='xxxx'\n"
            + "\n".join(f"a{i}='{{}}{{}}'.format(a{i - 1}, a{i - 1})" for i in range(1, 61)),
        ),
    ),
    "Python percent doubling": (
        "python",
        lambda: value(
            "a60",
            "a0='xxxx'\n" + "\n".join(f"a{i}='%s%s' % (a{i - 1}, a{i - 1})" for i in range(1, 61)),
        ),
    ),
    "Python join doubling": (
        "python",
        lambda: value(
            "a60",
            "a0='xxxx'\n"
            + "\n".join(f"a{i}=a{i - 1}.join([a{i - 1}, a{i - 1}])" for i in range(1, 61)),
        ),
    ),
    "Python replace doubling": (
        "python",
        lambda: value(
            "a60",
            "a0='xxxx'\n" + "\n".join(f"a{i}=a{i - 1}.replace('x', 'xx')" for i in range(1, 61)),
        ),
    ),
    "Python replace of nothing": ("python", lambda: value("('x' * 9999).replace('', 'y' * 9999)")),
    "Python many long texts": (
        "python",
        lambda: value(
            "1", "a0='x' * 9999\n" + "\n".join(f"a{i} = a0 * 1 + 'y' * 9998" for i in range(13000))
        ),
    ),
    "Python long texts in a loop": (
        "python",
        lambda: (
            "ENV = {}\na = 'x' * 9999\na = a + a + a + a + a + a + a + a + a + a\nfor i in range(20000):\n    ENV[str(i)] = a + str(i)\n"
            + POPEN
        ),
    ),
    "Python list doubling": (
        "python",
        lambda: value(
            "a60", "a0=['x']\n" + "\n".join(f"a{i}=a{i - 1}+a{i - 1}" for i in range(1, 61))
        ),
    ),
    "Python list plus-equals doubling": (
        "python",
        lambda: value("a", "a=['x']\n" + "a += a\n" * 60),
    ),
    "Python list extend doubling": (
        "python",
        lambda: value("a", "a=['x']\n" + "a.extend(a)\n" * 60),
    ),
    "Python star doubling": (
        "python",
        lambda: value(
            "a60", "a0=['x']\n" + "\n".join(f"a{i}=[*a{i - 1}, *a{i - 1}]" for i in range(1, 61))
        ),
    ),
    "Python dict update doubling": (
        "python",
        lambda: value("a", "a={'x': '1', 'y': '2'}\n" + "a.update(a)\n" * 60),
    ),
    "Python dict merge doubling": (
        "python",
        lambda: value(
            "a60",
            "a0={'x': '1'}\n" + "\n".join(f"a{i}={{**a{i - 1}, **a{i - 1}}}" for i in range(1, 61)),
        ),
    ),
    "Python dict or doubling": (
        "python",
        lambda: value(
            "a60", "a0={'x': '1'}\n" + "\n".join(f"a{i}=a{i - 1}|a{i - 1}" for i in range(1, 61))
        ),
    ),
    "Python environ update doubling": (
        "python",
        lambda: (
            "import os\nENV = {'A': '1', 'B': '2'}\n"
            + "ENV.update(ENV)\nos.environ.update(ENV)\n" * 40
            + POPEN
        ),
    ),
    "Python dict in a loop": (
        "python",
        lambda: "ENV = {}\nfor i in range(20000):\n    ENV[str(i)] = 'x'\n" + POPEN,
    ),
    "Python list in a loop": (
        "python",
        lambda: value("len(a)", "a = []\nfor i in range(20000):\n    a.append(i)"),
    ),
    "Python list pop in a loop": (
        "python",
        lambda: value("len(a)", "a = list(range(20000))\nfor i in range(20000):\n    a.pop(0)"),
    ),
    "Python dict get in a loop": (
        "python",
        lambda: (
            "ENV = {}\nD = {"
            + ", ".join(f"'{i}': {i}" for i in range(10000))
            + "}\nfor i in range(20000):\n    ENV['A'] = str(D.get('0'))\n"
            + POPEN
        ),
    ),
    "Python dict written out": (
        "python",
        lambda: "ENV = {" + ", ".join(f"'A{i}': 'x'" for i in range(10_500)) + "}\n" + POPEN,
    ),
    "Python assignments to one dict": (
        "python",
        lambda: "ENV = {}\n" + "".join(f"ENV['A{i}'] = 'x'\n" for i in range(10_500)) + POPEN,
    ),
    "Python environ set": (
        "python",
        lambda: (
            "import os\nENV = {}\n"
            + "".join(f"os.environ['A{i}'] = 'x'\n" for i in range(12_000))
            + POPEN
        ),
    ),
    "Python setdefault": (
        "python",
        lambda: (
            "ENV = {}\n" + "".join(f"ENV.setdefault('A{i}', 'x')\n" for i in range(11_000)) + POPEN
        ),
    ),
    "Python wide format": ("python", lambda: value("'%999999999d' % 1")),
    "Python wide f-string": ("python", lambda: value("f'{1:>999999999}'")),
    "Python precise f-string": ("python", lambda: value("f'{1.0:.9999}'")),
    "Python wide nested f-string": ("python", lambda: value("f'{1:{w}}'", "w = '9' * 9")),
    "Python wide format()": ("python", lambda: value("'{:>999999999}'.format(1)")),
    "Python nested format()": ("python", lambda: value("'{:{}}'.format(1, 999999999)")),
    "Python ljust": ("python", lambda: value("'x'.ljust(10**9)")),
    "Python zfill, center, expandtabs": (
        "python",
        lambda: value(
            "'\\t'.zfill(999999999) + 'x'.center(999999999) + '\\t'.expandtabs(999999999)"
        ),
    ),
    "Python times": ("python", lambda: value("'x' * 10**9")),
    "Python bytes times": ("python", lambda: value("b'x' * 999999999")),
    "Python list times": ("python", lambda: value("['x'] * 999999999")),
    "Python empty list times": ("python", lambda: value("[] * 10**400")),
    "Python power": ("python", lambda: value("2**10**9 + 10**10**6")),
    "Python shift": ("python", lambda: value("1 << 999999999999")),
    "Python multiply": (
        "python",
        lambda: value(
            "a40", "a0 = 10\n" + "\n".join(f"a{i}=a{i - 1}*a{i - 1}" for i in range(1, 41))
        ),
    ),
    "Python long int": ("python", lambda: value("int('9' * 5000)")),
    "Python long int literal": ("python", lambda: value("9" * 5000)),
    "Python hexadecimal literal": ("python", lambda: value("0x" + "f" * 100_000)),
    "Python long negative": ("python", lambda: value("-0x" + "f" * 100_000)),
    "Python long hexadecimal in f-string": (
        "python",
        lambda: value("f'{0x" + "f" * 100_000 + ":d}'"),
    ),
    "Python int in a set": (
        "python",
        lambda: value("0x" + "f" * 100_000 + " in {0x" + "e" * 100_000 + "}"),
    ),
    "Python range sum": ("python", lambda: value("sum(range(10**12))")),
    "Python slices": (
        "python",
        lambda: value("a[::1]", "a = 'x' * 9999\n" + "a = a[:] + a[:5]\n" * 3000),
    ),
    "Python split": (
        "python",
        lambda: value("a.split('x')", "a = 'x' * 9999\n" + "a = a + a\n" * 4),
    ),
    "Python iterate a text": (
        "python",
        lambda: value("[c for c in a for d in a]", "a = 'x' * 9999\n" + "a = a + a\n" * 4),
    ),
    "Python sorted in a loop": (
        "python",
        lambda: value(
            "1", "a = list(range(20000))\nfor i in range(20000):\n    b = sorted(a)\nENV2 = b"
        ),
    ),
    # --- Python: following
    "Python loops": ("python", lambda: body(nested_loops(15))),
    "Python module loops": ("python", lambda: "ENV = {}\n" + nested_loops(15) + "\n" + POPEN),
    "Python while": (
        "python",
        lambda: body("n = 0\nwhile n < 10**9:\n    n += 1\n    ENV['A'] = str(n)"),
    ),
    "Python whiles": (
        "python",
        lambda: body(
            "\n".join(
                "    " * i
                + f"n{i} = 0\n"
                + "    " * i
                + f"while n{i} < 999:\n"
                + "    " * i
                + f"    n{i} += 1"
                for i in range(8)
            )
            + "\n"
            + "    " * 8
            + "ENV['A'] = str(n0)"
        ),
    ),
    "Python comprehension": (
        "python",
        lambda: value("[1 " + " ".join(f"for i{i} in range(100)" for i in range(9)) + "]"),
    ),
    "Python comprehensions nested": (
        "python",
        lambda: value("[" * 9 + "1" + "".join(f" for i{i} in range(100)]" for i in range(9))),
    ),
    "Python any of generator": (
        "python",
        lambda: value("any(x > 9 " + " ".join(f"for i{i} in range(100)" for i in range(9)) + ")"),
    ),
    "Python product": (
        "python",
        lambda: value("list(itertools.product(range(1000), repeat=9))", "import itertools"),
    ),
    "Python recursion": ("python", lambda: RECURSIVE + POPEN),
    "Python mutual recursion": ("python", lambda: MUTUAL + POPEN),
    "Python calls": (
        "python",
        lambda: (
            "def f0():\n    return 'x'\n"
            + "".join(
                f"def f{i}():\n    return f{i - 1}() + f{i - 1}() + f{i - 1}()\n"
                for i in range(1, 24)
            )
            + "ENV = {'A': f23()}\n"
            + POPEN
        ),
    ),
    "Python lambdas": (
        "python",
        lambda: (
            "f0 = lambda: 'x'\n"
            + "".join(
                f"f{i} = lambda: f{i - 1}() + f{i - 1}() + f{i - 1}()\n" for i in range(1, 24)
            )
            + "ENV = {'A': f23()}\n"
            + POPEN
        ),
    ),
    "Python properties": (
        "python",
        lambda: (
            "class C:\n"
            "    p0 = 'x'\n"
            + "".join(
                f"    @property\n    def p{i}(self):\n        return self.p{i - 1} + self.p{i - 1} + self.p{i - 1}\n"
                for i in range(1, 24)
            )
            + "ENV = {'A': C().p23}\n"
            + POPEN
        ),
    ),
    "Python generators": (
        "python",
        lambda: (
            "def g0():\n    yield 'x'\n"
            + "".join(
                f"def g{i}():\n    for x in g{i - 1}():\n        yield x\n    for x in g{i - 1}():\n        yield x\n"
                for i in range(1, 24)
            )
            + "ENV = {x: '1' for x in g23()}\n"
            + POPEN
        ),
    ),
    "Python decorators": (
        "python",
        lambda: "ENV = {}\n" + "@d\n" * 20_000 + "def f():\n    pass\n" + POPEN,
    ),
    "Python decorator calls": (
        "python",
        lambda: (
            "ENV = {}\n"
            + "".join(f"@skipIf(x{i}, '')\n" for i in range(3000))
            + POPEN.partition("\n")[2]
        ),
    ),
    "Python classes": (
        "python",
        lambda: (
            "ENV = {}\n"
            + "".join(
                f"class TestC{i}:\n    def test_a(self):\n        popen_launch_server('m', 'u', 1, env=ENV)\n"
                for i in range(4_200)
            )
        ),
    ),
    "Python classes without launches": (
        "python",
        lambda: (
            "ENV = {}\n"
            + "".join(f"class C{i}:\n    def a(self):\n        pass\n" for i in range(10_500))
            + POPEN
        ),
    ),
    "Python class chain": (
        "python",
        lambda: (
            "ENV = {}\nclass C0:\n    def test_a(self):\n        popen_launch_server('m', 'u', 1, env=ENV)\n"
            + "".join(
                f"class TestC{i}(C{'0' if i == 1 else f'{i - 1}'}):\n    pass\n"
                if i == 1
                else f"class TestC{i}(TestC{i - 1}):\n    pass\n"
                for i in range(1, 1500)
            )
        ),
    ),
    "Python bases": (
        "python",
        lambda: (
            "ENV = {}\n"
            + "".join(f"class C{i}:\n    pass\n" for i in range(1000))
            + "class TestD("
            + ", ".join(f"C{i}" for i in range(1000))
            + "):\n"
            + POPEN.partition("class TestX:\n")[2]
        ),
    ),
    "Python methods": (
        "python",
        lambda: (
            "ENV = {}\nclass TestX:\n"
            + "".join(
                f"    def test_{i}(self):\n        popen_launch_server('m', 'u', 1, env=ENV)\n"
                for i in range(4_800)
            )
        ),
    ),
    "Python helper functions": (
        "python",
        lambda: (
            "ENV = {}\n"
            + "".join(f"def f{i}():\n    return f{i + 1}()\n" for i in range(10_000))
            + POPEN
        ),
    ),
    "Python helpers that launch": (
        "python",
        lambda: (
            "ENV = {}\ndef f0():\n    popen_launch_server('m', 'u', 1, env=ENV)\n"
            + "".join(f"def f{i}():\n    f{i - 1}()\n" for i in range(1, 5_000))
            + POPEN
        ),
    ),
    "Python nested functions": (
        "python",
        lambda: (
            "ENV = {}\n"
            + "".join("    " * i + f"def f{i}():\n" for i in range(90))
            + "    " * 90
            + "popen_launch_server('m', 'u', 1, env=ENV)\n"
            + POPEN
        ),
    ),
    "Python tests of conditions": ("python", lambda: "import os\n" + body(IFS)),
    "Python conditions of a module": ("python", lambda: MODULE_IFS),
    "Python conditions that launch": (
        "python",
        lambda: (
            "import os\n"
            + body(
                "\n".join(
                    f"if os.path.exists('{i}'):\n    popen_launch_server('m', 'u', 1, env=ENV)"
                    for i in range(2000)
                )
            )
        ),
    ),
    "Python tries": (
        "python",
        lambda: (
            "import os\n"
            + body(
                "\n".join(
                    f"try:\n    ENV['A'] = g({i})\nexcept E{i}:\n    ENV['B{i}'] = '1'"
                    for i in range(2000)
                )
            )
        ),
    ),
    "Python loops unknown": (
        "python",
        lambda: body(
            "\n".join("    " * i + f"for i{i} in g():" for i in range(15))
            + "\n"
            + "    " * 15
            + "ENV['A'] = '1'"
        ),
    ),
    "Python launches in loops": (
        "python",
        lambda: body(
            "for i in range(20000):\n    popen_launch_server('m', 'u', 1, other_args=['--tp', str(i)], env=ENV)"
        ),
    ),
    "Python launches in unknown loops": (
        "python",
        lambda: body(
            "\n".join("    " * i + f"for i{i} in g():" for i in range(12))
            + "\n"
            + "    " * 12
            + "popen_launch_server('m', 'u', 1, env=ENV)"
        ),
    ),
    "Python conditional expressions": (
        "python",
        lambda: body("\n".join(f"ENV['A{i}'] = '1' if g({i}) else '2'" for i in range(3000))),
    ),
    "Python boolean operators": (
        "python",
        lambda: value(" or ".join(f"g({i})" for i in range(3000))),
    ),
    "Python match": (
        "python",
        lambda: body(
            "match 'x':\n"
            + "".join(f"    case 'a{i}':\n        ENV['A'] = '1'\n" for i in range(9_000))
        ),
    ),
    # --- Python: form
    "Python tuples nested": ("python", lambda: value("(" * 180 + "1" + ",)" * 180)),
    "Python comprehension of comprehensions": (
        "python",
        lambda: value("[[[x for x in range(99)] for y in range(99)] for z in range(99)]"),
    ),
    "Python imports itself": ("python", lambda: "ENV = {}\nfrom f import *\nimport f\n" + POPEN),
    "Python f-string widths": (
        "python",
        lambda: (
            "ENV = {}\n" + "".join(f"ENV['A{i}'] = f'{{1:>9999}}'\n" for i in range(8_000)) + POPEN
        ),
    ),
    "Python json.dumps, wide": (
        "python",
        lambda: value(
            "json.dumps([1] * 9999, separators=(a, a)) + json.dumps([[1] * 9999], indent=a)",
            "import json\na = 'x' * 9999",
        ),
    ),
    "Python notes": (
        "python",
        lambda: "ENV = {}\n" + "".join(f"ENV.update(g({i}))\n" for i in range(3000)) + POPEN,
    ),
    "Python brackets": ("python", lambda: value("(" * 100_000)),
    "Python lists in lists": ("python", lambda: value("[" * 100_000)),
    "Python balanced brackets": ("python", lambda: value("[" * 150 + "]" * 150)),
    "Python plus chain": ("python", lambda: value("+".join(["a"] * 100_000))),
    "Python short plus chain": ("python", lambda: value("+".join(["'a'"] * 900))),
    "Python middling plus chain": ("python", lambda: value("+".join(["'a'"] * 3_000))),
    "Python not chain": ("python", lambda: value("not " * 100_000 + "1")),
    "Python minus chain": ("python", lambda: value("-" * 100_000 + "1")),
    "Python calls in calls": ("python", lambda: value("f(" * 90 + ")" * 90)),
    "Python more calls in calls": ("python", lambda: value("f(" * 100_000 + ")" * 100_000)),
    "Python attributes": ("python", lambda: value("x" + ".y" * 100_000)),
    "Python middling attributes": ("python", lambda: value("x" + ".y" * 2_500)),
    "Python short attributes": ("python", lambda: value("x" + ".y" * 800)),
    "Python call chain": ("python", lambda: value("x" + ".y()" * 800)),
    "Python subscripts": ("python", lambda: value("x" + "[0]" * 100_000)),
    "Python lambdas in lambdas": ("python", lambda: value("lambda: " * 100_000 + "1")),
    "Python ifs in ifs": (
        "python",
        lambda: (
            "ENV = {}\n"
            + "".join(" " * i + "if x:\n" for i in range(95))
            + " " * 95
            + "ENV['A'] = '1'\n"
            + POPEN
        ),
    ),
    "Python elifs": (
        "python",
        lambda: (
            "ENV = {}\nif x == 0:\n    pass\n"
            + "".join(f"elif x == {i}:\n    ENV['A'] = '{i}'\n" for i in range(5000))
            + POPEN
        ),
    ),
    "Python elifs in a test": (
        "python",
        lambda: body(
            "if x == 0:\n    pass\n"
            + "".join(f"elif x == {i}:\n    ENV['A'] = '{i}'\n" for i in range(800))
        ),
    ),
    "Python f-strings nested": ("python", lambda: value("f'" + "{x!r}" * 25_000 + "'")),
    "Python targets": ("python", lambda: value("1", "a = " * 50_000 + "1")),
    "Python arguments": (
        "python",
        lambda: value("f(" + ", ".join(f"a{i}=1" for i in range(35_000)) + ")"),
    ),
    "Python comparisons": ("python", lambda: value(" < ".join(["1"] * 50_000))),
    "Python literal": ("python", lambda: value("'" + "x" * 4_900_000 + "'")),
    "Python list written out": ("python", lambda: value("[" + "'x', " * 35_000 + "]")),
    "Python statements": ("python", lambda: "ENV = {}\n" + "a = 1\n" * 45_000 + POPEN),
    "Python semicolons": ("python", lambda: "ENV = {}\n" + "a;" * 70_000 + "\n" + POPEN),
    "Python 5 MB": (
        "python",
        lambda: "ENV = {}\n" + "x = [1, 'a', b.c, d(e=f)]\n" * 180_000 + POPEN,
    ),
    "Python one long line": ("python", lambda: value("g(" + "'é', " * 36_000 + ")")),
    "Python syntax error, a long line": ("python", lambda: "x = " + "a " * 1_000_000),
    "Python comments": ("python", lambda: "# x\n" * 1_200_000 + "ENV = {}\n" + POPEN),
    "Python imports": (
        "python",
        lambda: "ENV = {}\n" + "".join(f"import m{i}.a.b\n" for i in range(20_000)) + POPEN,
    ),
    "Python globals": (
        "python",
        lambda: (
            "ENV = {}\n"
            + "".join(
                f"def f{i}():\n    global ENV\n    ENV = {{}}\n    f{i + 1}()\n"
                for i in range(5_000)
            )
            + POPEN
        ),
    ),
    "Python re.compile": (
        "python",
        lambda: value("re.match('(a+)+$', 'a' * 60 + 'b')", "import re"),
    ),
    "Python long command": (
        "python",
        lambda: (
            "import subprocess\nsubprocess.run('python3 -m sglang.launch_server "
            + "x " * 140_000
            + "', shell=True)\n"
        ),
    ),
    "Python shlex": (
        "python",
        lambda: (
            "import shlex, subprocess\nsubprocess.run(shlex.split('python3 -m sglang.launch_server "
            + "x " * 90_000
            + "'))\n"
        ),
    ),
    "Python ENTRY list": (
        "python",
        lambda: (
            "L = [\n"
            + "".join(
                f"    ModelLaunchSettings('m{i}', extra_args=['--tp', '8']),\n"
                for i in range(5_000)
            )
            + "]\n"
        ),
    ),
}
