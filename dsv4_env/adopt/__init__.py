"""Launches that are written down in tests and scripts, taken over into profiles."""
