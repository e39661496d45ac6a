"""Every setting of profiles by what is held to them, and the page that shows it."""

from __future__ import annotations

from dsv4_env.matrix.cells import MARKS, Cell, Column, Made, Matrix, Row, Status, build

__all__ = ["MARKS", "Cell", "Column", "Made", "Matrix", "Row", "Status", "build"]
