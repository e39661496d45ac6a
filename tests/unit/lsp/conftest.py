"""The project that an editor has open."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.lsp.editing import Editor, project


@pytest.fixture
def editor(tmp_path: Path) -> Editor:
    """An editor with the project, of which nothing is open."""
    return Editor(project(tmp_path))
