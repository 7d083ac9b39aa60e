"""Those who judge: each a function from answers to verdicts; None where it has nothing to say of an answer (no tests).

A reward model reads what it was trained to read; tests run in the sandbox, all or nothing; a language model reads the program.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from code_reward.errors import ConfigurationError, explain
from code_reward.extracting import extract
from code_reward.problem import runnable
from code_reward.reference import Dtype
from code_reward.verdict import Missing, Rejected, Verdict
from code_reward_commands.answers import Answer
from code_reward_commands.judging import Judge, judging
from code_reward_commands.rescore.stored import Stored
from data_prep.judges.client import JudgeClient
from data_prep.judges.settings import JudgeSettings
from data_prep.llm import RunStopped
from data_prep.llm.probe import require_answers
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Limits, Sandbox, to_verdict

Party = Callable[[Sequence[Stored]], Awaitable[list[Verdict | None]]]


def answer_to(stored: Stored) -> Answer:
    """What a reward model is asked."""
    problem = stored.problem
    return Answer({}, problem.id, problem.statement, problem.entry_point, stored.response)


@asynccontextmanager
async def reward_model(model: Path, urls: Sequence[str], dtype: Dtype, device: str) -> AsyncIterator[tuple[Party, Judge]]:
    """The reward model, and what explains its scores by line."""
    async with judging(model, urls, dtype, device) as judge:

        async def party(answers: Sequence[Stored]) -> list[Verdict | None]:
            return list(await judge([answer_to(one) for one in answers]))

        yield party, judge


@asynccontextmanager
async def tests(address: str | None, limits: Limits) -> AsyncIterator[Party]:
    """The problems' own tests."""
    sandbox = connect(address)

    async def one(stored: Stored) -> Verdict | None:
        problem = stored.problem
        if not problem.tests:
            return None
        program = await _program(stored)
        if not isinstance(program, str):
            return program
        own = limits.allowing(problem.time_limit_seconds)
        outcome = await sandbox.run(program, problem.tests, entry_point=problem.entry_point, limits=own)
        return to_verdict(outcome, total=len(problem.tests))

    async def party(answers: Sequence[Stored]) -> list[Verdict | None]:
        return list(await asyncio.gather(*map(one, answers)))

    try:
        yield party
    finally:
        await sandbox.close()


@asynccontextmanager
async def language_model(settings: JudgeSettings, address: str | None, spent: Path) -> AsyncIterator[Party]:
    """A language model, asked first whether it answers at all (`ConfigurationError`). When its budget is spent, or it goes away,
    the verdicts from there on are missing: the next run has them."""
    await require_answers(settings.endpoints())
    async with AsyncExitStack() as stack:
        sandbox: Sandbox | None = None
        if settings.traces == "own":
            sandbox = connect(address)
            stack.push_async_callback(sandbox.close)
        client = await stack.enter_async_context(JudgeClient(settings, sandbox, spent))

        async def one(stored: Stored) -> Verdict:
            program = await _program(stored)
            if not isinstance(program, str):
                return program
            try:
                return (await client.verdict(stored.problem, program)).verdict
            except RunStopped as error:
                return Missing(error.kind)

        async def party(answers: Sequence[Stored]) -> list[Verdict | None]:
            return list(await asyncio.gather(*map(one, answers)))

        yield party


async def _program(stored: Stored) -> str | Rejected | Missing:
    """What is run or read of an answer, or why there is nothing."""
    try:
        extraction = await extract(stored.response, entry_point=stored.problem.entry_point)
    except BrokenProcessPool:
        return Missing("extraction_failed")
    return Rejected(str(extraction.reason)) if extraction.code is None else runnable(stored.problem, extraction.code)


def judge_settings(path: Path) -> JudgeSettings:
    """The settings of a judge from a YAML file, the keys of `code_reward_judge` in docs/slime_judge.md; raises `ConfigurationError`."""
    import yaml
    from pydantic import ValidationError

    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        return JudgeSettings.model_validate(given.get("code_reward_judge", given) if isinstance(given, dict) else given)
    except (yaml.YAMLError, UnicodeDecodeError, ValidationError) as error:
        raise ConfigurationError(
            f"{path} does not say who judges ({explain(error)}); give urls and model, as in docs/slime_judge.md."
        ) from error


async def ask(party: Party, answers: Sequence[Stored]) -> list[Verdict | None]:
    """The verdicts on some answers; those that nobody gave (aborted, failed generations) are not asked about."""
    asked = [one for one in answers if one.judged]
    found = dict(zip([one.number for one in asked], await party(asked) if asked else [], strict=True))
    return [found[one.number] if one.judged else Missing("aborted") for one in answers]
