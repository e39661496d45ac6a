from __future__ import annotations

import argparse
import contextlib
import io

import pytest
from hypothesis import given as examples, strategies as st

from dsv4_env.catalogue import Argument, Catalogue, load
from dsv4_env.catalogue.arguments import arg_equals_default, invalid_arg, same_arg

ARGUMENTS = [
    Argument("--tp-size", ("--tensor-parallel-size",), "tp_size", "int", default="1"),
    Argument("--max-running-requests", (), "max_running_requests", "int"),
    Argument("--mem-fraction-static", (), "mem_fraction_static", "float", default="0.9"),
    Argument(
        "--backend",
        (),
        "backend",
        "str",
        choices=("dsv4", "compressed", "fa3"),
        default="fa3",
        value_aliases=(("compressed", "dsv4"),),
    ),
    Argument(
        "--old-backend", (), "backend", "str", action="DeprecatedAliasStoreAction", deprecated=True
    ),
    Argument("--sizes", (), "sizes", "int", nargs="+", default='["1", "2"]'),
    Argument("--check", (), "check", "str", nargs="?", const="all"),
    Argument("--extra", (), "extra", "json.loads"),
    Argument("--later", (), "json_model_override_args", "str", default="{}"),
    Argument("--tokens", (), "tokens", "human_readable_int", default="16384"),
    Argument("--path", (), "path", "nullable_str"),
    Argument("--odd", (), "odd", "parse_odd", default="1"),
    Argument("--quiet", (), "quiet", nargs="0", default="false", action="store_true"),
    Argument(
        "--both", ("--no-both",), "both", nargs="0", default="true", action="BooleanOptionalAction"
    ),
    Argument("--noted", (), "noted", "str", default="lru", explicit=True),
    Argument("--computed", (), "computed", "str", computed="f"),
    Argument("--off", (), "backend", nargs="0", const="fa3", action="DeprecatedStoreConstAction"),
    Argument("--noop", (), "noop", nargs="0", action="DeprecatedAction"),
]
CATALOGUE = Catalogue("1.0", {}, {a.flag: a for a in ARGUMENTS})


@pytest.mark.parametrize(
    ("word", "flag", "abbreviated", "value"),
    [
        ("--tp-size", "--tp-size", False, None),
        ("--tp-size=8", "--tp-size", False, "8"),
        ("--tensor-parallel-size", "--tensor-parallel-size", False, None),
        ("--tp", "--tp-size", True, None),
        ("--tp=8", "--tp-size", True, "8"),
        ("--max-running-request", "--max-running-requests", True, None),
        ("--no", None, False, None),
        ("--help", "--help", False, None),
        ("--he", "--help", True, None),
        ("-h", "-h", False, None),
    ],
)
def test_what_a_word_stands_for(
    word: str, flag: str | None, abbreviated: bool, value: str | None
) -> None:
    match = CATALOGUE.argument(word)
    assert match is not None
    if flag is None:
        assert match.argument is None
        assert match.candidates == ("--no-both", "--noted", "--noop")
    else:
        assert (match.flag, match.abbreviated, match.value) == (flag, abbreviated, value)
        assert (match.argument is None) == (flag in {"-h", "--help"})


@pytest.mark.parametrize("release", ["0.5.11", "0.5.23"])
def test_as_much_of_a_flag_as_argparse_needs(release: str) -> None:
    catalogue = load(release)
    options = [o for o in catalogue.option_strings() if o.startswith("--")]
    assert len(options) > 300
    for option in options:
        short = catalogue.shortest(option)
        match = catalogue.argument(short)
        assert match is not None
        assert match.flag == option
        less = catalogue.argument(short[:-1])
        assert len(short) == 3 or less is None or less.flag != option


@pytest.mark.parametrize("word", ["--unheard-of", "-tp", "tp", "-", "--", "--tpsize=1"])
def test_words_that_are_no_flag_of_the_server(word: str) -> None:
    assert CATALOGUE.argument(word) is None


@pytest.fixture(scope="module")
def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(exit_on_error=False)
    for argument in load("0.5.13").arguments.values():
        made.add_argument(*argument.flags, dest=argument.flag, nargs="?", const="?", default=None)
    return made


_FLAGS = sorted(f for f in load("0.5.13").option_strings() if f != "-h")


@examples(
    flag=st.sampled_from(_FLAGS), cut=st.integers(0, 12), tail=st.sampled_from(["", "=x", "z"])
)
def test_a_word_is_matched_as_argparse_does(
    parser: argparse.ArgumentParser, flag: str, cut: int, tail: str
) -> None:
    word = flag[: max(3, len(flag) - cut)] + tail
    match = load("0.5.13").argument(word)
    if match is not None and match.flag == "--help":
        return
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            known, rest = parser.parse_known_args([word])
    except (argparse.ArgumentError, SystemExit):
        assert match is not None
        assert len(match.candidates) > 1
        return
    if rest:
        assert match is None
    else:
        ((found, value),) = [(k, v) for k, v in vars(known).items() if v is not None]
        assert match is not None
        assert match.argument is not None
        assert (match.argument.flag, match.value or "?") == (found, value)


