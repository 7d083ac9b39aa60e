"""How good is it? Policies and reward models on the field's published benchmarks, judged by the published referees.

`python -m benchmarks.policy` measures a policy, `python -m benchmarks.reward_model` a reward model. Nothing imports this room.
"""
