"""What gives scores: a reward model in this process, a served one, or a causal language model that was never trained to.

All give a verdict per item, in order: a score, `Rejected` where the reward model's input takes no such answer, `Missing` where we could
not tell.

How an answer is read. A reward model that reads whole answers gets the answer as it stands, whatever its language. One that reads bare
programs gets, of fenced Python, what it gets in training: the extracted program, if it is valid. Of another language it gets the last
fenced block, and of an answer without any (two of RM-Bench's three styles) all of it: nothing here can say what of that is a program.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from benchmarks.rewards.row import Item
from code_reward.errors import ConfigurationError
from code_reward.fences import find_fences
from code_reward.reference import Dtype
from code_reward.rm_input import FILE, PRESETS, Encoded, RMInput, RMInputSettings
from code_reward.turns import final_answer
from code_reward.verdict import Missing, Rejected, Scored, Verdict


class Judge(Protocol):
    """Anything that scores."""

    def score(self, items: Sequence[Item]) -> list[Verdict]:
        """A verdict per item, in order."""
        ...


def settings_of(folder: Path, preset: str | None, system: str | None) -> RMInputSettings:
    """How a reward model reads: as its folder says, or as a preset does; with another system prompt if one is given."""
    if preset is None and not (folder / FILE).is_file():
        raise ConfigurationError(f"{folder} has no {FILE}; adopt it (python -m rm_train.adopt), or name how it reads with --preset.")
    settings = PRESETS.get(preset) if preset else RMInput.load(folder).settings
    return settings if system is None else settings.model_copy(update={"system": system})


def encode(rm_input: RMInput, item: Item) -> Encoded | Rejected:
    """The reward model's input for an item."""
    answer = f"```{item.language}\n{item.answer.rstrip()}\n```" if item.is_program else item.answer
    if rm_input.settings.part == "answer":
        return rm_input.encode(item.prompt, final_answer(answer))
    blocks = [fence.content for fence in find_fences(answer) if fence.content.strip()]
    if blocks and item.language == "python":
        return rm_input.build(item.prompt, answer)
    return rm_input.encode(item.prompt, blocks[-1] if blocks else final_answer(answer))


class FolderJudge:
    """A reward model folder, loaded here; inputs are packed.

    Args:
        folder: The checkpoint, adopted or not.
        settings: How it reads.
        dtype: Precision.
        device: Where it runs.
    """

    def __init__(self, folder: Path, settings: RMInputSettings, dtype: Dtype = "float32", device: str = "cpu") -> None:
        from reward_servers.scorer import Scorer

        self._rm_input, self._scorer = RMInput.load(folder, settings), Scorer(folder, dtype, device)

    def score(self, items: Sequence[Item]) -> list[Verdict]:
        """Raw logits."""
        encoded = [encode(self._rm_input, item) for item in items]
        logits = iter(self._scorer.logits([one.ids for one in encoded if isinstance(one, Encoded)]))
        return [_verdict(next(logits)) if isinstance(one, Encoded) else one for one in encoded]


class ServedJudge:
    """Servers of a reward model.

    Args:
        folder: The reward model's small files: code_reward.json, reference_scores.json, the tokenizer.
        urls: Where it is served.
        system: Another system prompt than the folder's.
        dtype: What the servers compute in.
    """

    def __init__(self, folder: Path, urls: Sequence[str], system: str | None = None, dtype: Dtype = "float32") -> None:
        self._folder, self._urls, self._dtype = folder, list(urls), dtype
        self._rm_input = RMInput.load(folder, settings_of(folder, None, system))

    def score(self, items: Sequence[Item]) -> list[Verdict]:
        """Raw logits; raises `RewardServerError` where a server is not there or serves another model."""
        return asyncio.run(self._score([encode(self._rm_input, item) for item in items]))

    async def _score(self, encoded: Sequence[Encoded | Rejected]) -> list[Verdict]:
        from reward_servers.client import ClientSettings, RewardClient

        async with RewardClient(self._folder, urls=self._urls, settings=ClientSettings(dtype=self._dtype)) as client:
            await client.check()
            known = [one for one in encoded if isinstance(one, Encoded)]
            verdicts = iter(await asyncio.gather(*(client.score(one.ids) for one in known)))
            return [next(verdicts) if isinstance(one, Encoded) else one for one in encoded]


def _verdict(logit: float) -> Verdict:
    return Scored(logit) if math.isfinite(logit) else Missing("not_finite")
