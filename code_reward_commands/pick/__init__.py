"""`code-reward pick`: the best of N answers to each problem, by a reward model, by tests, or by both."""
