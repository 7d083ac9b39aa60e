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


async def generate_as_agent(args: Any, sample: Any, sampling_params: Any) -> Any:
    """Five rollouts for each prompt: a wrong one of one turn; two right ones of three turns, whose program is in the last or in the middle
    one; one of which a turn is aborted; one whose tests nobody can read. Tool turns are in the responses, and masked."""
    own = sample.index % 5
    i = sample.metadata["number"]
    right, wrong = answer(i), answer(i).replace("return ", "return 1 + ")
    texts = [[wrong], ["Let me look.", "It fails.", right], ["Hm.", right, "Done."], ["Hm.", "Hm.", right], ["Hm.", "Hm.", right]][own]
    turns = []
    for number, text in enumerate(texts):
        turn = Sample(group_index=sample.group_index, index=sample.index, rollout_id=sample.index, prompt=sample.prompt)
        turn.metadata = dict(sample.metadata) if number == 0 else {}
        turn.response, turn.tokens, turn.response_length, turn.loss_mask = text, [1, 2, 3, 4], 3, [1, 1, 0]
        turn.status = Sample.Status.ABORTED if own == 3 and number == 1 else Sample.Status.COMPLETED
        turns.append(turn)
    if own == 4:
        turns[0].metadata["tests"] = [{"kind": "prayer"}]
    return turns
