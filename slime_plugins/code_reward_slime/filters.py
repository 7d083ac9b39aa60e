"""slime's `--dynamic-sampling-filter-path`: which groups teach something, for rewards that are not just 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from code_reward_slime import trainer
from code_reward_slime.health import HEALTH
from code_reward_slime.rollouts import Rollout, settle
from code_reward_slime.settings import Settings, read_settings


def informative_group(args: Any, samples: Any, **options: Any) -> Any:
    """Whether a group is kept, as slime's `DynamicFilterOutput`; a dropped one says why, and slime counts the reasons.

    - `missing`: too large a share of its verdicts is missing, or fewer than two are there.
    - `rejected`: all its answers are rejected, or too large a share.
    - `spread`: the standard deviation of its verdicts, without terms, is below `code_reward_filter_min_spread`: its advantages would be
      noise.

    Raises:
        `CodeRewardError`: The run must stop. Dropping groups for ever would hide an outage.
    """
    settings = read_settings(args)
    rollouts = settle(args, samples)
    for rollout in rollouts:
        if rollout.missing == "aborted":
            HEALTH.record_abort(settings)
    error = HEALTH.error(settings)
    if error is not None:
        raise error
    reason = _reason(args, settings, rollouts)
    insufficient = reason != "missing" and settings.filter_keep_when_insufficient
    return trainer.filter_output(keep=reason is None, reason=reason, keep_when_insufficient=insufficient)


def _reason(args: Any, settings: Settings, rollouts: Sequence[Rollout]) -> str | None:
    there = [rollout for rollout in rollouts if rollout.missing is None]
    if len(there) < 2 or len(rollouts) - len(there) > settings.filter_max_missing * len(rollouts):
        return "missing"
    rejected = sum(rollout.record.get("verdict") == "rejected" for rollout in there)
    if rejected == len(there) or rejected > settings.filter_max_rejected * len(there):
        return "rejected"
    rewards = [reward for rollout in there if (reward := rollout.reward(args)) is not None]
    return "spread" if spread_of(rewards) < settings.filter_min_spread else None


def spread_of(rewards: Sequence[float]) -> float:
    """The unbiased standard deviation of two or more rewards."""
    mean = math.fsum(rewards) / len(rewards)
    return math.sqrt(math.fsum((reward - mean) ** 2 for reward in rewards) / (len(rewards) - 1))
