"""Rewards for TRL's trainers: the served reward model, unit tests, and the validity check alone.

Each function here makes an async reward function with TRL's signature. A missing verdict is `None`, which TRL (1.14 and later) leaves
out of its group's statistics with an advantage of 0; when too many verdicts of one call are missing, the call raises, so that a dead
server stops the run instead of starving it. Of a conversation only what the assistant itself wrote is judged, and of several turns the last
one with a program: what a tool shows is nobody's answer. The rewards read the data set's columns `entry_point` and, with a reward model,
`statement`, with unit tests `starter_code`, `tests` and `time_limit_seconds`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from pydantic import TypeAdapter, ValidationError

from code_reward.errors import DataError, RewardServerError, explain
from code_reward.extraction import extract_code
from code_reward.problem import Problem, Test, runnable
from code_reward.rollouts import answer_of
from code_reward.shaping import shape
from code_reward.verdict import Missing, Rejected, Verdict
from code_reward.weighted_tests import weigh
from reward_servers.client import RewardClient
from reward_servers.sandbox.outcome import Limits, Sandbox, TestsReward, passed_tests, to_verdict

Completion = str | list[dict[str, Any]]
RewardFunction = Callable[..., Awaitable[list[float | None]]]

_TESTS: TypeAdapter[list[Test]] = TypeAdapter(list[Test])


def model_reward(
    client: RewardClient, *, shaping: str = "default", rejected: float | None = None, max_missing: float = 0.5
) -> RewardFunction:
    """The shaped score of a served reward model.

    Args:
        client (`RewardClient`): Asks the server; extraction and the model's input are the checkpoint's own.
        shaping (`str`, *optional*, defaults to `"default"`): A preset of `code_reward.shaping`.
        rejected (`float`, *optional*): The reward of a rejected answer, for a preset that has none of its own (`raw`).
        max_missing (`float`, *optional*, defaults to 0.5): Share of missing verdicts in one call above which `RewardServerError` is raised.

    Raises `ConfigurationError` for a preset that is unknown, lacks a value for rejected answers or has its own.
    """
    # A preset fails on its own terms; better now than at the first answer.
    shape(Rejected("no_code"), shaping, rejected=rejected)

    async def model(
        completions: Sequence[Completion], statement: Sequence[str], entry_point: Sequence[str | None], **columns: Any
    ) -> list[float | None]:
        answers = zip(statement, completions, entry_point, strict=True)
        judged = await asyncio.gather(*(client.verdict(text, content(completion, name), name) for text, completion, name in answers))
        return _shape_all([item.verdict for item in judged], shaping, rejected, max_missing, columns)

    model.__name__ = "model_reward"
    return model


def unit_test_reward(
    sandbox: Sandbox, *, reward: TestsReward = "binary", limits: Limits | None = None, max_missing: float = 0.5
) -> RewardFunction:
    """What executed tests say; an answer without a program gets 0, and one to a problem without tests no verdict.

    Args:
        sandbox (`Sandbox`): Runs the programs.
        reward (`str`, *optional*, defaults to `"binary"`): 1 when every test passes and else 0; `fraction`: the share of tests passed;
            `difficulty`: that share with tests weighted by how few of the same problem's completions pass them.
        limits (`Limits`, *optional*): What a program may use.
        max_missing (`float`, *optional*, defaults to 0.5): Share of missing verdicts in one call above which `RewardServerError` is raised.

    The data set's column `tests` holds each problem's tests as JSON text, `starter_code` what stands before its programs,
    `time_limit_seconds` the CPU seconds per test that a problem's authors allow, where those are more than the limit.
    """
    limits = (limits or Limits()).model_copy(update={"stop_at_first_failure": reward == "binary"})

    async def judge(completion: Completion, problem: Problem) -> tuple[Verdict, list[bool] | None]:
        if not problem.tests:
            return Missing("no_tests"), None
        extraction = extract_code(content(completion, problem.entry_point), entry_point=problem.entry_point)
        if extraction.code is None:
            return Rejected(str(extraction.reason)), None
        program = runnable(problem, extraction.code)
        outcome = await sandbox.run(
            program, problem.tests, entry_point=problem.entry_point, limits=limits.allowing(problem.time_limit_seconds)
        )
        total = len(problem.tests)
        return to_verdict(outcome, total=total, reward=reward), passed_tests(outcome, total)

    async def unit_tests(
        completions: Sequence[Completion],
        entry_point: Sequence[str | None],
        tests: Sequence[str | None],
        starter_code: Sequence[str | None] | None = None,
        time_limit_seconds: Sequence[float | None] | None = None,
        **columns: Any,
    ) -> list[float | None]:
        starters, times = starter_code or [""] * len(tests), time_limit_seconds or [None] * len(tests)
        problems = [_problem(*row) for row in zip(entry_point, starters, tests, times, strict=True)]
        judged = await asyncio.gather(*(judge(*answer) for answer in zip(completions, problems, strict=True)))
        verdicts, passed = [verdict for verdict, _ in judged], [which for _, which in judged]
        if reward == "difficulty":
            verdicts = weigh(verdicts, passed, list(zip(entry_point, tests, strict=True)))
        return _shape_all(verdicts, "raw", 0.0, max_missing, columns)

    unit_tests.__name__ = "unit_test_reward"
    return unit_tests


def _problem(entry_point: str | None, starter_code: str | None, tests: str | None, time_limit_seconds: float | None) -> Problem:
    """What running its tests needs to know of a problem: neither its name nor its statement."""
    try:
        found = _TESTS.validate_json(tests or "[]")
        known = {"starter_code": starter_code or "", "tests": found, "time_limit_seconds": time_limit_seconds}
        return Problem.model_validate({"id": "-", "statement": "-", "entry_point": entry_point, **known})
    except ValidationError as error:
        raise DataError(
            f"A row's tests are not what code_reward.problem.describe writes as JSON ({explain(error)}); write the data again."
        ) from error


def syntax_reward() -> RewardFunction:
    """1 when a program extracts, else 0: what remains of a reward model's reward without the model."""

    async def syntax(completions: Sequence[Completion], entry_point: Sequence[str | None], **columns: Any) -> list[float | None]:
        answers = zip(completions, entry_point, strict=True)
        return [float(extract_code(content(completion, name), entry_point=name).code is not None) for completion, name in answers]

    syntax.__name__ = "syntax_reward"
    return syntax


