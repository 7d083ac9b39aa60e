"""Everything that answers "what is this worth?": wire formats, client, scorer, reward model servers and the sandbox."""
