"""The eleven nightly tests on AMD of 2026-08, written anew around their published facts."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

DATA = Path(__file__).parents[2] / "data" / "launches-2026-08.json"
FOLDER = "test/registered/amd"
OUTSIDE = "SGLANG_HACK_FLASHMLA_BACKEND"

_TEMPLATE = '''"""MI35x {title} (8 GPUs)."""

import os
import unittest

from sglang.srt.utils import kill_process_tree
from sglang.test.ci.ci_register import register_amd_ci
from sglang.test.few_shot_gsm8k import run_eval
from sglang.test.test_utils import (
    DEFAULT_URL_FOR_TEST,
    CustomTestCase,
    is_in_ci,
    popen_launch_server,
)

register_amd_ci(est_time={estimated}, suite="{suite}", nightly={nightly})

MODEL_PATH = os.environ.get("{variable}", "{model}")
SERVER_LAUNCH_TIMEOUT = {timeout}
{backend}
COMMON_ENV_VARS = {{
{common}}}

# What its weights need.
OWN_ENV_VARS = {{
{own}}}


class {cls}(CustomTestCase):
    @classmethod
    def setUpClass(cls):
        cls.model = MODEL_PATH
        cls.base_url = DEFAULT_URL_FOR_TEST

        env = os.environ.copy()
        env.update(COMMON_ENV_VARS)
        env.update(OWN_ENV_VARS)

        other_args = [
{args}        ]

        cls.process = popen_launch_server(
            cls.model,
            cls.base_url,
            timeout=SERVER_LAUNCH_TIMEOUT,
            other_args=other_args,
            env=env,
        )

    @classmethod
    def tearDownClass(cls):
        kill_process_tree(cls.process.pid)

    def test_gsm8k(self):
        metrics = run_eval(self.base_url)
        if is_in_ci():
            self.assertGreater(metrics["accuracy"], {gsm8k})
{accept}

if __name__ == "__main__":
    unittest.main()
'''


def launches() -> list[dict[str, Any]]:
    """The facts of the eleven, free to be changed."""
    known = json.loads(DATA.read_text())
    return copy.deepcopy([x for x in known if "test" in x])


def name(launch: dict[str, Any]) -> str:
    """The name of a launch's file."""
    return str(launch["source"]).partition(" ")[0].rpartition("/")[2]


def text(launch: dict[str, Any]) -> str:
    """The test of a launch."""
    test = launch["test"]
    stem = name(launch).removesuffix(".py").removeprefix("test_")
    backend = ""
    pairs: list[str] = []
    for variable, value in launch["env"].items():
        shown = f'"{value}"'
        if variable in test["overridable"]:
            shown = "FLASHMLA_BACKEND"
            backend = f'{shown} = os.environ.get("{variable}", "{value}")\n'
        pairs.append(f'    "{variable}": {shown},\n')
    accept = f'            self.assertGreater(metrics["accept_length"], {test["accept"]})\n'
    words = [w for group in launch["args"] for w in group]
    return _TEMPLATE.format(
        title=stem.replace("_", " "),
        estimated=test["estimated"],
        suite=test["suite"],
        nightly=test["nightly"],
        variable=test["model_variable"],
        model=launch["model"],
        timeout=test["timeout"],
        backend=backend,
        common="".join(pairs[:-1]),
        own="".join(pairs[-1:]),
        cls="Test" + "".join(w.capitalize() for w in stem.split("_")),
        args="".join(f'            "{w}",\n' for w in words),
        gsm8k=test["gsm8k"],
        accept=accept if test["accept"] else "",
    )


def write(root: Path, changed: list[dict[str, Any]] | None = None) -> list[Path]:
    """Write the files below *root*; of *changed* facts where there are any."""
    folder = root / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for launch in changed if changed is not None else launches():
        path = folder / name(launch)
        path.write_text(text(launch))
        found.append(path)
    return found
