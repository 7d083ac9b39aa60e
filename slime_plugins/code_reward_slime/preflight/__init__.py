"""Whether a run of slime can work, before a GPU is taken: `python -m code_reward_slime.preflight`, or `code-reward doctor`.

Each module checks one thing and yields rows (`row`); nothing here changes anything, and what it starts (a Ray of its own, where none runs)
it stops. A check that cannot be made here says so in a row of its own.
"""
