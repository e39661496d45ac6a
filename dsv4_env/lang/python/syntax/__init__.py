"""Python, by its text alone: trees, places, names, and what statements may change."""
