"""DeepCoder (agentica-org/DeepCoder-Preview-Dataset): a problem with its tests and, in two of four configurations, solutions.

The configurations `primeintellect`, `taco`, `lcbv5` and `codeforces` kept the forms of the sets that they were gathered from
(`data_prep.sources.cases`). Rows have no id of their own: the id is a digest of the problem.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from code_reward.errors import DataError
from code_reward.problem import Problem
from data_prep.sources.cases import digest, listed, make_problem, read_cases
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, from_json, read_problems, survey_problems
from data_prep.sources.source import Source


class DeepCoderRecord(Record):
    problem: str
    tests: Annotated[Any, BeforeValidator(from_json)]
    solutions: Annotated[list[str], BeforeValidator(listed)] = Field(default=[])
    starter_code: str | None = None
    metadata: Annotated[dict[str, Any] | None, BeforeValidator(from_json)] = Field(default=None)


def read(path: Path) -> list[Problem]:
    """The problems of one configuration's file."""
    return read_problems(path, DeepCoderRecord, _problem, repeats=True)


def survey(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, DeepCoderRecord, _problem, repeats=True)


def _problem(record: DeepCoderRecord) -> Problem:
    return make_problem(
        id=f"deepcoder-{digest(record.problem)}",
        statement=record.problem,
        cases=read_cases(record.tests, (record.metadata or {}).get("func_name")),
        skeleton=record.starter_code or "",
        solutions=record.solutions,
        source="deepcoder",
    )


DEEPCODER = Source(
    read,
    "agentica-org/DeepCoder-Preview-Dataset on the Hugging Face hub (MIT)",
    survey,
    hub="agentica-org/DeepCoder-Preview-Dataset",
    part=Part("primeintellect", "train"),
)
