"""Rewards for verl: reward functions and a reward manager over the served reward model and over tests, and an advantage estimator.

Nothing here is a second client or a second verdict: `RewardClient` asks, `code_reward` shapes. See docs/verl.md.
"""
