"""The vocabulary of `code-reward`: problems, extraction, the reward model's input, verdicts, shaping, selection and metrics.

Every other room imports this one and this one imports none of them. No torch, no transformers, no HTTP: it loads in well under half
a second, in a reward hook, in a client and behind `--help` alike.
"""
