"""Rewards for TRL's trainers: the served reward model, unit tests, and the validity check alone.

Each function here makes an async reward function with TRL's signature. A missing verdict is `None`, which TRL (1.16 and later) leaves
out of its group's statistics with an advantage of 0; when too many verdicts of one call are missing, the call raises, so that a dead
server stops the run instead of starving it. The rewards read the data set's columns `statement`, `entry_point` and, for unit tests,
`tests`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Literal

from pydantic import TypeAdapter

from code_reward.errors import RewardServerError
from code_reward.extraction import extract_code
from code_reward.problem import Test
from code_reward.shaping import shape
from code_reward.verdict import Missing, Rejected, Scored, Verdict
from reward_servers.client import RewardClient
from reward_servers.sandbox.outcome import Limits, Sandbox, to_verdict

Completion = str | list[dict[str, str]]
RewardFunction = Callable[..., Awaitable[list[float | None]]]

_TESTS: TypeAdapter[list[Test]] = TypeAdapter(list[Test])


def model_reward(client: RewardClient, *, shaping: str = "default", max_missing: float = 0.5) -> RewardFunction:
    """The shaped score of a served reward model.

    Args:
        client (`RewardClient`): Asks the server; extraction and the model's input are the checkpoint's own.
        shaping (`str`, *optional*, defaults to `"default"`): A preset of `code_reward.shaping`.
        max_missing (`float`, *optional*, defaults to 0.5): Share of missing verdicts in one call above which `RewardServerError` is raised.
    """

    async def model(
        completions: Sequence[Completion], statement: Sequence[str], entry_point: Sequence[str | None], **columns: Any
    ) -> list[float | None]:
        answers = zip(statement, completions, entry_point, strict=True)
        judged = await asyncio.gather(*(client.verdict(text, content(completion), name) for text, completion, name in answers))
        return _shape_all([item.verdict for item in judged], shaping, max_missing, columns)

    model.__name__ = "model_reward"
    return model


def unit_test_reward(
    sandbox: Sandbox, *, reward: Literal["binary", "fraction"] = "binary", limits: Limits | None = None, max_missing: float = 0.5
) -> RewardFunction:
    """What executed tests say; an answer without a program gets 0.

    Args:
        sandbox (`Sandbox`): Runs the programs.
        reward (`str`, *optional*, defaults to `"binary"`): 1 when every test passes and else 0, or the share of tests passed.
        limits (`Limits`, *optional*): What a program may use.
        max_missing (`float`, *optional*, defaults to 0.5): Share of missing verdicts in one call above which `RewardServerError` is raised.

    The data set's column `tests` holds each problem's tests as JSON text.
    """
    limits = (limits or Limits()).model_copy(update={"stop_at_first_failure": reward == "binary"})

    async def judge(completion: Completion, tests: str, name: str | None) -> Verdict:
        extraction = extract_code(content(completion), entry_point=name)
        if extraction.code is None:
            return Scored(0.0)
        parsed = _TESTS.validate_json(tests)
        outcome = await sandbox.run(extraction.code, parsed, entry_point=name, limits=limits)
        return to_verdict(outcome, total=len(parsed), reward=reward)

    async def unit_tests(
        completions: Sequence[Completion], tests: Sequence[str], entry_point: Sequence[str | None], **columns: Any
    ) -> list[float | None]:
        verdicts = await asyncio.gather(*(judge(*answer) for answer in zip(completions, tests, entry_point, strict=True)))
        return _shape_all(verdicts, "raw", max_missing, columns)

    unit_tests.__name__ = "unit_test_reward"
    return unit_tests


def syntax_reward() -> RewardFunction:
    """1 when a program extracts, else 0: what remains of a reward model's reward without the model."""

    async def syntax(completions: Sequence[Completion], entry_point: Sequence[str | None], **columns: Any) -> list[float | None]:
        answers = zip(completions, entry_point, strict=True)
        return [float(extract_code(content(completion), entry_point=name).code is not None) for completion, name in answers]

    syntax.__name__ = "syntax_reward"
    return syntax


def content(completion: Completion) -> str:
    """The text of a completion, which TRL gives as a string or, for chat prompts, as messages."""
    return completion if isinstance(completion, str) else "".join(message["content"] for message in completion)


def _shape_all(verdicts: Sequence[Verdict], shaping: str, max_missing: float, columns: dict[str, Any]) -> list[float | None]:
    missing = [verdict for verdict in verdicts if isinstance(verdict, Missing)]
    share = len(missing) / max(len(verdicts), 1)
    log = columns.get("log_metric")
    if log is not None:
        log("missing", share)
        log("rejected", sum(isinstance(verdict, Rejected) for verdict in verdicts) / max(len(verdicts), 1))
    if share > max_missing:
        reasons = ", ".join(sorted({verdict.reason for verdict in missing}))
        raise RewardServerError(f"{share:.0%} of the verdicts are missing ({reasons}); check the reward server, then rerun to resume.")
    return [shape(verdict, shaping, rejected=0.0 if shaping == "raw" else None) for verdict in verdicts]
