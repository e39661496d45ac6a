"""From statements to the commands that would run, over all paths a script may take."""
