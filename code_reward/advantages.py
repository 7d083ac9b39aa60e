"""Advantages: what each answer's reward means among the answers to the same prompt.

A rollout may be fanned out into several training samples (one per turn, say) that share its reward; it counts once in its group's
statistics. A missing reward takes no part in them, and the advantage of its sample is 0; that the sample is also masked out of the loss
is the caller's business.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray

from code_reward.errors import ConfigurationError, DataError

Method = Literal["grpo", "dr_grpo", "rank", "leave_one_out"]

_LARGEST = 1e150
"""Squares of rewards must stay finite."""

_Values = NDArray[np.float64]
_Method = Callable[[_Values, float, float], _Values]
"""From the values of a group's rollouts, the std of its rewards, and the floor."""


def group_advantages(
    rewards: Sequence[float | None],
    groups: Sequence[Hashable],
    rollouts: Sequence[Hashable] | None = None,
    *,
    terms: Sequence[float] | None = None,
    method: Method = "grpo",
    std_floor: float = 0.01,
) -> list[float]:
    """The advantage of each sample within its group.

    - `grpo`: (reward − mean) / max(std, floor); the std is the unbiased one, as in slime and TRL.
    - `dr_grpo`: reward − mean (Liu et al. 2025: dividing by the std weighs very easy and very hard prompts up).
    - `rank`: the rank from −1 (worst) to 1 (best), ties sharing their mean rank; times std / floor where the std is below the floor.
    - `leave_one_out`: reward − mean of the *other* rollouts (RLOO).

    Terms (penalties for length, say) move a rollout within its group, but its scale is that of the rewards alone: they do not enter the
    std, and where it is below the floor they shrink with it, so that a group of equal rewards has advantages of 0 whatever its terms.

    The floor keeps a group whose rewards hardly differ from being blown up to unit variance: below it, advantages shrink in proportion
    to the spread. All methods have mean 0 over the rollouts of a group; a group with fewer than two rewarded rollouts has advantage 0.

    Args:
        rewards (`Sequence[float | None]`): One per sample; None where the verdict is missing.
        groups (`Sequence[Hashable]`): Which prompt each sample answers.
        rollouts (`Sequence[Hashable]`, *optional*): Which rollout of its group each sample is part of; by default its own. Where the
            samples of a rollout differ in reward, the rollout has the mean of those that have one.
        terms (`Sequence[float]`, *optional*): What is added to each sample's reward beside the verdict.
        method (`Method`, *optional*, defaults to `"grpo"`): See above.
        std_floor (`float`, *optional*, defaults to 0.01): In units of the reward.

    Returns:
        `list[float]`: One finite advantage per sample, in order; 0.0 for a missing reward.

    Raises:
        `DataError`: Lengths differ or a reward is not a finite number below 1e150.
        `ConfigurationError`: The method is unknown or the floor is not positive.
    """
    if method not in get_args(Method):
        raise ConfigurationError(f"Unknown advantage method {method!r}; use one of {', '.join(get_args(Method))}.")
    if not 0 < std_floor < math.inf:
        raise ConfigurationError(f"The std floor must be a positive number, not {std_floor}.")
    rollouts = range(len(rewards)) if rollouts is None else rollouts
    terms = [0.0] * len(rewards) if terms is None else terms
    if not len(rewards) == len(groups) == len(rollouts) == len(terms):
        raise DataError(
            f"{len(rewards)} rewards, {len(groups)} groups, {len(rollouts)} rollouts and {len(terms)} terms; give one of each per sample."
        )
    extra = _of_rollouts([None if reward is None else term for reward, term in zip(rewards, terms, strict=True)], groups, rollouts)
    advantages: dict[tuple[Hashable, Hashable], float] = {}
    for group, members in _of_rollouts(rewards, groups, rollouts).items():
        values, added = np.array(list(members.values())), np.array(list(extra[group].values()))
        of_group = _of_group(_METHODS[method], values, added, std_floor) if len(values) > 1 else np.zeros(len(values))
        advantages.update({(group, rollout): float(value) for rollout, value in zip(members, of_group, strict=True)})
    return [0.0 if reward is None else advantages[group, rollout] for reward, group, rollout in zip(rewards, groups, rollouts, strict=True)]


def _of_group(method: _Method, values: _Values, terms: _Values, floor: float) -> _Values:
    std = _std(values)
    return method(values + min(1.0, std / floor) * terms, std, floor)


def _of_rollouts(
    rewards: Sequence[float | None], groups: Sequence[Hashable], rollouts: Sequence[Hashable]
) -> dict[Hashable, dict[Hashable, float]]:
    found: dict[Hashable, dict[Hashable, list[float]]] = {}
    for reward, group, rollout in zip(rewards, groups, rollouts, strict=True):
        if reward is None:
            continue
        if not abs(reward) < _LARGEST:
            raise DataError(f"A reward is {reward}; a missing one must be None and a huge one shaped by a bounded preset.")
        found.setdefault(group, {}).setdefault(rollout, []).append(float(reward))
    return {group: {rollout: _mean(np.array(own)) for rollout, own in members.items()} for group, members in found.items()}


def _mean(values: _Values) -> float:
    """The same in any order, and exactly the value if all are equal, so that an indifferent group has advantages of exactly 0."""
    low = float(values.min())
    return low + math.fsum(values - low) / len(values)


def _std(values: _Values) -> float:
    return math.sqrt(math.fsum((values - _mean(values)) ** 2) / (len(values) - 1))


def _grpo(values: _Values, std: float, floor: float) -> _Values:
    return (values - _mean(values)) / max(std, floor)


def _dr_grpo(values: _Values, std: float, floor: float) -> _Values:
    return values - _mean(values)


def _leave_one_out(values: _Values, std: float, floor: float) -> _Values:
    return (values - _mean(values)) * (len(values) / (len(values) - 1))


def _rank(values: _Values, std: float, floor: float) -> _Values:
    ordered = np.sort(values)
    below, up_to = np.searchsorted(ordered, values, "left"), np.searchsorted(ordered, values, "right")
    # 2 * (mean rank) / (n - 1) - 1, where the mean rank of a run of ties is (below + up_to - 1) / 2.
    centred = (below + up_to - len(values)) / (len(values) - 1)
    shrunk: _Values = centred * min(1.0, std / floor)
    return shrunk


_METHODS: dict[Method, _Method] = {
    "grpo": _grpo,
    "dr_grpo": _dr_grpo,
    "rank": _rank,
    "leave_one_out": _leave_one_out,
}
