"""How reading grows with a file that is ten times as large: ``python -m tests.benchmarks.linear``.

Each file is what people write, only more of it, and no line depends on how many came before.
"""

from __future__ import annotations

import gc
import json
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

RUNS = 5
TIMES = 10  # how much larger the larger file is
LIMIT = 12.0  # how much longer it may take
LAUNCH = "python3 -m sglang.launch_server --model-path M --tp 8"


def dotenv(count: int) -> str:
    lines = (f'export NAME_{i}="value of ${{HOME}} {i}" # why\n' for i in range(count))
    return "# settings\n" + "".join(lines)


def dockerfile(count: int) -> str:
    run = "".join(f"RUN make part{i} \\\n    && make install\n" for i in range(5))
    lines = (f'ENV NAME_{i}="a $PATH {i}" OTHER_{i}=b\n{run}' for i in range(count))
    return "FROM image\n" + "".join(lines) + f"CMD {json.dumps(LAUNCH.split())}\n"


def compose(count: int) -> str:
    one = "    image: i\n    command: {0}\n    environment:\n      A: ${{B:-c}}\n      C: 'd'\n"
    return "services:\n" + "".join(f"  s{i}:\n{one.format(LAUNCH)}" for i in range(count))


def bash(count: int) -> str:
    lines = (
        f'export NAME_{i}="value {i}"\nif [ -n "$NAME_{i}" ]; then\n  echo "step {i}"\nfi\n'
        for i in range(count)
    )
    return "#!/bin/bash\n" + "".join(lines) + LAUNCH + "\n"


def python(count: int) -> str:
    one = (
        "class TestCase{0}(CustomTestCase):\n    @classmethod\n    def setUpClass(cls):\n"
        '        cls.env = {{"SGLANG_USE_AITER": "1", "NAME": "{0}"}}\n'
        '        args = ["--tp", "8"]\n        args += ["--port", str(3000 + {0})]\n'
        '        cls.process = popen_launch_server("m", "u", 600, other_args=args, env=cls.env)\n\n'
        "    def test_it(self):\n        self.assertTrue(self.process)\n\n\n"
    )
    head = "from sglang.test.test_utils import CustomTestCase, popen_launch_server\n\n\n"
    return head + "".join(one.format(i) for i in range(count))


def toml(count: int) -> str:
    env = "".join(f'NAME_{i} = "value {i}"  # why\n' for i in range(count))
    args = "".join(f'"--flag-{i}" = [["a", "b"]]\n' for i in range(count))
    return f'description = "d"\n[env]\n{env}[args]\n{args}'


def readers() -> dict[str, tuple[Callable[[str], object], Callable[[int], str], int]]:
    """What reads each kind of file, what writes one, and how much of it takes 50 ms or more."""
    from dsv4_env.profile.layer import read_layer
    from dsv4_env.readers import READERS

    def layer(text: str) -> object:
        return read_layer(Path("layer.toml"), text.encode())

    def of(name: str) -> Callable[[str], object]:
        return lambda text: READERS[name](text, "f")

    return {
        ".env": (of("dotenv"), dotenv, 4_000),
        "Dockerfile": (of("dockerfile"), dockerfile, 600),
        "Compose": (of("compose"), compose, 150),
        "bash": (of("bash"), bash, 500),
        "Python": (of("python"), python, 80),
        "TOML": (layer, toml, 850),
    }


def names(kind: str) -> tuple[str, str]:
    """What the rows of a kind are called: that of the smaller file, and that of the larger."""
    return f"read {kind}, linear: a tenth (CPU)", f"read {kind}, linear: all (CPU)"


KINDS = (".env", "Dockerfile", "Compose", "bash", "Python", "TOML")


def medians(kinds: Sequence[str] = KINDS) -> dict[str, float]:
    """The median of each row in seconds of CPU; both sizes of a kind take turns."""
    found: dict[str, float] = {}
    every = readers()
    for kind in kinds:
        read, write, count = every[kind]
        small, large = write(count), write(count * TIMES)
        read(small)
        gc.disable()  # as timeit does: what else is kept alive isn't the reader's
        times: tuple[list[float], list[float]] = ([], [])
        for _ in range(RUNS):
            for text, each in zip((small, large), times, strict=True):
                start = time.process_time()
                read(text)
                each.append(time.process_time() - start)
                gc.collect()
        gc.enable()
        for name, each in zip(names(kind), times, strict=True):
            found[name] = statistics.median(each)
    return found


def main() -> None:
    """Print each ratio, or those of the kinds that are asked for; fail where one is too large."""
    kinds = sys.argv[1:] or KINDS
    found = medians(kinds)
    over = False
    for kind in kinds:
        tenth, whole = (found[name] for name in names(kind))
        over |= whole > LIMIT * tenth
        ratio = f"{whole / tenth:.1f} × for {TIMES} × the size"
        print(f"{kind:<11} {tenth * 1000:6.0f} ms  {whole * 1000:6.0f} ms  {ratio}")
    if over:
        sys.exit(f"more than {LIMIT:g} ×")


if __name__ == "__main__":
    main()
