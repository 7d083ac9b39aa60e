"""verl's advantage estimator `code_reward_group`: `code_reward.advantages.group_advantages` over verl's tensors.

A row whose score is NaN has no verdict: it is left out of its group's statistics and of the loss, entropy and KL included. When more than
half of a batch are missing, the run stops: what is left says more of the outage than of the policy.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from verl.trainer.ppo.core_algos import register_adv_est

from code_reward.advantages import group_advantages
from code_reward.errors import RewardServerError

ESTIMATOR = "code_reward_group"


@register_adv_est(ESTIMATOR)
def compute_group_advantage(
    token_level_rewards: torch.Tensor, response_mask: torch.Tensor, index: np.ndarray, config: Any = None, **others: Any
) -> tuple[torch.Tensor, torch.Tensor]:
    """Advantages and returns, both (rows, tokens).

    Args:
        token_level_rewards (`torch.Tensor`): (rows, tokens); a row's reward is its sum.
        response_mask (`torch.Tensor`): (rows, tokens); 1 where the policy's own tokens are; the batch's own, which becomes 0 in such rows.
        index (`np.ndarray`): (rows,); which prompt each row answers.
        config (`AlgoConfig`, *optional*): `norm_adv_by_std_in_grpo` chooses between `grpo` and `dr_grpo`.

    Raises:
        `RewardServerError`: More than half of the batch have no verdict.
    """
    rewards = [None if np.isnan(value) else value for value in token_level_rewards.sum(dim=-1).double().cpu().tolist()]
    missing = sum(reward is None for reward in rewards)
    if missing > len(rewards) / 2:
        raise RewardServerError(f"{missing} of {len(rewards)} verdicts of a batch are missing; check the reward server, then resume.")
    response_mask[[row for row, reward in enumerate(rewards) if reward is None]] = 0
    scaled = config is None or config.get("norm_adv_by_std_in_grpo", True)
    advantages = group_advantages(rewards, list(index), method="grpo" if scaled else "dr_grpo")
    table = torch.tensor(advantages, dtype=torch.float32, device=token_level_rewards.device).unsqueeze(-1) * response_mask
    return table, table
