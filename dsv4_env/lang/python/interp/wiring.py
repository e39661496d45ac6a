"""What the machine follows a file by: the rules of Python's language, put together."""

from __future__ import annotations

import ast

from dsv4_env.lang.python.interp.calls import evaluate_call, invoke
from dsv4_env.lang.python.interp.expressions import EXPRESSIONS
from dsv4_env.lang.python.interp.machine import Rules
from dsv4_env.lang.python.interp.statements import execute

RULES = Rules({**EXPRESSIONS, ast.Call: evaluate_call}, execute, invoke)
