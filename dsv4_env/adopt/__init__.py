"""Tests put onto profiles, and taken off them again."""
