"""From words to values, with what isn't known kept apart."""
