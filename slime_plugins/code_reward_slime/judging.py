"""One judgement per rollout: how its generation ended, which of its samples is the answer, and what the judge says of that one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from code_reward.extracting import extract
from code_reward.verdict import Missing, Rejected
from code_reward_slime.aborting import unless_aborting
from code_reward_slime.judges import Judge, Judgement
from code_reward_slime.samples import metadata_of
from code_reward_slime.settings import Settings
from code_reward_slime.task import task_of
from code_reward_slime.trainer import status_of


async def judge_rollout(args: Any, settings: Settings, samples: Sequence[Any], judge: Judge) -> Judgement:
    """The judgement of a rollout's samples, in their order.

    Aborted and failed generations are nobody's answer, and a rollout with an aborted or a failed part has none. A truncated one is
    rejected, or judged if the settings allow it, where it counts if its program stands in a closed block.
    """
    statuses = {status_of(sample) for sample in samples}
    if "aborted" in statuses:
        return Judgement(Missing("aborted"))
    if "failed" in statuses:
        return Judgement(Missing("generation_failed"))
    described = described_by(samples)
    answer = await _answer(settings, samples, described)
    truncated = "truncated" in (status_of(samples[-1]), status_of(samples[answer]))
    if truncated and settings.truncated == "reject":
        return Judgement(Rejected("truncated"), answer=answer)
    judgement = await unless_aborting(args, judge(args, settings, described, samples[answer].response))
    if judgement is None:
        return Judgement(Missing("aborted"))
    if truncated and not isinstance(judgement.verdict, Missing) and (isinstance(judgement.verdict, Rejected) or not judgement.closed):
        return Judgement(Rejected("truncated"), answer=answer)
    return replace(judgement, answer=answer)


async def _answer(settings: Settings, samples: Sequence[Any], described: Any) -> int:
    """Which sample is the answer (`code_reward.rollouts.answering_turn`): from the last backwards, so that mostly one is extracted from."""
    for number in range(len(samples) - 1, 0, -1):
        extraction = await extract(samples[number].response, settings.extraction, task_of(described).entry_point)
        if extraction.attempt:
            return number
    if len(samples) == 1:
        return 0
    first = await extract(samples[0].response, settings.extraction, task_of(described).entry_point)
    return 0 if first.attempt else len(samples) - 1


def described_by(samples: Sequence[Any]) -> Any:
    """The sample that says what was asked: later turns of a rollout may have no metadata, and a tool's words for a prompt."""
    return next((sample for sample in samples if metadata_of(sample).get("statement") or metadata_of(sample).get("tests")), samples[0])
