"""AceCode-87K (TIGER-Lab): a question, test cases that a model wrote, and models' answers with the share of the cases that each passed.

Every case is a test of its own, because the published pass rates are shares of cases. An answer that passed all of them is the reference.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from pydantic import Field

from code_reward.errors import DataError
from code_reward.extraction import extract_code
from code_reward.problem import AssertTest, Problem
from data_prep.sources.declarations import needed, only_function, with_declarations
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, checked, read_problems, survey_problems
from data_prep.sources.source import Source


class Inference(Record):
    completion: str
    pass_rate: float
    model_name: str = ""


class AceCodeRecord(Record):
    id: str = Field(min_length=1)
    source: str
    question: str
    test_cases: list[str]
    inferences: list[Inference] = Field(default=[])


def read(path: Path) -> list[Problem]:
    """`origin` (the set that the question was taken from) is kept as an extra column."""
    return read_problems(path, AceCodeRecord, _problem)


def survey(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, AceCodeRecord, _problem)


def _problem(record: AceCodeRecord) -> Problem:
    tests = [checked(test.strip(), "test_cases") for test in record.test_cases]
    answers = sorted(record.inferences, key=lambda answer: -answer.pass_rate)
    programs = [(answer.pass_rate, extract_code(answer.completion).code) for answer in answers]
    best = next((program for _, program in programs if program), None)
    definitions = needed(best, "\n".join(tests)).values() if best else ()
    return Problem(
        id=record.id,
        statement=with_declarations(record.question, definitions),
        entry_point=only_function(definitions),
        reference_solution=next((program for rate, program in programs if program and rate >= 1), None),
        tests=[AssertTest(code=test) for test in tests],
        source="acecode",
        origin=record.source,
    )


ACECODE = Source(read, "TIGER-Lab/AceCode-87K on the Hugging Face hub (MIT)", survey, hub="TIGER-Lab/AceCode-87K", part=Part(split="train"))