def content(completion: Completion, entry_point: str | None = None) -> str:
    """The answer of a completion, which TRL gives as a string or, for chat prompts, as messages.

    Of messages it is the assistant's last one with a program (`code_reward.rollouts`). A message may have no content (a tool call), or
    its text in parts.
    """
    if isinstance(completion, str):
        return completion
    return answer_of([_text(message.get("content")) for message in completion if message.get("role") == "assistant"], entry_point)


def _text(content: Any) -> str:
    if isinstance(content, list):
        return "".join(str(part.get("text") or "") for part in content if isinstance(part, dict))
    return content or ""


def _shape_all(
    verdicts: Sequence[Verdict], shaping: str, rejected: float | None, max_missing: float, columns: dict[str, Any]
) -> list[float | None]:
    missing = [verdict for verdict in verdicts if isinstance(verdict, Missing)]
    share = len(missing) / max(len(verdicts), 1)
    log = columns.get("log_metric")
    if log is not None:
        log("missing", share)
        log("rejected", sum(isinstance(verdict, Rejected) for verdict in verdicts) / max(len(verdicts), 1))
    if share > max_missing:
        reasons = ", ".join(sorted({verdict.reason for verdict in missing}))
        raise RewardServerError(f"{share:.0%} of the verdicts are missing ({reasons}); check the reward server, then rerun to resume.")
    return [shape(verdict, shaping, rejected=rejected) for verdict in verdicts]
