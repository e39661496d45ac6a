"""Python test files that launch SGLang servers: followed as Python would, running nothing.

What only a run could tell is Unknown. Unknown conditions are followed on both sides; what
differs between them gets its condition.
"""

from dsv4_env.readers.python.facts import CiRegistration as CiRegistration, read_ci as read_ci
from dsv4_env.readers.python.reading import (
    KIND as KIND,
    read as read,
    read_all as read_all,
)
