"""What SGLang itself makes of a launch: effective settings and refusals, without running it."""