@pytest.mark.parametrize(
    ("a", "b", "reason"),
    [
        ("--tp 8", "--tp-size 8", "--tp is short for --tp-size"),
        (
            "--tp-size 8",
            "--tensor-parallel-size 8",
            "--tp-size and --tensor-parallel-size set the same",
        ),
        ("--tp-size 8", "--tp-size=8", "a value after = is the same as one that follows"),
        ("--tp-size 8", "--tp-size 08", 'SGLang reads "8" and "08" as the same number'),
        ("--mem-fraction-static 0.9", "--mem 0.90", '"0.9" and "0.90" as the same number'),
        ("--backend compressed", "--backend dsv4", '"compressed" is an old name of "dsv4"'),
        ("--backend fa3", "--old-backend fa3", "--backend and --old-backend set the same"),
        ("--backend fa3", "--off", "--backend and --off set the same"),
        ("--sizes 1 2", "--sizes 01 2", 'SGLang reads "1 2" and "01 2" as the same number'),
        ('--extra {"a":1}', '--extra {"a":1.0}', None),
        ('--extra {"a":1}', '--extra {"a":\t1}', "as the same JSON"),
        ('--later {"a":1,"b":2}', '--later {"b":2,"a":1}', "as the same JSON"),
        ("--tokens 16k", "--tokens 16000", "as the same number"),
        ("--tokens 1Ki", "--tokens 1024", "as the same number"),
        ("--tokens 1.5M", "--tokens 1500000", "as the same number"),
        ("--path None", "--path=", "as the same value"),
        ("--quiet", "--quie", "--quie is short for --quiet"),
        ("--check", "--check all", "as the same value"),
        ("--tp-size 8", "--tp-size 8", "both are spelled the same"),
    ],
)
def test_arguments_that_are_taken_for_the_same(a: str, b: str, reason: str | None) -> None:
    found = same_arg(CATALOGUE, a.split(" "), b.split(" "))
    if reason is None:
        assert found is None
    else:
        assert found is not None
        assert reason in found


@pytest.mark.parametrize(
    ("a", "b"),
    [
        ("--tp 8", "--tp 4"),
        ("--tp x", "--tp y"),
        ("--both", "--no-both"),
        ("--odd 1", "--odd 01"),
        ("--sizes 1 2", "--sizes 2 1"),
        ("--tokens 1k", "--tokens 1Ki"),
        ("--later @a.json", "--later @b.json"),
        ('--later {"a":1}', '--later {"a":2}'),
        ("--noop", "--quiet"),
        ("--no", "--noop"),
        ("--unheard-of 1", "--unheard-of 01"),
    ],
)
def test_arguments_that_arent(a: str, b: str) -> None:
    assert same_arg(CATALOGUE, a.split(" "), b.split(" ")) is None


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("--tp x", '"x" isn\'t a whole number'),
        ("--tp 1 2", "it takes one value"),
        ("--tp", "it takes one value"),
        ("--tp=1 2", "words follow the value after ="),
        ("--backend fa4", '"fa4" isn\'t one of dsv4, compressed, fa3'),
        ("--quiet=1", "it takes no value"),
        ("--quiet 1", "it takes no value"),
        ("--sizes", "it takes one value or more"),
        ("--check a b", "it takes at most one value"),
        ("--extra {", '"{" isn\'t JSON at character 2'),
        ("--tokens 1.5Ki", "isn't a whole number, or one like 8k or 1Mi"),
        ("--tp 8", None),
        ("--sizes 1 2", None),
        ("--unheard-of x", None),
    ],
)
def test_what_the_parser_refuses(words: str, problem: str | None) -> None:
    found = invalid_arg(CATALOGUE, words.split(" "))
    assert found == problem if problem is None else found is not None and problem in found


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        ("--tp 1", "1 is SGLang 1.0's default of --tp-size"),
        ("--mem 0.90", "0.9 is SGLang 1.0's default of --mem-fraction-static"),
        ("--sizes 1 2", "default of --sizes"),
        ("--both", "true is SGLang 1.0's default of --both"),
        ("--tokens 16384", "default of --tokens"),
        ("--later {\t}", "{} is SGLang 1.0's default of --later"),
        ("--tp 2", None),
        ("--no-both", None),
        ("--quiet", None),
        ("--noted lru", None),
        ("--computed x", None),
        ("--odd 1", None),
        ("--path None", None),
        ("--off", None),
    ],
)
def test_giving_the_default(words: str, reason: str | None) -> None:
    found = arg_equals_default(CATALOGUE, words.split(" "))
    assert found is None if reason is None else found is not None and reason in found
