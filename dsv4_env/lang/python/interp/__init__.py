"""Following a file as Python would run it."""
