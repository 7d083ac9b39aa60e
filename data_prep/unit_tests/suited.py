"""Leaving out problems that unit tests cannot check: `python -m data_prep.unit_tests.suited --problems F --endpoints F --out F`.

CodeRM-8B's filter: a language model says YES or NO by ten families (chance, time, files, threads, …). An answer that is neither, or cannot
be had, decides nothing: such a problem is left out and counted apart.
"""

from __future__ import annotations

import asyncio
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from code_reward.cli import Command, run
from code_reward.problem import Problem
from data_prep.llm.asking import ask
from data_prep.llm.errors import LLMError, RunStopped
from data_prep.llm.prompt import prompt
from data_prep.llm.request import Sampling
from data_prep.together import results_of

if TYPE_CHECKING:
    from data_prep.llm import Asker, Ledger

Answer = Literal["suited", "not_suited", "unreadable", "no_answer"]


def read_answer(text: str) -> Answer:
    """YES or NO as the only one of the two words in the answer."""
    words = {word.upper() for word in re.findall(r"\b(?:yes|no)\b", text, re.IGNORECASE)}
    return "unreadable" if len(words) != 1 else "suited" if words == {"YES"} else "not_suited"


async def sort_out(problems: Sequence[Problem], asker: Asker, ledger: Ledger, at_once: int = 64) -> list[Answer]:
    """One answer per problem. Raises `RunStopped` where nothing will be answered any more; what was paid for is in the ledger."""
    return await results_of(problems, lambda problem: _ask(problem, asker, ledger), at_once)


async def _ask(problem: Problem, asker: Asker, ledger: Ledger) -> Answer:
    request = prompt("unit_test_suited").request("judge", Sampling(max_tokens=2048), statement=problem.statement)
    try:
        return read_answer((await ask(asker, ledger.scope(problem.id), request)).text)
    except RunStopped:
        raise
    except LLMError:
        return "no_answer"


class Suited(Command):
    """Keep the problems that unit tests can check, as a language model says."""

    problems: Path
    """The problems."""
    endpoints: Path
    """YAML list of endpoints: url, model, and optionally concurrency, timeout_seconds, api_key_variable."""
    out: Path
    """File for the problems that are kept; beside it lies the ledger of answers."""
    max_calls: int | None = None
    """Stop after so many paid calls, those of earlier runs of this command included."""


def main(settings: Suited) -> None:
    """Ask, write, and say how many of each."""
    from code_reward.errors import DataError
    from code_reward.problem import load_problems, save_problems

    problems = load_problems(settings.problems)
    answers = asyncio.run(_sort_out(settings, problems))
    kept = [problem for problem, answer in zip(problems, answers, strict=True) if answer == "suited"]
    if not kept:
        said = ", ".join(f"{answer} {times}" for answer, times in Counter(answers).most_common())
        raise DataError(f"None of the {len(problems)} problems is kept ({said}); look at the answers in {settings.out}.calls.jsonl.")
    save_problems(settings.out, kept)
    print(f"{answers.count('suited')} of {len(problems)} problems kept: {settings.out}")
    for answer, times in Counter(answers).most_common():
        print(f"  {answer:<12} {times}")


async def _sort_out(settings: Suited, problems: Sequence[Problem]) -> list[Answer]:
    from data_prep.llm import LLM, Budget, Ledger
    from data_prep.search.players import questions_at_once, read_endpoints

    budget = Budget(settings.max_calls)
    endpoints = read_endpoints(settings.endpoints)
    async with LLM(endpoints, budget) as llm:
        with Ledger(f"{settings.out}.calls.jsonl", budget) as ledger:
            return await sort_out(problems, llm, ledger, questions_at_once(endpoints))


if __name__ == "__main__":
    run(Suited, main)
