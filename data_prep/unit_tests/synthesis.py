"""Asking a test generator: `python -m data_prep.unit_tests.synthesis --solutions F --endpoints F --out F`.

CodeRM-8B's way: a question and one solution, which may be wrong, in; a `unittest` class out; many samples. An answer that holds no test is
kept with the reason, and an answer that could not be had is a failure that is counted, so that nothing is lost silently.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, Field

from code_reward.cli import Command, run
from code_reward.errors import DataError
from code_reward.problem import Test
from data_prep.llm.asking import ask
from data_prep.llm.errors import LLMError, RunStopped
from data_prep.llm.prompt import prompt
from data_prep.together import results_of
from data_prep.unit_tests.extraction import extract_test
from data_prep.unit_tests.probe import PredictedRate
from data_prep.unit_tests.sample import TestSample

if TYPE_CHECKING:
    from data_prep.llm import Asker, Ledger, Scope
    from data_prep.llm.request import Request, Sampling


class Solution(BaseModel):
    """What is asked about: a question and a program for it, of which nothing else is looked at."""

    problem_id: str
    statement: str
    entry_point: str | None = None
    program: str


def request_test(statement: str, program: str, sampling: Sampling) -> Request:
    """The question, in the words that CodeRM-8B was trained on."""
    return prompt("unit_test").request("policy", sampling, statement=statement.strip(), program=program.strip())


async def synthesise(
    solutions: Sequence[Solution],
    asker: Asker,
    ledger: Ledger,
    sampling: Sampling,
    shares: Mapping[str, int],
    *,
    at_once: int = 64,
    progress: Callable[[int, int], None] | None = None,
) -> list[TestSample]:
    """As many samples of each problem as is its share, spread over its solutions in turn, `at_once` at a time; in the order of problems.

    Raises:
        RunStopped: Nothing will be answered any more. What was paid for is in the ledger; run this again.
        ConfigurationError: The ledger cannot be written.
    """
    of_problem: dict[str, list[Solution]] = {}
    for row in solutions:
        of_problem.setdefault(row.problem_id, []).append(row)
    finished = 0

    async def one(job: tuple[Solution, str]) -> TestSample:
        nonlocal finished
        row, scope = job
        sample = await _ask(row, asker, ledger.scope(scope), sampling)
        finished += 1
        if progress:
            progress(finished, len(jobs))
        return sample

    jobs = [(rows[index % len(rows)], f"{name}/{index}") for name, rows in of_problem.items() for index in range(shares[name])]
    return await results_of(jobs, one, at_once)


async def _ask(row: Solution, asker: Asker, scope: Scope, sampling: Sampling) -> TestSample:
    try:
        reply = await ask(asker, scope, request_test(row.statement, row.program, sampling))
    except RunStopped:
        raise
    except LLMError as error:
        return TestSample(problem_id=row.problem_id, reason=f"llm_{error.kind}")
    extracted = extract_test(reply.text, row.entry_point)
    tests: list[Test] = [extracted.test] if extracted.test else []
    return TestSample(problem_id=row.problem_id, tests=tests, response=reply.text, reason=extracted.reason, model=reply.model)


def share_out(names: Sequence[str], samples: int, rates: Mapping[str, float], most: int) -> dict[str, int]:
    """CodeRM-8B's dynamic scaling: `samples` per problem on average, but each where it gains most by the predicted pass rates.

    Raises:
        `DataError`: A problem has no rate.
    """
    missing = [name for name in names if name not in rates]
    if missing:
        raise DataError(f"{len(missing)} problems have no predicted rate, such as {missing[0]!r}; run the probe on all of them.")
    from code_reward.selection.allocation import allocate, published_gain

    counts = allocate(published_gain([rates[name] for name in names]), [most] * len(names), samples * len(names))
    return dict(zip(names, counts, strict=True))


class Synthesis(Command):
    """Have a model write unit tests for problems, each from the question and one solution; killed, it goes on where it was."""

    solutions: Path
    """Rows with problem_id, statement, entry_point and program; a problem's take turns. Whether they are right is not looked at."""
    out: Path
    """File for the test samples; beside it lies the ledger of answers, from which a killed run continues."""
    endpoints: Path
    """YAML list of endpoints: url, model, and optionally concurrency, timeout_seconds, api_key_variable."""
    samples: int = Field(default=100, ge=1)
    """Samples per problem."""
    rates: Path | None = None
    """Predicted pass rates (data_prep.unit_tests.probe): as many samples on average, more of them where they promise more."""
    most: int = Field(default=1000, ge=1)
    """With --rates, the most samples of one problem."""
    temperature: float = Field(default=0.8, ge=0)
    """As published."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """As published."""
    max_tokens: int = Field(default=2048, ge=1)
    """As published."""
    max_calls: int | None = None
    """Stop after so many paid calls, those of earlier runs of this command included."""


def main(settings: Synthesis) -> None:
    """Ask, write, and say what came of it."""
    from code_reward.rows import read_all, write_rows

    solutions = read_all([settings.solutions], Solution)
    names = list(dict.fromkeys(row.problem_id for row in solutions))
    shares = dict.fromkeys(names, settings.samples)
    if settings.rates is not None:
        rates = {row.problem_id: row.rate for row in read_all([settings.rates], PredictedRate)}
        shares = share_out(names, settings.samples, rates, settings.most)
    samples = asyncio.run(_synthesise(settings, solutions, shares))
    write_rows(settings.out, samples)
    used = sum(bool(sample.tests) for sample in samples)
    print(f"{len(samples)} samples for {len({sample.problem_id for sample in samples})} problems, {used} with a test: {settings.out}")
    for reason, times in Counter(sample.reason for sample in samples if sample.reason).most_common():
        print(f"  {reason:<24} {times}")
    if not used:
        raise DataError(f"None of the {len(samples)} samples holds a test; {settings.out} has every answer with the reason.")


async def _synthesise(settings: Synthesis, solutions: Sequence[Solution], shares: Mapping[str, int]) -> list[TestSample]:
    from rich.progress import Progress

    from data_prep.llm import LLM, Budget, Ledger
    from data_prep.llm.request import Sampling
    from data_prep.search.players import questions_at_once, read_endpoints

    sampling = Sampling(temperature=settings.temperature, top_p=settings.top_p, max_tokens=settings.max_tokens)
    budget = Budget(settings.max_calls)
    endpoints = read_endpoints(settings.endpoints)
    async with LLM(endpoints, budget) as llm:
        with Ledger(f"{settings.out}.calls.jsonl", budget) as ledger, Progress() as bar:
            task = bar.add_task("writing tests", total=None)

            def show(done: int, total: int) -> None:
                bar.update(task, completed=done, total=total)

            return await synthesise(solutions, llm, ledger, sampling, shares, at_once=questions_at_once(endpoints), progress=show)


if __name__ == "__main__":
    run(Synthesis, main)
