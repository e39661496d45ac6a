from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from dsv4_env.model.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dsv4_env.catalogue import Catalogue

Extract: TypeAlias = "Callable[..., Catalogue]"

ACTIONS = """
    class DeprecatedAction(argparse.Action):
        def __init__(self, option_strings, dest, error_message=None, nargs=0, **kwargs): ...

    class DeprecatedStoreTrueAction(argparse.Action):
        def __init__(self, names, dest, new_flag=None, nargs=0, const=True, default=False): ...

    class DeprecatedAliasStoreAction(argparse.Action):
        def __init__(self, option_strings, dest, new_flag=None, **kwargs): ...
"""
CHOICES = """
    COLOURS = ["red", "green"]
    MORE = COLOURS + ["blue"]
    COLOURS_SET = {"b", "a"}

    class Shade(Enum):
        LIGHT = 1
        DARK = 2

    class Kind:
        A = "a"
        B = "b"
        ALL = (A, B)

    class Registry:
        Table = {"x": Missing, "y": Missing}
"""
CALLS = """
    from sglang.srt.choices import COLOURS, COLOURS_SET, MORE, Kind, Registry, Shade
    from sglang.srt.actions import *
    from sglang.srt.actions import DeprecatedAction, DeprecatedAliasStoreAction
    from sglang.srt.actions import DeprecatedStoreTrueAction

    @dataclasses.dataclass
    class ServerArgs:
        size: int = 1
        ratio: Optional[float] = None
        names: List[str] = dataclasses.field(default_factory=list)

        @staticmethod
        def add_cli_args(parser):
            parser.add_argument("--model-path", "--model", type=str, required=True)
            parser.add_argument(
                "--tensor-parallel-size", "--tp-size", type=int, default=ServerArgs.size
            )
            parser.add_argument("--ratio", type=float, default=ServerArgs.ratio)
            parser.add_argument("--names", type=str, nargs="+", default=ServerArgs.names)
            parser.add_argument("--quiet", action="store_true", help="Deprecated. Use --loud.")
            parser.add_argument("--both", action=argparse.BooleanOptionalAction, default=True)
            parser.add_argument("--colour", type=str, choices=COLOURS, default="red")
            parser.add_argument("--more", choices=MORE)
            parser.add_argument("--sorted", choices=COLOURS_SET)
            parser.add_argument("--kind", choices=Kind.ALL)
            parser.add_argument("--shade", choices=[m.name.lower() for m in Shade])
            table = list(Registry.Table.keys())
            parser.add_argument("--table", choices=["auto"] + table)
            parser.add_argument("--unknown", choices=plugins.all())
            some = set(COLOURS)
            if envs.X.get():
                some.add("pink")
            parser.add_argument("--some", choices=some)
            parser.add_argument("--sum", type=json.loads, default=compute())
            parser.add_argument("--check", nargs="?", const="", default=None)
            parser.add_argument("--gone", action=DeprecatedAction, help="It does nothing now.")
            parser.add_argument("--stop", action=DeprecatedAction, error_message="Use --colour.")
            parser.add_argument(
                "--old-colour",
                dest="colour",
                action=DeprecatedAliasStoreAction,
                new_flag="--colour",
                default=argparse.SUPPRESS,
            )
            parser.add_argument(
                "--old-both", dest="both", action=DeprecatedStoreTrueAction, new_flag="--both <x>"
            )
"""
FILES = {"srt/server_args.py": CALLS, "srt/choices.py": CHOICES, "srt/actions.py": ACTIONS}


@pytest.fixture
def calls(extracted: Extract) -> Catalogue:
    return extracted(FILES)


def test_every_call_is_found(calls: Catalogue) -> None:
    assert len(calls.arguments) == CALLS.count("add_argument(")


