"""A server that is about to start: what it needs, how it lives, what an environment holds."""
