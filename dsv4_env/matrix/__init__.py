"""Every setting of profiles by what is held to them, and the page that shows it."""

from __future__ import annotations

from dsv4_env.matrix.cells import (
    STATUS_MARKS,
    Cell,
    CellStatus,
    Column,
    Made,
    Matrix,
    MatrixRow,
    build_matrix,
)

__all__ = [
    "STATUS_MARKS",
    "Cell",
    "CellStatus",
    "Column",
    "Made",
    "Matrix",
    "MatrixRow",
    "build_matrix",
]
