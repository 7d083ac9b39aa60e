"""The unit of reward: a rollout, which is one sample, or the several that its generate function fanned it out into (`rollout_id`).

One rollout has one verdict, and one function says what it is worth (`Rollout.reward`): filter, advantages, metrics and evaluation all use
it. Where the verdict on one sample is missing, the rollout's is: slime asks no reward for a rollout of which it aborted a part.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from code_reward.errors import DataError
from code_reward_slime.refusal import Refusal
from code_reward_slime.samples import counted, flatten, mark_missing, missing_reason, record_of


@dataclass(frozen=True)
class Rollout:
    """The samples of one rollout, in their order."""

    samples: list[Any]

    @property
    def missing(self) -> str | None:
        """Why there is no verdict; None if there is one. That slime asked for no reward says less than why it did not."""
        reasons = [reason for sample in self.samples if (reason := missing_reason(sample)) is not None]
        return min(reasons, key=lambda reason: reason == "no_reward", default=None)

    @property
    def answer(self) -> Any:
        """The sample whose response was judged."""
        return next((sample for sample in self.samples if record_of(sample).get("answer")), self.samples[-1])

    @property
    def record(self) -> Mapping[str, Any]:
        """What our reward wrote; empty if another reward judged the rollout."""
        return record_of(self.answer)

    def reward(self, args: Any) -> float | None:
        """What the rollout is worth, without terms; None if the verdict is missing. Raises the error of a `Refusal`.

        Rewards that a generate function gave to the samples itself stay as they are, and the rollout is worth their mean.
        """
        if self.missing is not None:
            return None
        values = [_number(args, sample.reward) for sample in self.samples]
        return values[0] if len(set(values)) == 1 else math.fsum(values) / len(values)


def rollouts_of(samples: Iterable[Any]) -> list[Rollout]:
    """The rollouts of a group or of a whole rollout step, in the order of their first samples."""
    every = list(flatten(samples))
    # A turn that was made anew may have lost the group's number, which another turn of its rollout has kept.
    numbered = {sample.rollout_id: sample.group_index for sample in every if sample.group_index is not None}
    found: dict[Hashable, list[Any]] = {}
    for number, sample in enumerate(every):
        group = numbered.get(sample.rollout_id) if sample.group_index is None else sample.group_index
        key = ("sample", number) if sample.rollout_id is None else (group, sample.rollout_id)
        found.setdefault(key, []).append(sample)
    return [Rollout(members) for members in found.values()]


def groups_of(args: Any, rollouts: Sequence[Rollout]) -> list[Hashable]:
    """Which prompt each rollout answers: the `group_index` of its samples, or what slime's numbers in `index` say where a generate function
    made samples without one. Raises `DataError` where more than one prompt's have neither."""
    size = getattr(args, "n_samples_per_prompt", None) or len(rollouts)
    first = [next((one for one in rollout.samples if one.group_index is not None), rollout.samples[0]) for rollout in rollouts]
    groups = [sample.index // size if sample.group_index is None and sample.index is not None else sample.group_index for sample in first]
    if groups.count(None) > size:
        raise DataError(
            "Samples have neither group_index nor index, so nobody knows which prompt they answer; "
            "have the generate function copy both from the sample that it is given."
        )
    return list(groups)


def settle(args: Any, samples: Iterable[Any]) -> list[Rollout]:
    """The rollouts, after what is missing has been marked on every sample of theirs: what slime aborted, what nobody rewarded."""
    rollouts = rollouts_of(samples)
    for rollout in rollouts:
        reason = rollout.missing
        if reason is None and any(counted(args, sample.reward) is None for sample in rollout.samples):
            reason = "no_reward"
        if reason is not None:
            for sample in rollout.samples:
                mark_missing(args, sample, reason)
    return rollouts


def _number(args: Any, reward: Any) -> float:
    """The number that a reward function gave."""
    reward = counted(args, reward)
    if isinstance(reward, Refusal):
        raise reward.error
    return float(reward)
