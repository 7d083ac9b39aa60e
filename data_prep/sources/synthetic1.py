"""SYNTHETIC-1 (Prime Intellect), its coding problems: a prompt, a solution, and cases in `verification_info`.

Rows of other tasks and of other languages are left out, and so is a problem's second row: the whole set has one for each answer.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from code_reward.errors import DataError
from code_reward.problem import Problem
from data_prep.sources.cases import make_problem, read_cases
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, from_json, left_out, read_problems, survey_problems
from data_prep.sources.source import Source

TASK = "verifiable_code"


class Synthetic1Record(Record):
    problem_id: str
    source: str
    task_type: str
    prompt: str
    gold_standard_solution: str | None
    verification_info: Annotated[Any, BeforeValidator(from_json)]


def read(path: Path) -> list[Problem]:
    """`origin` (the set that the problem was taken from) is kept as an extra column."""
    return read_problems(path, Synthetic1Record, _problem, repeats=True)


def survey(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, Synthetic1Record, _problem, repeats=True)


def _problem(record: Synthetic1Record) -> Problem:
    if record.task_type != TASK:
        raise left_out("not a coding problem")
    info = record.verification_info
    if not isinstance(info, dict) or "test_cases" not in info:
        raise DataError("verification_info has no test_cases; correct the row or remove it.")
    if info.get("language", "python") != "python":
        raise left_out("not Python")
    return make_problem(
        id=record.problem_id,
        statement=record.prompt,
        cases=read_cases(info["test_cases"]),
        skeleton="",
        solutions=[record.gold_standard_solution or ""],
        source="synthetic1",
        origin=record.source,
    )


SYNTHETIC1 = Source(
    read,
    "PrimeIntellect/verifiable-coding-problems and SYNTHETIC-1 on the Hugging Face hub (Apache-2.0)",
    survey,
    hub="PrimeIntellect/verifiable-coding-problems",
    part=Part(split="train"),
)
