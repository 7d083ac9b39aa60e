"""`code-reward rescore`: the stored rollouts of a run judged again, offline, by any reward: reward model, tests, a language model."""
