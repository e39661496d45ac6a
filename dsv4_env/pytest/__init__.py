"""The pytest plugin: fixtures, the marker and --dsv4-drift."""
