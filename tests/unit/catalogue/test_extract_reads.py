from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeAlias

import pytest

from dsv4_env.catalogue import Catalogue, OwnSetting, VariableReading

if TYPE_CHECKING:
    from collections.abc import Callable

Extract: TypeAlias = "Callable[..., Catalogue]"


def readings(catalogue: Catalogue, name: str) -> list[tuple[str, str, str | None, str | None]]:
    variable = catalogue.variables[name]
    return [(r.via, r.kind, r.default, r.computed) for r in variable.readings]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ('os.environ["X"]', ("os", "raw", None, None)),
        ('os.environ.get("X")', ("os", "raw", None, None)),
        ('os.environ.get("X", "a")', ("os", "raw", "a", None)),
        ('os.getenv("X", default=str(3))', ("os", "raw", "3", None)),
        ('os.getenv("X", compute())', ("os", "raw", None, "compute")),
        ('int(os.environ.get("X", "5"))', ("os", "int", "5", None)),
        ('float(os.getenv("X", 0.5))', ("os", "float", "0.5", None)),
        ('bool(os.getenv("X"))', ("os", "nonempty", None, None)),
        ('not os.getenv("X")', ("os", "nonempty", None, None)),
        ('"X" in os.environ', ("os", "set", None, None)),
        ('get_bool_env_var("X")', ("get_bool_env_var", "bool", "false", None)),
        ('get_bool_env_var("X", "true")', ("get_bool_env_var", "bool", "true", None)),
        ('common.get_int_env_var("X", default=7)', ("get_int_env_var", "int", "7", None)),
        ("os.environ.get(NAME)", ("os", "raw", None, None)),
        ("os.environ.get(Names.ONE)", ("os", "raw", None, None)),
    ],
)
def test_a_read(extracted: Extract, expression: str, expected: Any) -> None:
    code = f'import os\nNAME = "X"\nclass Names:\n    ONE = "X"\n\nvalue = {expression}\n'
    catalogue = extracted({"srt/a.py": code})
    assert readings(catalogue, "X") == [expected]
    assert catalogue.variables["X"].read_in == ("srt/a.py",)
    assert not catalogue.variables["X"].in_envs


@pytest.mark.parametrize(
    ("expression", "values", "fold", "strip"),
    [
        ('os.environ.get("X", "0") == "1"', ("1",), False, False),
        ('os.environ.get("X", "0").lower() in ("true", "1")', ("1", "true"), True, False),
        ('os.getenv("X", "").strip().lower() not in {"a"}', ("a",), True, True),
    ],
)
def test_a_read_that_is_compared(
    extracted: Extract,
    expression: str,
    values: tuple[str, ...],
    fold: bool,
    strip: bool,
) -> None:
    variable = extracted({"srt/a.py": f"import os\nvalue = {expression}\n"}).variables["X"]
    (reading,) = variable.readings
    assert (reading.kind, reading.values) == ("one of", values)
    assert (reading.fold, reading.strip) == (fold, strip)


def test_names_of_loops_imports_and_locals(extracted: Extract) -> None:
    catalogue = extracted(
        {
            "srt/names.py": 'SHARED = "FROM_ELSEWHERE"\n',
            "srt/a.py": """
                import os
                from sglang.srt.names import SHARED as HERE
                from .names import SHARED

                for name in ("ONE", "TWO"):
                    os.environ.get(name)
                TABLE = {"THREE": 1}

                def f():
                    key = "FOUR"
                    for name, value in TABLE.items():
                        os.environ[name]
                    return os.environ[key], os.environ[HERE], [os.getenv(n) for n in ["FIVE"]]
            """,
        }
    )
    for name in ("ONE", "TWO", "THREE", "FOUR", "FIVE", "FROM_ELSEWHERE"):
        assert catalogue.variable(name) is not None, name


