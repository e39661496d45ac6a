"""Every setting of profiles by what is held to them, and the page that shows it."""

from __future__ import annotations

from dsv4_env.matrix.cells import (
    STATUS_MARKS as STATUS_MARKS,
    Cell as Cell,
    CellStatus as CellStatus,
    Column as Column,
    Made as Made,
    Matrix as Matrix,
    MatrixRow as MatrixRow,
    build_matrix as build_matrix,
)
