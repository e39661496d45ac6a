from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pytest

from dsv4_env.model.errors import ReadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from dsv4_env.catalogue import Catalogue

Extract: TypeAlias = "Callable[..., Catalogue]"


@pytest.mark.parametrize(
    ("line", "kind", "default"),
    [
        ("X = EnvBool(True)", "bool", "true"),
        ("X = EnvInt(4 * 1024)", "int", "4096"),
        ("X = EnvInt(2 ** 31)", "int", "2147483648"),
        ("X = EnvInt(-1)", "int", "-1"),
        ("X = EnvInt(None)", "int", None),
        ("X = EnvInt(Level.ON)", "int", "2"),
        ("X = EnvFloat(1)", "float", "1.0"),
        ("X = EnvStr('')", "str", ""),
        ("X = EnvTuple(tuple())", "tuple", ""),
        ("X = EnvTuple(('a', 'b'))", "tuple", "a,b"),
        ("X = EnvJSON(None)", "json", None),
        ("X = EnvOdd(3)", "Odd", "3"),
        ("X: EnvField = EnvBool(default=False)", "bool", "false"),
    ],
)
def test_a_declared_variable(extracted: Extract, line: str, kind: str, default: str | None) -> None:
    variable = extracted(envs=line).variables["X"]
    assert (variable.kind, variable.default, variable.default_known) == (kind, default, True)
    assert variable.in_envs
    assert variable.read_in == ()


@pytest.mark.parametrize(
    ("line", "computed"),
    [
        ("X = EnvBool(_default_rocm)", "_default_rocm"),
        ("X = EnvStr(os.path.expanduser('~/x'))", "os.path.expanduser"),
        ("X = EnvStr(lambda: _subdir('x'))", "_subdir"),
    ],
)
def test_a_computed_default_is_named_and_not_stated(
    extracted: Extract, line: str, computed: str
) -> None:
    variable = extracted(envs=line).variables["X"]
    assert (variable.default, variable.computed, variable.default_known) == (None, computed, False)


def test_a_secret(extracted: Extract) -> None:
    catalogue = extracted(envs="A = EnvStr(None, secret=True)\nB = EnvStr(None)")
    assert catalogue.variables["A"].secret
    assert not catalogue.variables["B"].secret


def test_a_name_that_is_declared_twice_has_its_last_default(
    extracted: Extract,
) -> None:
    assert extracted(envs="X = EnvInt(1)\nX = EnvInt(2)").variables["X"].default == "2"


def test_what_is_no_declaration_is_listed(extracted: Extract) -> None:
    assert "variable X: how Envs declares it" in extracted(envs="X = 3").unresolved


def test_with_an_alias_class_the_new_name_wins(extracted: Extract) -> None:
    catalogue = extracted(envs='SGLANG_NEW = EnvBoolWithAlias(True, deprecated_name="SGLANG_OLD")')
    new, old = catalogue.variables["SGLANG_NEW"], catalogue.variables["SGLANG_OLD"]
    assert (new.kind, new.aliases) == ("bool", ("SGLANG_OLD",))
    assert (old.renamed_to, old.wins, old.deprecated) == ("SGLANG_NEW", "new", True)
    assert old.live
    assert not old.in_envs


CALLS = """
    def _print_deprecated_env(old_name, new_name=None):
        os.environ[new_name] = os.environ[old_name]

    def _convert():
        _print_deprecated_env("SGLANG_OLD", "SGLANG_NEW")
        _print_deprecated_env("SGLANG_GONE")
        _deprecated_ms_to_s = {"SGLANG_WAIT_MS": "SGLANG_WAIT"}
        for key in os.environ:
            new_key = key.replace("SGL_", "SGLANG_", 1)

    _warn_deprecated_env_to_cli_flag("SGLANG_FLAG", "Say '--the-flag' instead.")
"""
TABLE = """
    _DEPRECATED_ENVS: Dict[str, _DeprecatedEnv] = {
        "SGLANG_OLD": _DeprecatedEnv(replacement="SGLANG_NEW"),
        "SGLANG_GONE": _DeprecatedEnv(),
        "SGLANG_WAIT_MS": _DeprecatedEnv(replacement="SGLANG_WAIT", transform=_ms_to_s),
        "SGLANG_NO_X": _DeprecatedEnv(replacement="SGLANG_X", transform=_invert_bool),
        "SGLANG_ODD": _DeprecatedEnv(replacement="SGLANG_X", transform=_do),
        "SGLANG_FLAG": _DeprecatedEnv(note="Say '--the-flag' instead."),
    }

    def _handle():
        for key in os.environ:
            new_key = key.replace("SGL_", "SGLANG_", 1)
"""
NEW = "SGLANG_NEW = EnvBool(False)\nSGLANG_WAIT = EnvFloat(-1)\nSGLANG_FLAG = EnvBool(False)"


@pytest.mark.parametrize("after", [CALLS, TABLE], ids=["calls", "table"])
def test_the_deprecated_names(extracted: Extract, after: str) -> None:
    catalogue = extracted(envs=NEW, after=after)
    old = catalogue.variables["SGLANG_OLD"]
    assert (old.renamed_to, old.wins, old.transform) == ("SGLANG_NEW", "old", None)
    assert catalogue.variables["SGLANG_NEW"].aliases == ("SGLANG_OLD",)
    gone = catalogue.variables["SGLANG_GONE"]
    assert gone.deprecated
    assert not gone.live
    wait = catalogue.variables["SGLANG_WAIT_MS"]
    assert (wait.renamed_to, wait.transform) == ("SGLANG_WAIT", "ms_to_s")
    flag = catalogue.variables["SGLANG_FLAG"]
    assert flag.live
    assert flag.deprecated
    assert (flag.renamed_to, flag.replaced_by) == (None, "--the-flag")
    assert catalogue.prefixes == (("SGL_", "SGLANG_"),)


def test_a_rename_can_change_the_value(extracted: Extract) -> None:
    catalogue = extracted(envs=NEW, after=TABLE)
    assert catalogue.variables["SGLANG_NO_X"].transform == "invert_bool"
    assert catalogue.variables["SGLANG_ODD"].transform == "computed"


def test_a_rewritten_prefix_is_known_where_its_target_is(
    extracted: Extract,
) -> None:
    catalogue = extracted(envs=NEW, after=TABLE)
    found = catalogue.variable("SGL_NEW")
    assert found is not None
    assert (found.renamed_to, found.wins, found.deprecated) == ("SGLANG_NEW", "old", True)
    assert catalogue.variable("SGL_NOTHING") is None


def test_no_class_envs_is_an_error(extracted: Extract) -> None:
    with pytest.raises(ReadError, match=r"no class Envs; expected SGLang 0\.5\.11 or newer"):
        extracted({"srt/environ.py": "x = 1\n"})


def test_an_environ_that_no_python_parses_is_an_error(extracted: Extract) -> None:
    with pytest.raises(ReadError, match="can't be parsed as Python"):
        extracted({"srt/environ.py": "class Envs(:\n"})
