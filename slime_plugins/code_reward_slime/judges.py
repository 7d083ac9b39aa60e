"""From a sample to a verdict: of the reward model, of tests, of a judge. What the number is worth in training is not decided here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from code_reward.deadlines import within
from code_reward.errors import ConfigurationError, RewardServerError
from code_reward.extracting import extract
from code_reward.hybrid import hybrid
from code_reward.problem import runnable
from code_reward.verdict import Missing, Rejected, Scored, Verdict, to_record
from code_reward_slime.connections import judge_client, reward_client, sandbox
from code_reward_slime.explaining import explain
from code_reward_slime.settings import PREFIX, Settings
from code_reward_slime.task import problem_of, task_of
from code_reward_slime.trainer import is_training
from reward_servers.sandbox.outcome import passed_tests, to_verdict


@dataclass(frozen=True)
class Judgement:
    """A verdict, and what else the sample's record says of it.

    `closed`, `one_block`: of the answer's extraction. `answer`: which sample of a rollout was judged.
    """

    verdict: Verdict
    details: dict[str, Any] = field(default_factory=dict)
    closed: bool = True
    one_block: bool = False
    answer: int = 0


Judge = Callable[[Any, Settings, Any, str], Coroutine[Any, Any, Judgement]]
"""From arguments, settings, the sample that says what was asked, and the response that is the answer."""


async def by_model(args: Any, settings: Settings, sample: Any, response: str) -> Judgement:
    """The raw score of the reward model.

    Raises `ConfigurationError` if there is none to ask, and `RewardServerError` if all that can be asked is another one; an answer that is
    rejected by itself is, first.
    """
    task = task_of(sample)
    details: dict[str, Any] = {"statement": task.source}
    try:
        client = await reward_client(args, settings)
    except ConfigurationError:
        extraction = await extract(response, settings.extraction, task.entry_point)
        if extraction.reason is None:
            raise
        return Judgement(Rejected(extraction.reason), details)
    if task.statement is None:
        return Judgement(Missing("no_statement"), details)
    judged = await client.verdict(task.statement, response, task.entry_point)
    if judged.verdict == Missing("wrong_model"):
        raise RewardServerError(
            f"What answers as the reward model is not the one in {PREFIX}rm_dir ({settings.rm_dir}); see the log for the difference, "
            "and correct the server, its address or the folder.",
            kind="wrong_model",
        )
    details |= {"cut": judged.cut, "seconds": judged.seconds, "rm": judged.rm, "cached": judged.cached}
    details |= await explain(client, settings, task, response, judged.verdict)
    return Judgement(judged.verdict, details, judged.closed, judged.one_block)


async def by_tests(args: Any, settings: Settings, sample: Any, response: str) -> Judgement:
    """1 or 0, or in training the share of the tests passed if the settings say so, not weighted yet (`weighing`).

    `Missing("no_tests")` for a problem without any. A held-out sample is right or it is not: the mean of an evaluation is pass@1 whatever
    the training counts.
    """
    problem = problem_of(sample)
    if not problem.tests:
        return Judgement(Missing("no_tests"))
    extraction = await extract(response, settings.extraction, problem.entry_point)
    if extraction.code is None:
        return Judgement(Rejected(str(extraction.reason)))
    limits = settings.sandbox_limits.allowing(problem.time_limit_seconds)
    counted = settings.tests_reward if is_training(sample) else "binary"
    if counted != "binary":
        limits = limits.model_copy(update={"stop_at_first_failure": False})
    box = await sandbox(settings)
    program = runnable(problem, extraction.code)
    try:
        work = box.run(program, problem.tests, entry_point=problem.entry_point, limits=limits)
        outcome = await within(settings.sandbox_seconds, work)
    except asyncio.TimeoutError:
        return Judgement(Missing("sandbox_timeout"))
    verdict = to_verdict(outcome, total=len(problem.tests), reward=counted)
    details: dict[str, Any] = {"outcome": outcome.kind}
    if counted == "difficulty" and isinstance(verdict, Scored):
        details["passed"] = passed_tests(outcome, len(problem.tests))
    return Judgement(verdict, details, extraction.closed, extraction.one_block)


async def by_judge(args: Any, settings: Settings, sample: Any, response: str) -> Judgement:
    """The mean of a language model's votes, in [0, 1].

    Raises as `JudgeClient.verdict`, and `ConfigurationError` if there is none to ask; an answer that is rejected by itself is, first.
    """
    task = task_of(sample)
    details: dict[str, Any] = {"statement": task.source}
    extraction = await extract(response, settings.extraction, task.entry_point)
    if extraction.code is None:
        return Judgement(Rejected(str(extraction.reason)), details)
    client, judge = await judge_client(args, settings)
    if task.statement is None:
        return Judgement(Missing("no_statement"), details)
    problem = problem_of(sample)
    judged = await client.verdict(problem, runnable(problem, extraction.code))
    details |= {"cut": False, "seconds": judged.seconds, "rm": judge.model, "cached": judged.cached}
    details["judge"] = {"votes": list(judged.votes), "unparsable": judged.unparsable, "words": judged.words}
    return Judgement(judged.verdict, details, extraction.closed, extraction.one_block)


async def by_both(args: Any, settings: Settings, sample: Any, response: str) -> Judgement:
    """A score in [0, 1] of `code_reward.hybrid`; the record keeps what each part said. A part that cannot matter is not asked."""
    tests = model = None
    if settings.hybrid_mode == "weighted":
        tests, model = await asyncio.gather(by_tests(args, settings, sample, response), by_model(args, settings, sample, response))
    else:
        tests = await by_tests(args, settings, sample, response)
        if tests.verdict == Missing("no_tests") or (settings.hybrid_stand_in and isinstance(tests.verdict, Missing)):
            model = await by_model(args, settings, sample, response)
    verdict = hybrid(
        None if tests.verdict == Missing("no_tests") else tests.verdict,
        Missing("not_asked") if model is None else model.verdict,
        mode=settings.hybrid_mode,
        tests_weight=settings.hybrid_tests_weight,
        stand_in=settings.hybrid_stand_in,
    )
    parts = {"tests": to_record(tests.verdict), "model": to_record(model.verdict) if model else None}
    details = {**tests.details, **(model.details if model else {}), "parts": parts}
    decided = [part for part in (tests, model) if part is not None and not isinstance(part.verdict, Missing)]
    return Judgement(verdict, details, all(part.closed for part in decided), any(part.one_block for part in decided))
