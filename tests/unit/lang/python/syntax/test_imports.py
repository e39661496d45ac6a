"""What the bytes of a file tell of its imports."""

from __future__ import annotations

from dsv4_env.lang.python.syntax.imports import named_imports


def test_what_bytes_tell_of_imports() -> None:
    assert named_imports(b"") == set()
    assert named_imports(b"# import x") == {("x", 0)}
    assert {("a.b", 2), ("a", 2)} <= (named_imports(b"from ..a import b") or set())
    assert {("b", 0), ("c.d", 0)} <= (
        named_imports(b'with a("import"): from c import d, b') or set()
    )
    assert named_imports(b"import (  # type: ignore[import]\n  a)\nimport b") is not None
    assert named_imports(b"import (a,\nimport b") is None
    assert named_imports(b"import " * 10_000) is None
    assert named_imports(b"import (" * 10_000) is None
