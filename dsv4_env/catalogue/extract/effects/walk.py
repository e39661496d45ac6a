"""Walk SGLang's resolution of arguments by syntax, and write down what it does in which order.

Nothing runs: tests whose outcome isn't known leave both ways open, and each step says under which
of them it's taken. What a statement means that isn't translated stays ``["?", text]``.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from dsv4_env.catalogue.extract.effects.source import Sources
from dsv4_env.catalogue.extract.effects.values import (
    ABSENT,
    FALSE,
    NONE,
    TRUE,
    Expr,
    Function,
    Known,
    Member,
    Table,
    both,
    chosen,
    either,
    folded,
    has_absent,
    is_constant,
    items_of,
    listed,
    negated,
    or_default,
    presence,
    unknown,
)

MAX_DEPTH = 14
MAX_STEPS = 100_000  # statements and values: 0.5.23 has some 10,000
_FOLLOWED = ("sglang.srt.arg_groups", "sglang.srt.server_args", "sglang.srt.kernel_plugins")
_ALSO = frozenset(
    {
        "derive_attn_tp_size", "attn_dp_enabled_of", "enable_moe_dense_fully_dp",
        "is_no_spec_infer_or_topk_one", "is_unified_kv_triton", "attn_dp_size_of",
        "checkpoint_bundles_dspark_draft",
    }
)  # fmt: skip
_QUIET = frozenset({"logger", "logging", "warnings", "print"})
_OPERATORS: dict[type[ast.AST], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.BitAnd: "&",
}  # fmt: skip
_BUILTINS = frozenset({"max", "min", "len", "int", "str", "bool", "abs", "float", "any", "all"})
_ADDING = frozenset({"append", "extend", "add", "update", "insert", "discard", "remove", "pop"})
_TEXT = frozenset({"lower", "upper", "strip", "split", "startswith", "endswith", "removeprefix"})
_ASKED = frozenset(
    {
        "parse_connector_type",
        "get_device_memory_capacity",
        "get_device_capability",
        "get_linear_attn_spec",
        "_rocm_fp8_wo_a_supported",
    }
)
_ELSEWHERE = frozenset(
    "is_cpu is_npu is_xpu is_hpu is_mps is_musa is_mlu is_tpu is_out_of_tree is_host_cpu_arm64 "
    "use_mlx cpu_has_amx_support is_cpu_amx is_sm110 is_remote_url".split()
)
_DEEP_GEMM = "SGLANG_ENABLE_JIT_DEEPGEMM"  # without which it's taken not to be there
_OF_DEEP_GEMM = frozenset({"ENABLE_JIT_DEEPGEMM", "DEEPGEMM_BLACKWELL", "DEEPGEMM_SCALE_UE8M0"})
_RECORD = "sglang.srt.server_args:ServerArgs"
# Whether CUDA graphs may capture collectives (sglang/srt/arg_groups/parallel_hook.py): known where
# there is one process, or where nothing is said of graphs and of roles.
_SAID = ("disable_cuda_graph", "cuda_graph_backend_decode", "cuda_graph_backend_prefill")
_CAPTURING: Expr = [
    "and",
    [">", ["max", *(["cfg", f"{name}_size"] for name in ("tp", "ep", "dp"))], ["=", 1]],
    [
        "if",
        [
            "or",
            ["!=", ["raw", "disaggregation_mode"], ["=", "null"]],
            *(["in", ["raw", name], ["=", [True, "disabled"]]] for name in _SAID),
            ["not", ["is", ["raw", "cuda_graph_config"], NONE]],
        ],
        unknown("whether CUDA graphs are captured"),
        TRUE,
    ],
]
FOR_MODEL = "model"
STOP = ["stop"]  # a block that ends in an error: nothing is said of what follows


@dataclass(slots=True)
class Frame:
    """A function that is being walked: its names, where it stands, what it returns."""

    module: str
    path: str
    names: dict[str, Any]
    guard: Expr = field(default_factory=lambda: TRUE)  # since it was entered
    returns: list[tuple[Expr, Any]] = field(default_factory=list)


@dataclass(slots=True)
class Walker:
    """The walk: the steps so far, under which conditions, for one architecture."""

    sources: Sources
    architecture: str
    live: bool  # whether reading the record sees what was resolved before
    fallbacks: Mapping[str, object] = field(default_factory=dict)  # of fields that nothing sets
    steps: list[list[Any]] = field(default_factory=list)
    guards: list[Expr] = field(default_factory=list)
    stack: list[Any] = field(default_factory=list)
    walked: int = 0
    of_model: bool = False  # whether the walk stands where only this architecture leads

    # What is written down: ["let", guard, expr], ["set", guard, field, expr, at], ["env", guard,
    # name, expr, at], ["refuse", guard, message, at]; what is set for the architecture's sake has
    # a "model" behind that.

    def keep(self, value: Any) -> Any:
        """A value as it is by now: what comes later doesn't change it."""
        if isinstance(value, tuple):
            return tuple(self.keep(v) for v in value)
        if not isinstance(value, list) or value[0] in (
            "=",
            "t",
            "probe",
            "hf",
            "?",
            "absent",
            "raw",
        ):
            return value
        self._bounded()
        self.steps.append(["let", value])
        return ["t", len(self.steps) - 1]

    def _bounded(self) -> None:
        self.walked += 1
        if self.walked > MAX_STEPS:
            raise ValueError(f"a resolution of more than {MAX_STEPS:,} steps")

    @property
    def guard(self) -> Expr:
        """What holds where the walk stands."""
        return both(*self.guards)

    def act(self, kind: str, *rest: Any) -> None:
        """Write down a step, under what holds here."""
        guard = self.guard
        self._bounded()
        if guard != FALSE:
            sake = [FOR_MODEL] if self.of_model and kind != "refuse" else []
            self.steps.append([kind, guard, *rest, *sake])

    # Statements. What a block returns says where control falls through its end.

    def block(self, frame: Frame, body: list[ast.stmt]) -> Expr:
        """Walk statements one after the other."""
        falls: Expr = TRUE
        pushed = 0
        before = frame.guard
        for node in body:
            fell = self.statement(frame, node)
            if fell == STOP:
                falls = STOP
                break
            if fell != TRUE:
                falls = both(falls, fell)
                if falls == FALSE:
                    break
                self.guards.append(fell)
                frame.guard = both(frame.guard, fell)
                pushed += 1
        for _ in range(pushed):
            self.guards.pop()
        frame.guard = before
        return falls

    def statement(self, frame: Frame, node: ast.stmt) -> Expr:
        """Walk one statement; one that does nothing here is passed over."""
        self._bounded()
        method = getattr(self, f"_{type(node).__name__.lower()}", None)
        if method is None:
            return TRUE
        return method(frame, node) or TRUE

    def at(self, frame: Frame, node: ast.AST) -> str:
        """The file and line of a node."""
        return f"{frame.path}:{getattr(node, 'lineno', 0)}"

    def _return(self, frame: Frame, node: ast.Return) -> Expr:
        value = NONE if node.value is None else self.value(frame, node.value)
        frame.returns.append((frame.guard, self.keep(value)))
        return FALSE

    def _raise(self, frame: Frame, node: ast.Raise) -> Expr:
        message: Expr = ["=", ""]
        if isinstance(node.exc, ast.Call) and node.exc.args:
            message = self.expr(frame, node.exc.args[0])
        self.act("refuse", message, self.at(frame, node))
        return STOP

    def _assert(self, frame: Frame, node: ast.Assert) -> None:
        failed = self.keep(negated(self.condition(frame, node.test)))
        message = (
            self.expr(frame, node.msg) if node.msg is not None else ["=", ast.unparse(node.test)]
        )
        self.guards.append(failed)
        self.act("refuse", message, self.at(frame, node))
        self.guards.pop()

    def _expr(self, frame: Frame, node: ast.Expr) -> None:
        if not isinstance(node.value, ast.Constant):
            self.value(frame, node.value)

    def _assign(self, frame: Frame, node: ast.Assign) -> None:
        value = self.keep(self.value(frame, node.value))
        for target in node.targets:
            self.assign(frame, target, value)

    def _annassign(self, frame: Frame, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(frame, node.target, self.keep(self.value(frame, node.value)))

    def _augassign(self, frame: Frame, node: ast.AugAssign) -> None:
        load = ast.parse(ast.unparse(node.target), mode="eval").body
        operator = _OPERATORS.get(type(node.op))
        value = (
            [operator, self.expr(frame, load), self.expr(frame, node.value)]
            if operator
            else unknown(ast.unparse(node))
        )
        self.assign(frame, node.target, self.keep(value))

    def assign(self, frame: Frame, target: ast.expr, value: Any) -> None:
        """Give a name, a field or an item its value."""
        if isinstance(target, ast.Name):
            frame.names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            values: Any = value
            if not isinstance(values, tuple) or len(values) != len(target.elts):
                values = [unknown(ast.unparse(t)) for t in target.elts]
            for one, given in zip(target.elts, values, strict=True):
                self.assign(frame, one, given)
        elif isinstance(target, ast.Subscript):
            self._assign_item(frame, target, value)
        elif isinstance(target, ast.Attribute):
            owner = self.value(frame, target.value)
            if isinstance(owner, Known) and owner.kind in ("raw", "cfg"):
                self.act("set", target.attr, _as_expr(value), self.at(frame, target))

    def _assign_item(self, frame: Frame, target: ast.Subscript, value: Any) -> None:
        owner = self.value(frame, target.value)
        key = self.value(frame, target.slice)
        if isinstance(owner, Table) and isinstance(target.value, ast.Name):
            new = owner.copy()
            if is_constant(key):
                new.put(str(key[1]), value, self.at(frame, target))
            else:
                new.rest = True
            frame.names[target.value.id] = new
        elif isinstance(owner, Known) and owner.kind == "environ" and is_constant(key):
            self.act("env", str(key[1]), _as_expr(value), self.at(frame, target))

    def _if(self, frame: Frame, node: ast.If) -> Expr:
        test = self.keep(self.condition(frame, node.test))
        if is_constant(test):
            return self._decided(frame, node, taken=bool(test[1]))
        before = dict(frame.names)
        for_model = self.of_model
        if isinstance(node.test, ast.BoolOp) and isinstance(node.test.op, ast.And):
            self.of_model = for_model or self._asks_model(frame, node.test)
        first, names = self._branch(frame, node.body, test), frame.names
        self.of_model = for_model
        frame.names = before
        second = self._branch(frame, node.orelse, negated(test))
        if first == STOP and second == STOP:
            return STOP
        if first in (STOP, FALSE):
            pass  # what is known goes on from the other branch
        elif second in (STOP, FALSE):
            frame.names = names
        else:
            frame.names = {
                k: chosen(test, names[k], frame.names[k]) if k in frame.names and k in names
                else names.get(k, frame.names.get(k))
                for k in {**names, **frame.names}
            }  # fmt: skip
        ways = [
            both(condition, fell)
            for condition, fell in ((test, first), (negated(test), second))
            if fell not in (STOP, FALSE)
        ]
        if FALSE not in (first, second):
            ways = [TRUE] if first == second == TRUE or STOP in (first, second) else ways
        return self.keep(either(*ways)) if ways else FALSE

    def _decided(self, frame: Frame, node: ast.If, *, taken: bool) -> Expr:
        """Walk the one branch of a test whose outcome is known."""
        before = self.of_model
        asks = self._asks_model(frame, node.test)
        self.of_model = before or asks
        body, other = (node.body, node.orelse) if taken else (node.orelse, node.body)
        fell = self.block(frame, body)
        ends = bool(other) and isinstance(other[-1], (ast.Return, ast.Raise))
        self.of_model = before or (asks and ends)  # other architectures don't come here
        return fell

    def _asks_model(self, frame: Frame, test: ast.expr) -> bool:
        """Whether a test asks for the architecture, or for the model's configuration."""
        names = (n.id for n in ast.walk(test) if isinstance(n, ast.Name))
        values = [frame.names[name] for name in names if name in frame.names]
        return ["=", self.architecture] in values or any(
            isinstance(v, Known) and v.kind in ("hf", "mc") for v in values
        )

    def _branch(self, frame: Frame, body: list[ast.stmt], test: Expr) -> Expr:
        before = frame.guard
        self.guards.append(test)
        frame.guard = both(before, test)
        fell = self.block(frame, body)
        self.guards.pop()
        frame.guard = before
        return fell

    def _for(self, frame: Frame, node: ast.For) -> Expr:
        items = items_of(self.value(frame, node.iter))
        if isinstance(items, tuple) and not _leaves(node):
            for item in items:
                self.assign(frame, node.target, item)
                fell = self.block(frame, node.body)
                if fell == FALSE:
                    return FALSE
            return TRUE
        return self._maybe(
            frame, node.body, unknown(f"for {ast.unparse(node.target)} in {ast.unparse(node.iter)}")
        )

    def _while(self, frame: Frame, node: ast.While) -> Expr:
        return self._maybe(frame, node.body, unknown(f"while {ast.unparse(node.test)}"))

    def _maybe(self, frame: Frame, body: list[ast.stmt], why: Expr) -> Expr:
        """What may happen any number of times, or not at all."""
        for name in _assigned(body):
            frame.names[name] = unknown(name)
        self._branch(frame, body, why)
        for name in _assigned(body):
            frame.names[name] = unknown(name)
        return TRUE

    def _try(self, frame: Frame, node: ast.Try) -> Expr:
        fell = self.block(frame, node.body)
        for handler in node.handlers:
            self._maybe(frame, handler.body, unknown(f"whether {ast.unparse(node)} fails"))
        if fell not in (FALSE, STOP):
            self.block(frame, node.orelse)
        self.block(frame, node.finalbody)
        return fell

    def _with(self, frame: Frame, node: ast.With) -> Expr:
        return self.block(frame, node.body)

    def _importfrom(self, frame: Frame, node: ast.ImportFrom) -> None:
        for alias in node.names:
            found = self.sources.find(node.module or "", alias.name)
            name = alias.asname or alias.name
            frame.names[name] = self._named(found, alias.name)

    def _functiondef(self, frame: Frame, node: ast.FunctionDef) -> None:
        frame.names[node.name] = Function(frame.module, node)

    # Values.

    def condition(self, frame: Frame, node: ast.expr) -> Expr:
        """The truth of an expression."""
        value = self.value(frame, node)
        if isinstance(value, Table) and not value.rest:
            return either(*map(presence, value.items.values()))
        if isinstance(value, tuple):
            return ["=", bool(value)]
        return _as_expr(value)

    def expr(self, frame: Frame, node: ast.expr) -> Expr:
        """The value of a node as an expression."""
        return _as_expr(self.value(frame, node))

    def value(self, frame: Frame, node: ast.expr) -> Any:
        """The value of a node: an expression, a table, several values or an object."""
        method = getattr(self, f"_v_{type(node).__name__.lower()}", None)
        return unknown(ast.unparse(node)) if method is None else method(frame, node)

    def _v_constant(self, frame: Frame, node: ast.Constant) -> Expr:
        return ["=", node.value]

    def _v_name(self, frame: Frame, node: ast.Name) -> Any:
        if node.id in frame.names:
            return frame.names[node.id]
        return self._named(self.sources.find(frame.module, node.id), node.id)

    def _named(self, found: tuple[str, Any] | None, name: str) -> Any:
        if found is None:
            return Known("name", name)
        kind, value = found
        if kind == "function":
            return value
        if kind == "module":
            return Known("module", value)
        if kind == "class":
            return Known("class", f"{value[0]}:{value[1].name}")
        if kind == "value":
            if name == "envs":
                return Known("envs")
            module, node = value
            if name in self.stack:
                return unknown(name)
            self.stack.append(name)
            try:
                return self.value(Frame(module, module, {}), node)
            finally:
                self.stack.pop()
        return Known("name", name)

    def _v_joinedstr(self, frame: Frame, node: ast.JoinedStr) -> Expr:
        parts: list[Expr] = []
        for part in node.values:
            if isinstance(part, ast.FormattedValue):
                value = self.expr(frame, part.value)
                parts.append(["repr", value] if part.conversion == ord("r") else value)
            else:
                parts.append(self.expr(frame, part))
        return ["text", *parts]

    def _v_attribute(self, frame: Frame, node: ast.Attribute) -> Any:
        owner = self.value(frame, node.value)
        return self._attribute(owner, node)

    def _attribute(self, owner: Any, node: ast.Attribute) -> Any:
        if isinstance(owner, Known):
            if owner.kind == "cfg" or (owner.kind == "raw" and self.live):
                return ["cfg", node.attr]
            if owner.kind == "raw":
                return ["raw", node.attr]
            if owner.kind == "mc" and node.attr in ("hf_config", "hf_text_config"):
                return Known("hf")
            if owner.kind == "hf" and node.attr == "architectures":
                return (["=", self.architecture],)
            if owner.kind in ("hf", "mc"):
                return [owner.kind, node.attr]
            if owner.kind == "platform":
                return _probe(node.attr)
            if owner.kind == "envs":
                return Known("env", node.attr)
            if owner.kind == "name" and owner.name == "os" and node.attr == "environ":
                return Known("environ")
            if owner.kind == "module":
                if owner.name == "os" and node.attr == "environ":
                    return Known("environ")
                found = self.sources.find(owner.name, node.attr)
                return self._named(found, node.attr)
            if owner.kind == "class":
                return self._member(owner, node.attr)
        if isinstance(owner, list) and owner[0] in ("cfg", "raw"):
            return [owner[0], f"{owner[1]}.{node.attr}"]
        if isinstance(owner, list) and owner[0] == "probe" and node.attr == "value":
            return owner
        return unknown(ast.unparse(node))

    def _member(self, owner: Known, name: str) -> Any:
        module, _, cls = owner.name.partition(":")
        found = self.sources.names(module).get(cls)
        if found is not None and found[0] == "class":
            for node in found[1][1].body:
                if not isinstance(node, ast.Assign) or not isinstance(node.targets[0], ast.Name):
                    continue
                if node.targets[0].id != name:
                    continue
                if isinstance(node.value, ast.Constant):
                    return ["=", node.value.value]
                if ast.unparse(node.value) == "auto()":
                    return ["=", name]
        return unknown(f"{cls}.{name}")

    def _v_boolop(self, frame: Frame, node: ast.BoolOp) -> Expr:
        parts: list[Expr] = []
        for value in node.values:
            part = self.expr(frame, value)
            parts.append(part)
            if is_constant(part) and bool(part[1]) is isinstance(node.op, ast.Or):
                break
        return both(*parts) if isinstance(node.op, ast.And) else either(*parts)

    def _v_unaryop(self, frame: Frame, node: ast.UnaryOp) -> Expr:
        if isinstance(node.op, ast.Not):
            return negated(self.condition(frame, node.operand))
        value = self.expr(frame, node.operand)
        if isinstance(node.op, ast.USub):
            return ["=", -value[1]] if is_constant(value) else ["-", ["=", 0], value]
        return unknown(ast.unparse(node))

    def _v_binop(self, frame: Frame, node: ast.BinOp) -> Expr:
        operator = _OPERATORS.get(type(node.op))
        if operator is None:
            return unknown(ast.unparse(node))
        return folded([operator, self.expr(frame, node.left), self.expr(frame, node.right)])

    def _v_compare(self, frame: Frame, node: ast.Compare) -> Expr:
        left = self.expr(frame, node.left)
        found: list[Expr] = []
        for op, right_node in zip(node.ops, node.comparators, strict=True):
            right = self.expr(frame, right_node)
            operator = _OPERATORS.get(type(op))
            if operator is None:
                return unknown(ast.unparse(node))
            found.append(folded([operator, left, right]))
            left = right
        return both(*found)

    def _v_ifexp(self, frame: Frame, node: ast.IfExp) -> Any:
        test = self.keep(self.condition(frame, node.test))
        if is_constant(test):
            return self.value(frame, node.body if test[1] else node.orelse)
        return chosen(test, self.value(frame, node.body), self.value(frame, node.orelse))

    def _v_tuple(self, frame: Frame, node: ast.Tuple) -> Any:
        return tuple(self.value(frame, e) for e in node.elts)

    _v_list = _v_set = _v_tuple

    def _v_dict(self, frame: Frame, node: ast.Dict) -> Any:
        table = Table()
        for key, value in zip(node.keys, node.values, strict=True):
            made = None if key is None else self.value(frame, key)
            if key is not None and made is not None and is_constant(made):
                table.put(str(made[1]), self.value(frame, value), self.at(frame, key))
            else:
                inner = self.value(frame, value)
                if key is None and isinstance(inner, Table):
                    table.take(inner)
                else:
                    table.rest = True
        return table

    def _v_subscript(self, frame: Frame, node: ast.Subscript) -> Any:
        owner = self.value(frame, node.value)
        key = self.value(frame, node.slice)
        at = key[1] if is_constant(key) else None
        if isinstance(owner, tuple) and isinstance(at, int) and -len(owner) <= at < len(owner):
            return owner[at]
        if isinstance(owner, Table) and is_constant(key) and str(key[1]) in owner.items:
            return owner.items[str(key[1])]
        if isinstance(key, list) and not isinstance(node.slice, ast.Slice):
            return ["item", _as_expr(owner), key]
        return unknown(ast.unparse(node))

    def _v_generatorexp(self, frame: Frame, node: ast.GeneratorExp | ast.ListComp) -> Any:
        clause = node.generators[0]
        items = items_of(self.value(frame, clause.iter)) if len(node.generators) == 1 else None
        if not isinstance(items, tuple) or clause.ifs:
            return unknown(ast.unparse(node))
        before = dict(frame.names)
        found: list[Any] = []
        for item in items:
            self.assign(frame, clause.target, item)
            found.append(self.value(frame, node.elt))
        frame.names = before
        return tuple(found)

    _v_listcomp = _v_generatorexp

    def _v_namedexpr(self, frame: Frame, node: ast.NamedExpr) -> Any:
        value = self.keep(self.value(frame, node.value))
        frame.names[node.target.id] = value
        return value

    def _v_starred(self, frame: Frame, node: ast.Starred) -> Any:
        return unknown(ast.unparse(node))

    # Calls.

    def _v_call(self, frame: Frame, node: ast.Call) -> Any:
        func = node.func
        if isinstance(func, ast.Name) and func.id in ("getattr", "hasattr"):
            return self._getattr(frame, node, func.id)
        if isinstance(func, ast.Attribute):
            owner = self.value(frame, func.value)
            found = self._method(frame, node, owner, func)
            if found is not None:
                return found
            target = self._attribute(owner, func) if isinstance(owner, Known) else None
        else:
            target = self.value(frame, func)
        name = func.id if isinstance(func, ast.Name) else getattr(func, "attr", "")
        return self._called(frame, node, target, name)

    def _getattr(self, frame: Frame, node: ast.Call, name: str) -> Any:
        owner = self.value(frame, node.args[0])
        key = self.value(frame, node.args[1])
        if not is_constant(key):
            return unknown(ast.unparse(node))
        attribute = ast.Attribute(node.args[0], str(key[1]))
        value = self._attribute(owner, attribute)
        if name == "hasattr":
            return ["hf?", str(key[1])] if isinstance(owner, Known) and owner.kind == "hf" else TRUE
        if len(node.args) > 2 and isinstance(value, list) and value[0] in ("hf", "mc"):
            return [*value, self.expr(frame, node.args[2])]
        return value

    def _method(self, frame: Frame, node: ast.Call, owner: Any, func: ast.Attribute) -> Any:
        name = func.attr
        if isinstance(owner, Known) and owner.kind == "class" and name == "from_string":
            given = self.keep(self.expr(frame, node.args[0]))
            return Member(owner, ["if", ["is", given, NONE], ["=", "NONE"], ["upper", given]])
        if isinstance(owner, Member):
            args = [owner, *(self.value(frame, a) for a in node.args)]
            return self._class_method(frame, node, owner.owner.name, name, args)
        if isinstance(owner, Known) and owner.kind == "env":
            if name == "get":
                return ["env", owner.name]
            if name == "is_set":
                return ["env?", owner.name]
            if name in ("set", "clear"):
                value = self.expr(frame, node.args[0]) if node.args else ["unset"]
                self.act("env", owner.name, self.keep(value), self.at(frame, node))
                return NONE
        if isinstance(owner, Known) and owner.kind == "environ" and name == "get":
            key = self.value(frame, node.args[0])
            if is_constant(key):
                default = self.expr(frame, node.args[1]) if len(node.args) > 1 else NONE
                return ["if", ["env?", key[1]], ["environ", key[1]], default]
        if isinstance(owner, Known) and owner.kind == "environ" and name == "setdefault":
            key = self.value(frame, node.args[0])
            if is_constant(key):
                self.guards.append(["not", ["env?", key[1]]])
                self.act("env", key[1], self.expr(frame, node.args[1]), self.at(frame, node))
                self.guards.pop()
                return NONE
        if isinstance(owner, Known) and owner.kind in ("raw", "cfg"):
            if name in ("get_model_config",):
                return Known("mc")
            return self._class_method(frame, node, _RECORD, name, [owner])
        if isinstance(owner, Known) and owner.kind == "name" and owner.name in _QUIET:
            return NONE
        if (
            name in _ADDING
            and isinstance(func.value, ast.Name)
            and isinstance(owner, (tuple, list))
        ):
            frame.names[func.value.id] = self._added(frame, node, owner, name)
            return NONE
        if isinstance(owner, Table):
            if name in ("items", "keys", "values") and not owner.rest:
                pairs = [(["=", k], v) for k, v in owner.items.items()]
                return tuple(p if name == "items" else p[name == "values"] for p in pairs)
            if name == "get" and node.args:
                key = self.value(frame, node.args[0])
                default = self.value(frame, node.args[1]) if len(node.args) > 1 else NONE
                if is_constant(key) and not owner.rest:
                    return or_default(owner.items.get(str(key[1]), ABSENT), default)
            if name == "update" and isinstance(func.value, ast.Name):
                new = owner.copy()
                for keyword in node.keywords:
                    if keyword.arg:
                        value = self.value(frame, keyword.value)
                        new.put(keyword.arg, value, self.at(frame, node))
                for arg in node.args:
                    inner = self.value(frame, arg)
                    if isinstance(inner, Table):
                        new.take(inner)
                    else:
                        new.rest = True
                frame.names[func.value.id] = new
                return NONE
        if isinstance(owner, list) and name in _TEXT:
            return [name, owner, *(self.expr(frame, a) for a in node.args)]
        if isinstance(owner, list) and owner[0] in ("hf", "mc") and name == "get" and node.args:
            key = self.value(frame, node.args[0])
            if is_constant(key):
                return [owner[0], f"{owner[1]}.{key[1]}"]
        return None

    def _added(self, frame: Frame, node: ast.Call, owner: Any, name: str) -> Any:
        """A list, or a set, with what is put into it, or taken out."""
        given = self.keep(self.value(frame, node.args[0])) if len(node.args) == 1 else None
        if name in ("append", "add") and isinstance(owner, tuple) and given is not None:
            return (*owner, given)
        more = listed((given,) if name in ("append", "add") else given)
        before = listed(owner)
        if more is None or before is None or name not in ("append", "extend"):
            return unknown(ast.unparse(node))
        return self.keep(["+", before, more])

    def _class_method(
        self, frame: Frame, node: ast.Call, owner: str, name: str, args: list[Any]
    ) -> Any:
        """What a method of a class (``module:class``) returns."""
        module, _, cls = owner.partition(":")
        found = self.sources.names(module).get(cls)
        if found is not None and found[0] == "class":
            for member in found[1][1].body:
                if isinstance(member, ast.FunctionDef) and member.name == name:
                    return self._enter(frame, node, Function(module, member), args)
        return unknown(ast.unparse(node))

    def _called(self, frame: Frame, node: ast.Call, target: Any, name: str) -> Any:
        if name in ("resolving_view", "resolved_view", "ResolvedView", "ResolvingConfig"):
            return Known("cfg")
        if name == "record_of":
            return Known("raw")
        if name == "model_config_of":
            return Known("mc")
        if name in ("get_config", "get_hf_text_config"):
            return Known("hf")
        if name == "isinstance" and isinstance(self.value(frame, node.args[0]), Member):
            return FALSE  # one of SGLang's own algorithms is no plugin's
        if name == "get_platform":
            return Known("platform")
        if name == "run_hook" and node.args:
            return self._enter(frame, node, self.value(frame, node.args[0]), [Known("raw")])
        if name == "run_post_process_pass" and len(node.args) == 2:
            function = self.value(frame, node.args[1])
            found = self._enter(frame, node, function, [Known("cfg")])
            self._declared(frame, node, found)
            return NONE
        if name == "collect_model_override_declarations":
            before, self.of_model = self.of_model, True
            for provider in self.sources.providers(self.architecture):
                found = self._enter(frame, node, provider, [Known("raw"), Known("hf")])
                self._declared(frame, provider.node, found, provider.module)
            self.of_model = before
            return ()
        if name == "declare_resolution":
            for keyword in node.keywords:
                if keyword.arg:
                    value = self.keep(self.expr(frame, keyword.value))
                    self.act("set", keyword.arg, value, self.at(frame, node))
                else:
                    self._declared(frame, node, self.value(frame, keyword.value))
            return NONE
        if name == "resolution_result" and len(node.args) > 1:
            return self._result(node, self.value(frame, node.args[1]))
        if name in ("print",) or name in _QUIET:
            return NONE
        if isinstance(target, Known) and target.kind == "name" and target.name in _BUILTINS:
            values = [self.value(frame, a) for a in node.args]
            if name in ("any", "all") and len(values) == 1 and isinstance(values[0], tuple):
                parts = [_as_expr(v) for v in values[0]]
                return either(*parts) if name == "any" else both(*parts)
            if name == "len" and isinstance(values[0], tuple):
                return ["=", len(values[0])]
            return [name, *map(_as_expr, values)]
        if (
            isinstance(target, Known)
            and target.kind == "name"
            and target.name in ("tuple", "list", "set", "frozenset", "dict")
        ):
            return (
                self.value(frame, node.args[0])
                if node.args
                else (Table() if name == "dict" else ())
            )
        if name == "_cfg_get" and len(node.args) > 1:
            return self._getattr(frame, node, "getattr")
        if name == "_graph_may_capture_collectives":  # its tables of phases aren't followed
            return self.keep(_CAPTURING)
        if name == "resolve_hf_gguf_reference":  # of a repository on the Hub, by its files
            path = ["lower", ["str", ["cfg", "model_path"]]]
            named = either(*(["in", ["=", part], path] for part in ("gguf", ":")))
            return ["if", named, unknown(name), NONE]
        if isinstance(target, Function):
            followed = target.module.startswith(_FOLLOWED) or target.node.name in _ALSO
            if followed:
                args = [self.value(frame, a) for a in node.args]
                return self._enter(frame, node, target, args)
        if name in _ASKED:
            return ["probe", name]
        if (
            not node.args
            and not node.keywords
            and name.startswith(("is_", "has_", "cuda_is", "use_"))
        ):
            return _probe(name)
        return unknown(ast.unparse(node))

    def _result(self, node: ast.Call, name: Any) -> Expr:
        """The field that a call reads as it stands by then, or what is declared for none."""
        if not is_constant(name):
            return unknown(ast.unparse(node))
        field = ["cfg", name[1]]
        if name[1] not in self.fallbacks:
            return field
        return ["if", ["is", field, NONE], ["=", self.fallbacks[name[1]]], field]

    def _declared(self, frame: Frame, node: ast.AST, found: Any, module: str = "") -> None:
        """Set the fields of a table that a provider returned, each where that filled it."""
        if not isinstance(found, Table):
            return
        path = module.replace(".", "/") + ".py" if module else frame.path
        for name, value in found.items.items():
            usual = ["=", f"{path}:{getattr(node, 'lineno', 0)}"]
            self._set(name, value, found.places.get(name, usual))

    def _set(self, name: str, value: Any, place: Expr) -> None:
        """Set a field; *place* is the file and line, under the same conditions as the value."""
        if value == ABSENT:
            return
        if isinstance(value, list) and value[0] == "if" and has_absent(value):
            for test, part in ((value[1], 2), (negated(value[1]), 3)):
                same = place[0] == "if" and place[1] == value[1]
                self.guards.append(test)
                self._set(name, value[part], place[part] if same else place)
                self.guards.pop()
            return
        while place[0] == "if":
            place = place[2] if place[2] != ABSENT else place[3]
        self.act("set", name, _as_expr(value), place[1])

    def _enter(self, frame: Frame, node: ast.Call, target: Any, args: list[Any]) -> Any:
        """Follow a call; what it returns."""
        if (
            not isinstance(target, Function)
            or len(self.stack) > MAX_DEPTH
            or target.node in self.stack
        ):
            return unknown(ast.unparse(node))
        path = self.sources.path(target.module) or target.module
        names: dict[str, Any] = {}
        parameters = target.node.args
        listed = [*parameters.posonlyargs, *parameters.args]
        for parameter, value in zip(listed, args, strict=False):
            names[parameter.arg] = self.keep(value)
        inner = Frame(target.module, path, names)
        for keyword in node.keywords:
            if keyword.arg:
                names[keyword.arg] = self.keep(self.value(frame, keyword.value))
        defaults = [*parameters.defaults]
        for parameter, default in zip(listed[len(listed) - len(defaults) :], defaults, strict=True):
            if parameter.arg not in names:
                names[parameter.arg] = self.value(inner, default)
        for parameter, given in zip(parameters.kwonlyargs, parameters.kw_defaults, strict=True):
            if parameter.arg not in names and given is not None:
                names[parameter.arg] = self.value(inner, given)
        for parameter in listed:
            known = {
                "cfg": "cfg",
                "view": "cfg",
                "server_args": "raw",
                "self": "raw",
                "hf_config": "hf",
            }
            if parameter.arg not in names and parameter.arg in known:
                names[parameter.arg] = Known(known[parameter.arg])
        self.stack.append(target.node)
        before = self.of_model
        try:
            fell = self.block(inner, target.node.body)
        finally:
            self.stack.pop()
            self.of_model = before
        result: Any = NONE if fell not in (FALSE, STOP) else None
        for guard, value in reversed(inner.returns):
            result = value if result is None else chosen(guard, value, result)
        return NONE if result is None else result


def _probe(name: str) -> Expr:
    """A question to the platform; what holds on none that DeepSeek-V4 is launched on is decided."""
    return FALSE if name in _ELSEWHERE else ["probe", name]


def _as_expr(value: Any) -> Expr:
    """A value as an expression."""
    if isinstance(value, list):
        return value
    if isinstance(value, tuple):
        parts = [_as_expr(v) for v in value]
        if all(map(is_constant, parts)):
            return ["=", [p[1] for p in parts]]
        return ["list", *parts]
    if isinstance(value, Member):
        return _as_expr(value.value)
    if isinstance(value, Table) and not value.rest:
        items = {k: _as_expr(v) for k, v in value.items.items()}
        if all(map(is_constant, items.values())):
            return ["=", {k: v[1] for k, v in items.items()}]
    if isinstance(value, Known) and value.kind == "name" and value.name.isupper():
        asked = ["probe", value.name]
        return both(asked, ["env", _DEEP_GEMM]) if value.name in _OF_DEEP_GEMM else asked
    if isinstance(value, Known):
        return unknown(f"{value.kind} {value.name}".strip())
    return unknown(type(value).__name__)


def _leaves(node: ast.For) -> bool:
    """Whether a loop may be left or gone on with before its body's end."""
    return any(isinstance(n, (ast.Break, ast.Continue)) for n in ast.walk(node))


def _assigned(body: list[ast.stmt]) -> list[str]:
    found: dict[str, None] = {}
    for statement in body:
        for node in ast.walk(statement):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                found[node.id] = None
    return list(found)
