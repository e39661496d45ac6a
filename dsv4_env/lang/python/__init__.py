"""Python: which values a file works with, what it would call with them, and when.

``syntax`` tells by the text alone, ``values`` is what expressions can be, ``interp`` follows a
file as Python would run it, on all paths, running nothing.
"""
