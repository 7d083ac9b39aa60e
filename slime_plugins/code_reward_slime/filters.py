"""slime's `--dynamic-sampling-filter-path`: which groups teach something, for rewards that are not just 0 and 1."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from code_reward_slime.health import HEALTH
from code_reward_slime.post_process import reward_of
from code_reward_slime.samples import flatten, is_missing, record_of, rollout_keys
from code_reward_slime.settings import Settings, read_settings


def informative_group(args: Any, samples: Any, **options: Any) -> Any:
    """Whether a group is kept, as slime's `DynamicFilterOutput`; a dropped one says why, and slime counts the reasons.

    - `missing`: too large a share of its verdicts is missing, or fewer than two are there.
    - `rejected`: all its answers are rejected, or too large a share.
    - `spread`: the standard deviation of its rewards is below `code_reward_filter_min_spread`: its advantages would be noise.

    Raises:
        `CodeRewardError`: The run must stop. Dropping groups for ever would hide an outage.
    """
    from slime.rollout.filter_hub.base_types import DynamicFilterOutput

    settings = read_settings(args)
    error = HEALTH.error(settings)
    if error is not None:
        raise error
    reason = _reason(args, settings, list(flatten(samples)))
    return DynamicFilterOutput(
        keep=reason is None, reason=reason, keep_when_insufficient=reason != "missing" and settings.filter_keep_when_insufficient
    )


def _reason(args: Any, settings: Settings, samples: Sequence[Any]) -> str | None:
    rewards: dict[tuple[str, int], float] = {}
    rejected = 0
    for sample, rollout in zip(samples, rollout_keys(list(samples)), strict=True):
        if not is_missing(sample):
            rewards[rollout] = reward_of(args, sample)
            rejected += record_of(sample).get("verdict") == "rejected"
    there = len(samples) - sum(map(is_missing, samples))
    if len(rewards) < 2 or len(samples) - there > settings.filter_max_missing * len(samples):
        return "missing"
    if rejected == there or rejected > settings.filter_max_rejected * there:
        return "rejected"
    return "spread" if spread_of(list(rewards.values())) < settings.filter_min_spread else None


def spread_of(rewards: Sequence[float]) -> float:
    """The unbiased standard deviation of two or more rewards."""
    mean = math.fsum(rewards) / len(rewards)
    return math.sqrt(math.fsum((reward - mean) ** 2 for reward in rewards) / (len(rewards) - 1))
