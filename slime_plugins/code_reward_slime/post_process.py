"""slime's `--custom-reward-post-process-path`: from the rewards of a rollout step to its advantages, without the missing ones."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from code_reward import advantages
from code_reward_slime.data_source import rollout_finished
from code_reward_slime.health import HEALTH, too_many_missing
from code_reward_slime.rollouts import Rollout, groups_of, settle
from code_reward_slime.settings import Settings, read_settings
from code_reward_slime.terms import terms_of
from code_reward_slime.wiring import handles_missing


@handles_missing
def group_advantages(args: Any, samples: Any) -> tuple[list[float], list[float]]:
    """The raw rewards, for slime's logs, and the advantages, for its loss, of a rollout step's samples.

    Groups are those of one prompt, of any size; the samples of a rollout (`rollouts`) count once and have the same advantage. Rollouts
    with a missing verdict are in no group's statistics, have the advantage 0 and are taken out of the loss; among the raw rewards they
    stand with the mean of the others, so that slime's mean is that of the verdicts. Raw rewards are without terms (`terms`), advantages
    with them.

    Raises:
        `CodeRewardError`: The run must stop: wrong settings, another reward model, or too many missing verdicts, in this step or lately.
    """
    settings = read_settings(args)
    rollouts = settle(args, samples)
    _require_health(settings, rollouts)
    rewards = [rollout.reward(args) for rollout in rollouts]
    rollout_finished()
    of_sample = {id(sample): number for number, rollout in enumerate(rollouts) for sample in rollout.samples}
    numbers = [of_sample[id(sample)] for sample in samples]
    found = _advantages(args, settings, rollouts, rewards)
    return _without_gaps([rewards[number] for number in numbers]), [found[number] for number in numbers]


def _require_health(settings: Settings, rollouts: Sequence[Rollout]) -> None:
    error = HEALTH.error(settings) or too_many_missing([rollout.missing for rollout in rollouts], "this rollout's", settings)
    if error is not None:
        raise error


def _without_gaps(rewards: Sequence[float | None]) -> list[float]:
    there = [reward for reward in rewards if reward is not None]
    mean = math.fsum(there) / len(there) if there else 0.0
    return [mean if reward is None else reward for reward in rewards]


def _advantages(args: Any, settings: Settings, rollouts: Sequence[Rollout], rewards: Sequence[float | None]) -> list[float]:
    """One per rollout."""
    terms = [math.fsum(own.values()) for own in terms_of(args, settings, rollouts)]
    method = method_of(args) if settings.advantages == "slime" else settings.advantages
    if method == "none":
        return [0.0 if reward is None else reward + term for reward, term in zip(rewards, terms, strict=True)]
    return advantages.group_advantages(rewards, groups_of(args, rollouts), terms=terms, method=method, std_floor=settings.std_floor)


def method_of(args: Any) -> Literal["grpo", "dr_grpo", "none"]:
    """What slime's own normalisation would do under its flags: mean and std, mean only, or nothing (PPO)."""
    estimator = getattr(args, "advantage_estimator", "grpo")
    if estimator not in ("grpo", "gspo", "cispo", "reinforce_plus_plus_baseline") or not getattr(args, "rewards_normalization", True):
        return "none"
    return "grpo" if estimator != "reinforce_plus_plus_baseline" and getattr(args, "grpo_std_normalization", True) else "dr_grpo"