@pytest.mark.parametrize(
    ("flag", "facts"),
    [
        ("--model-path", {"aliases": ("--model",), "dest": "model_path", "required": True}),
        ("--tensor-parallel-size", {"aliases": ("--tp-size",), "type": "int", "default": "1"}),
        ("--ratio", {"type": "float", "default": None, "default_known": True}),
        ("--names", {"nargs": "+", "default": "[]"}),
        ("--quiet", {"nargs": "0", "default": "false", "takes_value": False}),
        ("--quiet", {"deprecated": True, "replacement": "--loud", "refused": False}),
        ("--both", {"aliases": ("--no-both",), "nargs": "0", "default": "true"}),
        ("--colour", {"choices": ("red", "green"), "default": "red", "unresolved": ()}),
        ("--more", {"choices": ("red", "green", "blue")}),
        ("--sorted", {"choices": ("a", "b")}),
        ("--kind", {"choices": ("a", "b")}),
        ("--shade", {"choices": ("light", "dark")}),
        ("--table", {"choices": ("auto", "x", "y")}),
        ("--unknown", {"choices": None, "unresolved": ("choices",)}),
        ("--some", {"choices": ("green", "red", "pink")}),
        ("--sum", {"type": "json.loads", "computed": "compute", "default_known": False}),
        ("--check", {"nargs": "?", "const": "", "default": None}),
        ("--gone", {"deprecated": True, "nargs": "0", "replacement": None, "refused": False}),
        ("--stop", {"deprecated": True, "refused": True, "replacement": "--colour"}),
        ("--old-colour", {"dest": "colour", "nargs": None, "replacement": "--colour"}),
        ("--old-both", {"dest": "both", "nargs": "0", "default": "false", "replacement": "--both"}),
    ],
)
def test_the_facts_of_a_call(calls: Catalogue, flag: str, facts: dict[str, Any]) -> None:
    argument = calls.arguments[flag]
    assert {name: getattr(argument, name) for name in facts} == facts


def test_what_cant_be_resolved_is_listed_by_name(calls: Catalogue) -> None:
    assert calls.unresolved == (
        "argument --some: choices: pink on a condition",
        "argument --unknown: choices",
    )


FIELDS = """
        model_path: A[str, Arg(help="Path.", aliases=["--model"])]
        tp_size: A[int, Arg(help="Size.", aliases=["--tensor-parallel-size"]), NS("p")] = 1
        gemm: A[str, Arg(cli_name="--gemm-backend", choices=COLOURS)] = "red"
        quiet: A[bool, "Be quiet."] = False
        both: A[Optional[bool], Arg(action=argparse.BooleanOptionalAction)] = None
        hidden: A[bool, Arg(no_cli=True)] = False
        plain: Optional[str] = None
        mode: A[Literal["on", "off"], "Mode."] = "on"
        level: A[Optional[Literal[1, 2]], "Level."] = None
        sizes: A[Optional[List[int]], "Sizes."] = None
        words: A[list[str], Arg(help="Words.", nargs="*")] = field(default_factory=list)
        table: A[Optional[List[dict]], Arg(type_parser=json_list_type)] = None
        union: A[int | None, "Union."] = None
        check: A[Optional[str], Arg(nargs="?", const="")] = None
        count: A[int, "Deprecated. Use --level."] = 10 * 1000
        paths: A[X, Arg(action=PathAction, action_kwargs={"type": str, "nargs": "*"})] = None
        choice: A[str, Arg(choices=elsewhere())] = "a"
"""
RECORD = (
    """
    from sglang.srt.choices import COLOURS

    class PathAction(argparse.Action):
        pass

    @dataclasses.dataclass
    class ServerArgs:"""
    + FIELDS
    + """
        @staticmethod
        def add_cli_args(parser):
            add_cli_args_from_dataclass(parser, ServerArgs)
            parser.add_argument("--plain", type=str, default=ServerArgs.plain)
            parser.add_argument("--config", type=str)
"""
)
SPREAD = {
    "srt/server_args.py": """
        from sglang.srt.arg_groups.fields.one import One
        from sglang.srt.arg_groups.fields.two import Two

        class ServerArgs:
            @staticmethod
            def add_cli_args(parser):
                add_cli_args_from_dataclass(parser, ServerArgs)
                parser.add_argument("--plain", type=str, default=_declared_default("plain"))
                parser.add_argument("--config", type=str)

        _INPUT_NAMESPACES = [One, Two]
        ServerArgs = msgspec.defstruct("ServerArgs", [])
    """,
    "srt/arg_groups/fields/one.py": """
    from sglang.srt.choices import COLOURS

    class PathAction(argparse.Action):
        pass

    class One(msgspec.Struct):
        _NS_PATH = "one"
        derived = Derived(doc="Not an argument.")
"""
    + FIELDS,
    "srt/arg_groups/fields/two.py": """
        class Two(msgspec.Struct):
            _NS_PATH = "two"
            other: A[str, "Other."] = "x"
    """,
    "srt/choices.py": CHOICES,
}
LAYOUTS = {
    "fields": {"srt/server_args.py": RECORD, "srt/choices.py": CHOICES},
    "spread": SPREAD,
}