def test_a_helper_is_followed_to_the_names_that_it_is_called_with(
    extracted: Extract,
) -> None:
    catalogue = extracted(
        {
            "srt/a.py": """
                import os

                def _flag(name, default="0"):
                    return os.environ.get(name, default)

                A = _flag("BY_HELPER", "1")
                B = _flag("WITHOUT_DEFAULT")
            """,
            "srt/b.py": 'from sglang.srt.c import _flag\n_flag("OTHER_FUNCTION")\n',
        }
    )
    assert readings(catalogue, "BY_HELPER") == [("_flag", "raw", "1", None)]
    assert readings(catalogue, "WITHOUT_DEFAULT") == [("_flag", "raw", None, "_flag")]
    assert catalogue.variable("OTHER_FUNCTION") is None


def test_a_public_helper_is_followed_into_other_files(extracted: Extract) -> None:
    helper = "import os\ndef read_it(what, name):\n    return os.environ[name]\n"
    catalogue = extracted({"srt/a.py": helper, "srt/b.py": 'read_it(1, "FAR")  # env\n'})
    assert catalogue.variables["FAR"].read_in == ("srt/b.py",)


def test_a_computed_name_is_listed_with_what_computes_it(extracted: Extract) -> None:
    long = "first_part_of_the_name() + second_part_of_the_name()"
    for code, what in (
        ('os.environ.get(f"A_{1}")', "f'A_{1}'"),
        (f"os.getenv({long})", "expression"),
        ("[os.environ[k] for k in f()]", "k"),
    ):
        catalogue = extracted({"srt/a.py": f"import os\nx = {code}\n"})
        assert catalogue.unresolved == (f"variable {what} in srt/a.py: its name is computed",)


def test_a_name_that_stands_there_only_as_a_string_is_known(
    extracted: Extract,
) -> None:
    code = """
        import os

        class Gated:
            def __init__(self, name):
                self.name = name

            def get(self):
                return os.environ.get(self.name)

        FLAG = Gated("SGLANG_GATED")  # and SGLANG_IN_A_COMMENT
    """
    catalogue = extracted({"srt/a.py": code})
    assert readings(catalogue, "SGLANG_GATED") == [("literal", "raw", None, "unknown")]
    assert catalogue.variable("SGLANG_IN_A_COMMENT") is None


def test_reads_inside_a_long_class_and_below_a_decorator(
    extracted: Extract,
) -> None:
    filler = "".join(f"    def m{i}(self):\n        return {i}\n\n" for i in range(400))
    last = '    @cached\n    def m(self):\n        return os.getenv("DEEP")\n'
    code = f"import os\n\n@decorate(\n    1\n)\nclass Long(Base):\n{filler}{last}"
    assert extracted({"srt/a.py": code}).variable("DEEP") is not None


def test_text_in_strings_and_comments_is_no_read(extracted: Extract) -> None:
    code = '''
        import os

        TEMPLATE = """
        import os
        x = os.environ["IN_A_STRING"]
        """
        # os.environ["IN_A_COMMENT"]
        y = os.environ["REAL"]
    '''
    catalogue = extracted({"srt/a.py": code})
    assert catalogue.variable("IN_A_STRING") is None
    assert catalogue.variable("IN_A_COMMENT") is None
    assert catalogue.variable("REAL") is not None


def test_cpp_sources_are_read_too(extracted: Extract) -> None:
    catalogue = extracted({"kernels/a.cuh": 'auto e = std::getenv("SGLANG_IN_CPP");\n'})
    assert readings(catalogue, "SGLANG_IN_CPP") == [("C++", "raw", None, None)]


def test_tests_count_for_names_alone(extracted: Extract) -> None:
    catalogue = extracted(
        {
            "test/a.py": 'import os\nos.environ["SGLANG_TESTED"]\nos.environ["OTHER"] = "1"\n',
            "srt/a.py": "# SGLANG_FLAG\n",
        }
    )
    assert readings(catalogue, "SGLANG_TESTED") == [("literal", "raw", None, "unknown")]
    assert catalogue.variable("OTHER") is None


def test_a_declared_variable_that_is_read_elsewhere_keeps_both_readings(
    extracted: Extract,
) -> None:
    catalogue = extracted({"srt/a.py": 'x = get_bool_env_var("SGLANG_FLAG")\n'})
    variable = catalogue.variables["SGLANG_FLAG"]
    assert variable.in_envs
    assert [r.via for r in variable.readings] == ["Envs", "get_bool_env_var"]
    assert variable.kind == "bool"
    assert variable.read_in == ("srt/a.py",)


