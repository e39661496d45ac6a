"""The names by which SGLang is launched."""

from __future__ import annotations

import ast
import posixpath
import re
from collections.abc import Sequence

from dsv4_env.lang.python.syntax.trees import callee
from dsv4_env.model import Location, Value

LAUNCHER = "popen_launch_server"  # the last name of what launches, or its end
ENTRY_CLASS = "ModelLaunchSettings"  # an entry of a list of launches
SUBPROCESS = frozenset(
    {"Popen", "run", "call", "check_call", "check_output", "create_subprocess_exec"}
)
ENV_KEYS = ("env", "env_vars", "envs", "environment")
ARGS_KEYS = ("other_args", "extra_args", "server_args", "args")
MODEL_KEYS = ("model_path", "model", "model_id", "model_name")


def may_launch(node: ast.Call) -> bool:
    """Whether a call looks like a launch or like the entry of a list of launches."""
    name = callee(node)
    if name.endswith(LAUNCHER) or name in SUBPROCESS:
        return True
    return name[:1].isupper() and (
        name == ENTRY_CLASS or any(k.arg in ENV_KEYS or k.arg in ARGS_KEYS for k in node.keywords)
    )


# SGLang itself, where the root is its repository: what a server is made of launches none, and
# reading it takes longer than all else.
_RUNTIME = re.compile(r"sglang\.(?!test\b)|sglang$")
_SHELL = frozenset(
    {"os.system", "sglang.utils.launch_server_cmd", "sglang.utils.execute_shell_command"}
)


def is_runtime(module: str) -> bool:
    """Whether a module is a part of what runs, and never read: ``sglang.srt.utils``."""
    return bool(_RUNTIME.match(module))


def starts_process(name: str) -> bool:
    """Whether a name outside starts a process."""
    module, _, last = name.rpartition(".")
    return (module in ("subprocess", "asyncio") and last in SUBPROCESS) or name in _SHELL


Word = tuple[Value, Location]


def server_start(words: Sequence[Word]) -> int | None:
    """Where the arguments of a server begin in a command line; None where it isn't one."""
    for at in range(1, len(words)):
        before, word = words[at - 1][0], words[at][0]
        if not isinstance(before, str) or not isinstance(word, str):
            continue
        if (before, word) == ("-m", "sglang.launch_server"):
            return at + 1
        if word == "serve" and posixpath.basename(before) == "sglang":
            return at + 1
    return None
