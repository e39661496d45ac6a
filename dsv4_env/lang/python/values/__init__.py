"""What Python's expressions are, as far as that can be told, and what is done with such values."""
