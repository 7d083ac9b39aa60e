"""A policy without a model, for slime's `--custom-generate-function-path`: it answers what a test tells it to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from slime.utils.types import Sample
from tiny_rm import answer

respond: Callable[[Any], str] = lambda sample: answer(sample.index)  # noqa: E731


async def generate(args: Any, sample: Any, sampling_params: Any) -> Any:
    """Complete the sample with two tokens and the text of `respond`."""
    sample.response = respond(sample)
    sample.tokens, sample.response_length, sample.loss_mask = [1, 2, 3], 2, [1, 1]
    sample.status = Sample.Status.COMPLETED
    return sample


async def generate_in_turns(args: Any, sample: Any, sampling_params: Any) -> Any:
    """Fan the sample out into two turns of one rollout."""
    turns = []
    for _ in range(2):
        turn = Sample(group_index=sample.group_index, index=sample.index, rollout_id=sample.index, metadata=sample.metadata)
        turns.append(await generate(args, turn, sampling_params))
    return turns
