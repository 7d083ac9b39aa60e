"""What is added to the training rewards of a group beside the verdicts: penalties for length, a bonus for form; numbers with names.

Terms come after the verdicts and never stand in for them. Whether a group teaches anything, and how large its advantages are, is decided by
its verdicts alone (`code_reward.advantages`). By default only right answers have terms, and none falls below one that has none: a penalty
takes at most half of what an answer is worth more than the best of those. Among right answers terms decide, as they are meant to. There are
none in an evaluation.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from typing import Any

from code_reward_slime.rollouts import Rollout, groups_of
from code_reward_slime.samples import write_record
from code_reward_slime.settings import Overlong, Settings
from code_reward_slime.trainer import written_tokens


def group_terms(args: Any, settings: Settings, rollouts: Sequence[Rollout], rewards: Sequence[float | None]) -> list[dict[str, float]]:
    """The terms of each rollout of one group, by name, without those that are not switched on; also written into their records.

    - `length`: `-length_penalty` per 1000 tokens that the policy wrote.
    - `overlong`: see `Overlong` (DAPO, Yu et al. 2025, section 3.4).
    - `format`: `format_bonus` for an accepted answer with exactly one program block, closed.

    Args:
        rewards (`Sequence[float | None]`): What each rollout is worth by its verdict.
    """
    chosen = _chosen(settings, rewards)
    below = [reward for reward, is_chosen in zip(rewards, chosen, strict=True) if reward is not None and not is_chosen]
    terms: list[dict[str, float]] = []
    for rollout, reward, is_chosen in zip(rollouts, rewards, chosen, strict=True):
        own = _terms(args, settings, rollout) if is_chosen and rollout.record else {}
        if settings.terms_for == "right" and reward is not None and below:
            own = _within(own, (reward - max(below)) / 2)
        terms.append(own)
        for sample in rollout.samples if rollout.record else ():
            write_record(sample, {**rollout.record, "answer": sample is rollout.answer, "terms": own})
    return terms


def _chosen(settings: Settings, rewards: Sequence[float | None]) -> list[bool]:
    """Which rollouts have terms: with `right` those not below the median and above the lowest; one alone always."""
    there = [reward for reward in rewards if reward is not None]
    if settings.terms_for == "all" or len(there) < 2:
        return [reward is not None for reward in rewards]
    median, lowest = statistics.median(there), min(there)
    return [reward is not None and reward >= median and reward > lowest for reward in rewards]


def _terms(args: Any, settings: Settings, rollout: Rollout) -> dict[str, float]:
    terms = {}
    if settings.length_penalty:
        terms["length"] = -settings.length_penalty * sum(written_tokens(args, sample) for sample in rollout.samples) / 1000
    if settings.overlong is not None:
        terms["overlong"] = -overlong_penalty(max(sample.response_length for sample in rollout.samples), settings.overlong)
    if settings.format_bonus:
        terms["format"] = settings.format_bonus * (rollout.record["verdict"] == "scored" and bool(rollout.record.get("one_block")))
    return terms


def _within(terms: dict[str, float], room: float) -> dict[str, float]:
    """The terms with their penalties made smaller in proportion where together they would take more than `room`."""
    penalty, bonus = -sum(min(term, 0.0) for term in terms.values()), sum(max(term, 0.0) for term in terms.values())
    if not penalty or penalty - bonus <= room:
        return terms
    share = (room + bonus) / penalty
    return {name: term * share if term < 0 else term for name, term in terms.items()}


def overlong_penalty(tokens: int, overlong: Overlong) -> float:
    """From 0 to `overlong.penalty`."""
    beyond = tokens - (overlong.tokens - overlong.buffer)
    return overlong.penalty * min(max(beyond / overlong.buffer, 0.0), 1.0)


def terms_of(args: Any, settings: Settings, rollouts: Sequence[Rollout]) -> list[dict[str, float]]:
    """`group_terms` of the rollouts of many groups, in their order."""
    if not (settings.length_penalty or settings.overlong or settings.format_bonus):
        return [{} for _ in rollouts]
    members: dict[Any, list[int]] = {}
    for number, group_key in enumerate(groups_of(args, rollouts)):
        members.setdefault(group_key, []).append(number)
    found: list[dict[str, float]] = [{} for _ in rollouts]
    for numbers in members.values():
        group = [rollouts[number] for number in numbers]
        for number, terms in zip(numbers, group_terms(args, settings, group, [rollout.reward(args) for rollout in group]), strict=True):
            found[number] = terms
    return found
