"""What a module exports: literals with places, and what isn't one as code."""

from __future__ import annotations

import pytest

from dsv4_env.lang import javascript
from dsv4_env.lang.yaml import Mapping, Scalar, Sequence
from dsv4_env.model.budget import Budget, BudgetError
from dsv4_env.model.errors import ReadError


def config(text: str) -> Mapping:
    found = javascript.exported(f"export const config = {{{text}}};\n", "c.jsx", "c", Budget())
    node = found["config"]
    assert isinstance(node, Mapping)
    return node


@pytest.mark.parametrize(
    ("spelled", "text"),
    [
        ('"a b"', "a b"),
        (r'"a\"b\\c"', 'a"b\\c'),
        (r"'it\'s'", "it's"),
        (r'"\n\t\x41é\u{1F600}\q"', "\n\tAé😀q"),
        ('"a\\\nb"', "ab"),
        ("`a\nb`", "a\nb"),
        ("`a \\`b\\``", "a `b`"),
        ('""', ""),
        ("1.5", "1.5"),
        ("-1", "-1"),
        ("true", "true"),
        ("(('a'))", "a"),
    ],
)
def test_values(spelled: str, text: str) -> None:
    node = config(f" a: {spelled} ").get("a")
    assert isinstance(node, Scalar)
    assert node.text == text
    assert node.style != javascript.CODE
    assert len(node.offsets()) == len(text)


@pytest.mark.parametrize("spelled", ["`a${b}`", "f()", "b", "() => 1", "a + b", "<a/>", "a.b"])
def test_what_is_no_literal_is_code(spelled: str) -> None:
    node = config(f"a: {spelled}").get("a")
    assert isinstance(node, Scalar)
    assert (node.text, node.style) == (spelled, javascript.CODE)


def test_each_character_has_its_place() -> None:
    """Behind characters of several bytes, too."""
    node = config('é: "😀", /* – */ "b": ["x\\ty", 2,], b2: \'z\'').sequence("b")[0]
    assert isinstance(node, Scalar)
    assert node.text == "x\ty"
    spelled = [node.lines.text[i] for i in node.offsets()]
    assert spelled == ["x", "\\", "y"]
    assert node.location.column == node.lines.text.index("x\\") + 0


def test_names_and_members() -> None:
    node = config('a: 1, "b": 2, 3: 3, a: 4, ...c, d, e() {}, // x\n')
    texts = {k: v.text for k, v in node.items.items() if isinstance(v, Scalar)}
    assert texts == {"b": "2", "3": "3", "a": "4", "...c": "...c", "d": "d", "e": "e() {}"}
    codes = [k for k, v in node.items.items() if isinstance(v, Scalar) and v.style == "code"]
    assert codes == ["...c", "d", "e"]


def test_only_what_is_exported() -> None:
    text = "const a = [1];\nexport const b = [1, , 2], c = {};\nexport default { d: 1 };\n"
    found = javascript.exported(text, "c.jsx", "c", Budget())
    assert list(found) == ["b", "c"]
    assert isinstance(found["b"], Sequence)


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('export const a = ["x" "y"];', "c:1:19"),
        ("export const a = " + "[" * 2000, "c"),
        ("export const a = " + "[" * 150 + "]" * 150, "c:1:119"),
    ],
)
def test_what_is_wrong(text: str, where: str) -> None:
    with pytest.raises(ReadError) as raised:
        javascript.exported(text, "c", "c", Budget())
    assert raised.value.where == where


def test_values_are_paid_for() -> None:
    with pytest.raises(BudgetError):
        javascript.exported("export const a = [1, 2, 3];" * 9, "c", "c", Budget(steps=70))
