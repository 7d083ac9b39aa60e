"""CodeRM-UnitTest (KAKA22): questions with a solution, other programs, and the unit tests that a model wrote: what CodeRM-8B learnt from.

As problems the tests are all of a row's. As training data of a test generator each is a sample (`data_prep.unit_tests.pools coderm`), and
the programs are candidates (`data_prep.candidates coderm`).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from code_reward.errors import DataError
from code_reward.problem import Problem, UnittestTest
from data_prep.sources.declarations import needed, only_function, with_declarations
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, checked, from_json, read_problems, survey_problems
from data_prep.sources.source import Source


class UnitTest(Record):
    code: str
    false_acceptance: float = Field(alias="FAR")
    false_rejection: float = Field(alias="FRR")


class Program(Record):
    code: str


class CodeRMRecord(Record):
    task_id: int
    question: str
    code_ground_truth: str
    code_generate: Annotated[list[Program], BeforeValidator(from_json)]
    unit_tests: Annotated[list[UnitTest], BeforeValidator(from_json)]


def read(path: Path) -> list[Problem]:
    """The problems of a file."""
    return read_problems(path, CodeRMRecord, _problem)


def survey(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, CodeRMRecord, _problem)


def problem_id(record: CodeRMRecord) -> str:
    """The id under which tests and candidates of a row go with its problem."""
    return f"coderm/{record.task_id}"


def _problem(record: CodeRMRecord) -> Problem:
    solution = checked(record.code_ground_truth, "code_ground_truth")
    tests = [checked(test.code, "unit_tests") for test in record.unit_tests]
    definitions = needed(solution, "\n".join(tests)).values()
    return Problem(
        id=problem_id(record),
        statement=with_declarations(record.question, definitions),
        entry_point=only_function(definitions),
        reference_solution=solution,
        tests=[UnittestTest(code=test) for test in tests],
        source="coderm",
    )


CODERM = Source(
    read, "KAKA22/CodeRM-UnitTest on the Hugging Face hub (Apache-2.0)", survey, hub="KAKA22/CodeRM-UnitTest", part=Part(split="train")
)
