"""From a sample to a verdict: the reward model's, the tests', or both. What the number is worth in training is not decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from code_reward.errors import ConfigurationError, RewardServerError
from code_reward.hybrid import hybrid
from code_reward.problem import runnable
from code_reward.verdict import Missing, Rejected, Verdict, to_record
from code_reward_slime.connections import reward_client, sandbox
from code_reward_slime.extracting import extract
from code_reward_slime.samples import is_training
from code_reward_slime.settings import PREFIX, Settings
from code_reward_slime.task import problem_of, task_of
from reward_servers.sandbox.outcome import to_verdict


@dataclass(frozen=True)
class Judgement:
    """A verdict, and what else the sample's record says of it."""

    verdict: Verdict
    details: dict[str, Any] = field(default_factory=dict)


Judge = Callable[[Any, Settings, Any], Coroutine[Any, Any, Judgement]]


async def by_model(args: Any, settings: Settings, sample: Any) -> Judgement:
    """The raw score of the reward model.

    Raises `ConfigurationError` if there is none to ask, and `RewardServerError` if all that can be asked is another one; an answer that is
    rejected by itself is, first.
    """
    task = task_of(sample)
    details: dict[str, Any] = {"statement": task.source}
    try:
        client = await reward_client(args, settings)
    except ConfigurationError:
        extraction = await extract(sample.response, settings.extraction, task.entry_point)
        if extraction.reason is None:
            raise
        return Judgement(Rejected(extraction.reason), details)
    if task.statement is None:
        return Judgement(Missing("no_statement"), details)
    judged = await client.verdict(task.statement, sample.response, task.entry_point)
    if judged.verdict == Missing("wrong_model"):
        raise RewardServerError(
            f"What answers as the reward model is not the one in {PREFIX}rm_dir ({settings.rm_dir}); see the log for the difference, "
            "and correct the server, its address or the folder.",
            kind="wrong_model",
        )
    details |= {"cut": judged.cut, "seconds": judged.seconds, "rm": judged.rm, "cached": judged.cached}
    return Judgement(judged.verdict, details)


async def by_tests(args: Any, settings: Settings, sample: Any) -> Judgement:
    """1 or 0, or in training the share of the tests passed if the settings say so; `Missing("no_tests")` for a problem without any.

    A held-out sample is right or it is not: the mean of an evaluation is pass@1 whatever the training counts.
    """
    problem = problem_of(sample)
    if not problem.tests:
        return Judgement(Missing("no_tests"))
    extraction = await extract(sample.response, settings.extraction, problem.entry_point)
    if extraction.code is None:
        return Judgement(Rejected(str(extraction.reason)))
    limits = settings.sandbox_limits
    counted = settings.tests_reward if is_training(sample) else "binary"
    if counted == "fraction":
        limits = limits.model_copy(update={"stop_at_first_failure": False})
    box = await sandbox(settings)
    program = runnable(problem, extraction.code)
    try:
        work = box.run(program, problem.tests, entry_point=problem.entry_point, limits=limits)
        outcome = await asyncio.wait_for(work, settings.sandbox_seconds)
    except asyncio.TimeoutError:
        return Judgement(Missing("sandbox_timeout"))
    return Judgement(to_verdict(outcome, total=len(problem.tests), reward=counted), {"outcome": outcome.kind})


async def by_both(args: Any, settings: Settings, sample: Any) -> Judgement:
    """A score in [0, 1] of `code_reward.hybrid`; the record keeps what each part said. A part that cannot matter is not asked."""
    tests = model = None
    if settings.hybrid_mode == "weighted":
        tests, model = await asyncio.gather(by_tests(args, settings, sample), by_model(args, settings, sample))
    else:
        tests = await by_tests(args, settings, sample)
        if tests.verdict == Missing("no_tests") or (settings.hybrid_stand_in and isinstance(tests.verdict, Missing)):
            model = await by_model(args, settings, sample)
    verdict = hybrid(
        None if tests.verdict == Missing("no_tests") else tests.verdict,
        Missing("not_asked") if model is None else model.verdict,
        mode=settings.hybrid_mode,
        tests_weight=settings.hybrid_tests_weight,
        stand_in=settings.hybrid_stand_in,
    )
    parts = {"tests": to_record(tests.verdict), "model": to_record(model.verdict) if model else None}
    return Judgement(verdict, {**tests.details, **(model.details if model else {}), "parts": parts})


async def despite_status(args: Any, settings: Settings, sample: Any, status: str) -> Verdict | None:
    """The verdict that a generation's end decides alone, None if it is to be judged.

    Aborted and failed generations are nobody's answer; a truncated one may be judged if the settings allow it and its program is complete.
    """
    if status == "aborted":
        return Missing("aborted")
    if status == "failed":
        return Missing("generation_failed")
    if status != "truncated":
        return None
    if settings.truncated == "reject":
        return Rejected("truncated")
    extraction = await extract(sample.response, settings.extraction, task_of(sample).entry_point)
    return None if extraction.code is not None and extraction.closed else Rejected("truncated")
