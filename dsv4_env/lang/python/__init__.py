"""Python: what a file would call, with which values, and when."""