def test_asking_whether_it_is_set_is_a_reading(extracted: Extract) -> None:
    catalogue = extracted({"srt/a.py": "if envs.SGLANG_FLAG.is_set():\n    pass\n"})
    assert (
        VariableReading("is_set", "set", files=("srt/a.py",))
        in catalogue.variables["SGLANG_FLAG"].readings
    )


def test_places_that_read_differently_are_mixed(extracted: Extract) -> None:
    code = 'import os\na = os.getenv("X", "1")\nb = int(os.getenv("X", "2"))\n'
    variable = extracted({"srt/a.py": code}).variables["X"]
    assert (variable.kind, variable.default, variable.default_known) == ("mixed", None, False)


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ('os.environ["X"] = "1"', OwnSetting("srt/a.py", "1")),
        ('os.environ.setdefault("X", "1")', OwnSetting("srt/a.py", "1", only_if_unset=True)),
        ('os.environ.update({"X": f()})', OwnSetting("srt/a.py", None)),
        ('os.environ.update(X="2")', OwnSetting("srt/a.py", "2")),
        ('if is_hip():\n    os.environ["X"] = "1"', OwnSetting("srt/a.py", "1", conditional=True)),
        (
            'if "X" not in os.environ:\n    os.environ["X"] = "1"',
            OwnSetting("srt/a.py", "1", only_if_unset=True, conditional=True),
        ),
        ("envs.X.set(True)", OwnSetting("srt/a.py", "true")),
    ],
)
def test_what_code_sets(extracted: Extract, statement: str, expected: Any) -> None:
    catalogue = extracted({"srt/a.py": f"import os\n{statement}\n"})
    assert catalogue.variables["X"].set_by == (expected,)


def test_a_declared_name_that_occurs_nowhere_else_is_marked(
    extracted: Extract,
) -> None:
    envs = "SGLANG_DEAD = EnvBool(False)\nSGLANG_USED = EnvBool(False)\nOTHER = EnvBool(False)"
    catalogue = extracted({"srt/a.py": "x = envs.SGLANG_USED.get()\n"}, envs=envs)
    assert not catalogue.variables["SGLANG_DEAD"].mentioned
    assert catalogue.variables["SGLANG_USED"].mentioned
    assert catalogue.variables["OTHER"].mentioned


def test_a_file_that_no_python_parses_is_listed(extracted: Extract) -> None:
    catalogue = extracted({"srt/a.py": "import os\nx = os.environ[\n"})
    assert catalogue.unresolved == ("file srt/a.py: not readable as Python",)


def test_hidden_folders_are_no_part_of_sglang(extracted: Extract) -> None:
    code = 'import os\nos.environ["SGLANG_TOOL"]\n'
    assert extracted({".tools/a.py": code}).variable("SGLANG_TOOL") is None


@pytest.mark.parametrize(
    ("origin", "via"),
    [
        ("sglang.srt.utils", "get_bool_env_var"),
        ("sglang.multimodal_gen.runtime.utils.common", "multimodal_gen.get_bool_env_var"),
    ],
)
def test_the_helper_of_multimodal_gen_is_another_one(
    extracted: Extract, origin: str, via: str
) -> None:
    code = f'from {origin} import get_bool_env_var\nx = get_bool_env_var("X")\n'
    catalogue = extracted({"multimodal_gen/a.py": code})
    assert readings(catalogue, "X") == [(via, "bool", "false", None)]


def test_the_order_of_facts_is_that_of_their_text(extracted: Extract) -> None:
    """Without a value comes before an empty one, whatever the hash seed."""
    lines = [f'os.environ["X"] = {v}' for v in ('"1"', '""', "f()", '"0"')]
    lines += [f'os.getenv("X", {v})' for v in ('"1"', '""', "None", '"0"')]
    variable = extracted({"srt/a.py": "import os\n" + "\n".join(lines)}).variables["X"]
    assert [s.value for s in variable.set_by] == [None, "", "0", "1"]
    assert [r.default for r in variable.readings] == [None, "", "0", "1"]
