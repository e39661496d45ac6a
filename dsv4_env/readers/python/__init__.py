"""Python test files that launch SGLang servers: followed as Python would, running nothing.

What only a run could tell is Unknown. Unknown conditions are followed on both sides; what
differs between them gets its condition.
"""

from dsv4_env.readers.python.reading import (
    KIND as KIND,
    CiRegistration as CiRegistration,
    read as read,
    read_all as read_all,
    read_ci as read_ci,
)
