"""How two launches differ, what SGLang makes of it, and what is said of that."""