@pytest.fixture(params=LAYOUTS)
def fields(request: pytest.FixtureRequest, extracted: Extract) -> Catalogue:
    return extracted(LAYOUTS[request.param])


@pytest.mark.parametrize(
    ("flag", "facts"),
    [
        ("--model-path", {"aliases": ("--model",), "type": "str", "required": True}),
        ("--tp-size", {"aliases": ("--tensor-parallel-size",), "type": "int", "default": "1"}),
        ("--gemm-backend", {"dest": "gemm", "choices": ("red", "green"), "required": False}),
        ("--quiet", {"action": "store_true", "nargs": "0", "default": "false"}),
        ("--both", {"aliases": ("--no-both",), "nargs": "0", "default": None}),
        ("--mode", {"choices": ("on", "off"), "type": "str", "default": "on"}),
        ("--level", {"choices": ("1", "2"), "type": "int"}),
        ("--sizes", {"nargs": "+", "type": "int", "default": None}),
        ("--words", {"nargs": "*", "default": "[]"}),
        ("--table", {"nargs": None, "type": "json_list_type"}),
        ("--union", {"type": "int", "default": None}),
        ("--check", {"nargs": "?", "const": ""}),
        ("--count", {"default": "10000", "deprecated": True, "replacement": "--level"}),
        ("--paths", {"action": "PathAction", "nargs": "*", "type": "str"}),
        ("--choice", {"choices": None, "unresolved": ("choices",)}),
        ("--plain", {"default": None, "type": "str"}),
        ("--config", {"dest": "config", "required": False}),
    ],
)
def test_the_facts_of_a_field(fields: Catalogue, flag: str, facts: dict[str, Any]) -> None:
    argument = fields.arguments[flag]
    assert {name: getattr(argument, name) for name in facts} == facts


def test_fields_without_a_flag_make_none(fields: Catalogue) -> None:
    assert "--hidden" not in fields.arguments
    assert "--derived" not in fields.arguments


def test_every_class_of_the_spread_layout_counts(extracted: Extract) -> None:
    assert extracted(SPREAD).arguments["--other"].default == "x"


def test_a_flag_that_sglang_remembers_is_marked(extracted: Extract) -> None:
    code = RECORD.replace('mode: A[Literal["on"', 'x: int = 1\n        mode: A[Literal["on"')
    code += "\n    def note(args):\n        args._mode_explicitly_set = True\n"
    catalogue = extracted({"srt/server_args.py": code, "srt/choices.py": CHOICES})
    assert catalogue.arguments["--mode"].explicit
    assert not catalogue.arguments["--tp-size"].explicit


HANDLERS = {
    "setattr": """
        def _handle_deprecated_args(self):
            for attr in ("colour", "more"):
                if getattr(self, attr, None) == "old":
                    setattr(self, attr, "red")
    """,
    "table": """
        def handle_deprecated_args(server_args):
            aliases = {"old": "red", "wide": "green"}
            renamed = {}
            for attr in ("colour", "more"):
                value = getattr(server_args, attr, None)
                if value in aliases:
                    renamed[attr] = aliases[value]
            if "wide" in (server_args.colour,):
                renamed["kind"] = "a"
    """,
    "one": """
        def _handle_deprecated_args(self):
            names = {"old": "red"}
            if self.colour in names:
                self.colour = names[self.colour]
    """,
}


@pytest.mark.parametrize("handler", HANDLERS)
def test_deprecated_values(extracted: Extract, handler: str) -> None:
    catalogue = extracted(FILES | {"srt/arg_groups/hook.py": HANDLERS[handler]})
    assert catalogue.arguments["--colour"].value_aliases == (("old", "red"),)
    assert catalogue.arguments["--kind"].value_aliases == ()
    listed = [u for u in catalogue.unresolved if u.startswith("value")]
    expected = ["value wide: becomes green, with other changes"] if handler == "table" else []
    assert listed == expected


def test_values_that_another_step_replaces_are_no_aliases(
    extracted: Extract,
) -> None:
    code = HANDLERS["setattr"].replace("_handle_deprecated_args", "_handle_defaults")
    catalogue = extracted(FILES | {"srt/arg_groups/hook.py": code})
    assert catalogue.arguments["--colour"].value_aliases == ()


@pytest.mark.parametrize("text", ["x = 1\n", "class ServerArgs:\n    pass\n"])
def test_another_layout_is_an_error(extracted: Extract, text: str) -> None:
    with pytest.raises(ReadError, match=r"no ServerArgs\.add_cli_args"):
        extracted({"srt/server_args.py": text})
