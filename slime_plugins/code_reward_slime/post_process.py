"""slime's `--custom-reward-post-process-path`: from the rewards of a rollout to its advantages, without the missing ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from code_reward import advantages
from code_reward_slime.data_source import rollout_finished
from code_reward_slime.health import HEALTH, too_many_missing
from code_reward_slime.refusal import Refusal
from code_reward_slime.samples import is_missing, record_of, rollout_keys
from code_reward_slime.settings import Settings, read_settings
from code_reward_slime.wiring import handles_missing


@handles_missing
def group_advantages(args: Any, samples: Any) -> tuple[list[float], list[float]]:
    """The raw rewards, for slime's logs, and the advantages, for its loss, of a rollout's samples.

    Samples with a missing verdict are in no group's statistics, have the advantage 0 and are taken out of the loss; among the raw rewards
    they stand with the mean of the others, so that slime's mean is that of the verdicts. Groups are those of `group_index`, of any size;
    samples with one `rollout_id` (fanned out) count once.

    Raises:
        `CodeRewardError`: The run must stop: wrong settings, another reward model, or too many missing verdicts, in this rollout or lately.
    """
    settings = read_settings(args)
    _require_health(settings, samples)
    rewards = [None if is_missing(sample) else reward_of(args, sample) for sample in samples]
    for sample in samples:
        if is_missing(sample):
            sample.remove_sample = True
    rollout_finished()
    return _without_gaps(rewards), _advantages(args, settings, samples, rewards)


def reward_of(args: Any, sample: Any) -> float:
    """The number that a reward function gave; raises the error of a `Refusal`."""
    key = getattr(args, "reward_key", None)
    reward = sample.reward[key] if key else sample.reward
    if isinstance(reward, Refusal):
        raise reward.error
    return float(reward)


def _require_health(settings: Settings, samples: Sequence[Any]) -> None:
    reasons = [str(record_of(sample).get("reason")) if is_missing(sample) else None for sample in samples]
    error = HEALTH.error(settings) or too_many_missing(reasons, "this rollout's", settings)
    if error is not None:
        raise error


def _without_gaps(rewards: Sequence[float | None]) -> list[float]:
    there = [reward for reward in rewards if reward is not None]
    mean = math.fsum(there) / len(there) if there else 0.0
    return [mean if reward is None else reward for reward in rewards]


def _advantages(args: Any, settings: Settings, samples: Sequence[Any], rewards: Sequence[float | None]) -> list[float]:
    method = method_of(args) if settings.advantages == "slime" else settings.advantages
    if method == "none":
        return [0.0 if reward is None else reward for reward in rewards]
    groups = [sample.group_index for sample in samples]
    return advantages.group_advantages(rewards, groups, rollout_keys(list(samples)), method=method, std_floor=settings.std_floor)


def method_of(args: Any) -> Literal["grpo", "dr_grpo", "none"]:
    """What slime's own normalisation would do under its flags: mean and std, mean only, or nothing (PPO, REINFORCE++)."""
    estimator = getattr(args, "advantage_estimator", "grpo")
    if estimator not in ("grpo", "gspo", "cispo", "reinforce_plus_plus_baseline") or not getattr(args, "rewards_normalization", True):
        return "none"
    return "grpo" if estimator != "reinforce_plus_plus_baseline" and getattr(args, "grpo_std_normalization", True) else "dr_grpo"
