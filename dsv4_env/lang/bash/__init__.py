"""bash: which commands a script would run, with which words and environment, and when."""
