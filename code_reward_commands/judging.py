"""The reward model behind `score` and `pick`: in this process, or at its servers. The same extraction and input either way.

Nothing is believed unchecked: a model that is loaded here must give the reference scores of its folder, and so must every server.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from code_reward.errors import ConfigurationError, RewardServerError
from code_reward.folders import require_folder
from code_reward.line_inputs import line_inputs
from code_reward.reference import Dtype, Reference, require_equal
from code_reward.rm_input import Encoded, RMInput
from code_reward.verdict import Missing, Rejected, Scored, Verdict
from code_reward_commands.answers import Answer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from reward_servers.client import RewardClient
    from reward_servers.scorer import Scorer


class Judge(Protocol):
    """A reward model that judges answers."""

    async def __call__(self, answers: Sequence[Answer]) -> list[Verdict]:
        """The verdicts, in order."""
        ...

    async def lines(self, answer: Answer) -> list[float | None]:
        """The score of the answer's program up to each of its lines (`code_reward.line_inputs`); None where there is none."""
        ...


def judging(model: Path, urls: Sequence[str], dtype: Dtype, device: str) -> AbstractAsyncContextManager[Judge]:
    """What judges answers: servers where there are `urls` (the folder's weights are not needed), else the model, loaded here.

    Raises `ConfigurationError` for a folder that is no reward model's, `RewardServerError` for scores that are not the model's.
    """
    require_folder(model, "a reward model")
    return _served(model, urls, dtype) if urls else _loaded(model, dtype, device)


_AWAY = frozenset({"unreachable", "timeout", "overloaded", "server_error"})
"""Reasons of the servers', not of an answer's."""


@dataclass(frozen=True)
class _Served:
    client: RewardClient
    urls: Sequence[str]

    async def __call__(self, answers: Sequence[Answer]) -> list[Verdict]:
        """Raises `RewardServerError` where all servers are away for as long as a verdict is waited for: what follows would fare alike."""
        asked = [(answer.statement, answer.response, answer.entry_point) for answer in answers]
        verdicts = [judged.verdict for judged in await self.client.verdicts(asked)]
        scorable = [verdict for verdict in verdicts if not isinstance(verdict, Rejected)]
        if scorable and all(isinstance(verdict, Missing) and verdict.reason in _AWAY for verdict in scorable):
            await self._require_well()
        return verdicts

    async def _require_well(self) -> None:
        # Answers that no server can score look like an outage where they are all that is left.
        try:
            await self.client.check()
        except RewardServerError as error:
            raise RewardServerError(
                f"No reward server gives verdicts any more ({', '.join(self.urls)}); start one and give the same command: it goes on.",
                kind="unreachable",
            ) from error

    async def lines(self, answer: Answer) -> list[float | None]:
        return await self.client.lines(answer.statement, answer.response, answer.entry_point)


@asynccontextmanager
async def _served(model: Path, urls: Sequence[str], dtype: Dtype) -> AsyncIterator[Judge]:
    from reward_servers.client import ClientSettings, RewardClient

    async with RewardClient(model, urls=urls, settings=ClientSettings(dtype=dtype)) as client:
        await client.check()
        yield _Served(client, urls)


@dataclass(frozen=True)
class _Loaded:
    scorer: Scorer
    rm_input: RMInput

    async def __call__(self, answers: Sequence[Answer]) -> list[Verdict]:
        built = [self.rm_input.build(answer.statement, answer.response, answer.entry_point) for answer in answers]
        # Equal inputs are scored once.
        distinct = {tuple(one.ids): one.ids for one in built if isinstance(one, Encoded)}
        scores = dict(zip(distinct, self.scorer.logits(list(distinct.values())), strict=True))
        return [one if isinstance(one, Rejected) else _verdict(scores[tuple(one.ids)]) for one in built]

    async def lines(self, answer: Answer) -> list[float | None]:
        inputs = line_inputs(self.rm_input, answer.statement, answer.response, answer.entry_point)
        logits = iter(self.scorer.logits([ids for ids in inputs if ids is not None]))
        return [None if ids is None else _score_of(_verdict(next(logits))) for ids in inputs]


@asynccontextmanager
async def _loaded(model: Path, dtype: Dtype, device: str) -> AsyncIterator[Judge]:
    rm_input, reference = RMInput.load(model), Reference.load(model)
    try:
        # Takes seconds to import; what is wrong with the folder is said before.
        from reward_servers.scorer import Scorer
    except ImportError as error:
        raise ConfigurationError(f"{error}; install code-reward[serve], or give --url and leave the model to a server.") from error
    scorer = Scorer(model, dtype, device)
    require_equal(reference, scorer.logits([item.ids for item in reference.items]), dtype, str(model))
    yield _Loaded(scorer, rm_input)


def _verdict(logit: float) -> Verdict:
    return Scored(logit) if math.isfinite(logit) else Missing("not_finite")


def _score_of(verdict: Verdict) -> float | None:
    return verdict.value if isinstance(verdict, Scored) else None
