"""The steps of SGLang's resolution of arguments, for the models of the DeepSeek-V4 family."""

from __future__ import annotations

import ast
import gc
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dsv4_env.catalogue.extract.effects.source import Sources
from dsv4_env.catalogue.extract.effects.values import FALSE, NONE, Function, Known
from dsv4_env.catalogue.extract.effects.walk import Frame, Walker

if TYPE_CHECKING:
    from dsv4_env.catalogue.extract.source import PackageSource

ARCHITECTURE = "DeepseekV4ForCausalLM"
_PIPELINE = ("sglang.srt.arg_groups.pipeline", "run_resolution_pipeline")  # 0.5.23 on
_RECORD = ("sglang.srt.server_args", "ServerArgs", "__post_init__")  # before
_FIELDS = "sglang/srt/arg_groups/fields/"
Steps = list[list[Any]]


def resolution_steps(package: PackageSource) -> Steps:
    """What SGLang does with the arguments and variables of a launch, in order.

    Each step is ``["let", value]``, ``["set", condition, field, value, at]``, ``["env", condition,
    name, value, at]`` or ``["refuse", condition, message, at]``; one that sets something for the
    model's sake has a ``"model"`` behind that. Expressions are those of
    ``values``, where ``["t", n]`` is the value of step *n*. Empty where the source isn't laid out
    as it's known to be. Reads by syntax alone; nothing is imported or run.
    """
    sources = Sources(package)
    collecting = gc.isenabled()
    gc.disable()
    try:
        found = sources.find(*_PIPELINE)
        if found is not None and found[0] == "function":
            first, last = _declared(package)
            fallbacks = {step[2]: step[3][1] for step in last}
            steps = _walked(sources, found[1], "server_args", live=False, fallbacks=fallbacks)
            moved = _renumbered(steps, {n: n + len(first) for n in range(len(steps))})
            return _pruned([*first, *moved, *last])
        record = sources.find(_RECORD[0], _RECORD[1])
        if record is not None and record[0] == "class":
            module, node = record[1]
            for member in node.body:
                if isinstance(member, ast.FunctionDef) and member.name == _RECORD[2]:
                    return _pruned(_walked(sources, Function(module, member), "self", live=True))
    finally:
        if collecting:
            gc.enable()
    return []


def _walked(
    sources: Sources,
    function: Function,
    owner: str,
    *,
    live: bool,
    fallbacks: Mapping[str, object] | None = None,
) -> Steps:
    walker = Walker(sources, ARCHITECTURE, live=live, fallbacks=fallbacks or {})
    walker.stack.append(function.node)
    path = sources.path(function.module) or function.module
    walker.block(Frame(function.module, path, {owner: Known("raw")}), function.node.body)
    return walker.steps


def _declared(package: PackageSource) -> tuple[Steps, Steps]:
    """What the declarations of fields say beside their default: as steps before and after all.

    A flag that is declared ``Optional[bool] = None`` is None where it isn't given, and a field's
    ``fallback`` is what is read where nothing has set it.
    """
    first: Steps = []
    last: Steps = []
    for path in sorted(p for p in package.paths if p.startswith(_FIELDS) and p.endswith(".py")):
        for node in ast.walk(ast.parse(package.read(path))):
            if not isinstance(node, ast.AnnAssign) or not isinstance(node.target, ast.Name):
                continue
            if not isinstance(node.value, ast.Constant) or node.value.value is not None:
                continue
            name, at = node.target.id, f"{path}:{node.lineno}"
            keywords = {
                k.arg: k.value
                for call in ast.walk(node.annotation)
                if isinstance(call, ast.Call)
                for k in call.keywords
            }
            text = ast.unparse(node.annotation)
            if text.startswith("A[Optional[bool]") and "action" not in keywords:
                first.append(["set", ["is", ["raw", name], FALSE], name, NONE, at])
            fallback = keywords.get("fallback")
            if isinstance(fallback, ast.Constant):
                unset = ["is", ["cfg", name], NONE]
                last.append(["set", unset, name, ["=", fallback.value], at])
    return first, last


def _pruned(steps: Steps) -> Steps:
    """The steps without those that never happen and values that nothing asks for, renumbered."""
    wanted: set[int] = set()
    kept: list[int] = []
    for number in range(len(steps) - 1, -1, -1):
        step = steps[number]
        if step[0] == "let":
            if number not in wanted:
                continue
        elif step[1] == FALSE:
            continue
        kept.append(number)
        _asked(step[1:], wanted)
    kept.reverse()
    numbers = {old: new for new, old in enumerate(kept)}
    return [[steps[n][0], *(_renumbered(part, numbers) for part in steps[n][1:])] for n in kept]


def _asked(value: Any, wanted: set[int]) -> None:
    if isinstance(value, list):
        if len(value) == 2 and value[0] == "t":
            wanted.add(value[1])
        elif not (len(value) == 2 and value[0] == "="):
            for part in value:
                _asked(part, wanted)


def _renumbered(value: Any, numbers: dict[int, int]) -> Any:
    if not isinstance(value, list) or (len(value) == 2 and value[0] == "="):
        return value
    if len(value) == 2 and value[0] == "t":
        return ["t", numbers[value[1]]]
    return [_renumbered(part, numbers) for part in value]
