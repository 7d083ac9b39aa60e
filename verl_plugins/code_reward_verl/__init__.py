"""Rewards for verl: a reward function and a reward manager over the served reward model, and problems as verl's data.

Nothing here is a second client or a second verdict: `RewardClient` asks, `code_reward` shapes. See docs/verl.md.
"""
