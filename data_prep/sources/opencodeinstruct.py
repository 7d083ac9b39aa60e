"""OpenCodeInstruct (NVIDIA): a question, a model's answer, and unit tests that a model wrote.

The answer passed only a share of the tests (`average_test_score`), so it is a reference solution only where that share is 1. The tests are
assert statements; together they are one script.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from code_reward.errors import DataError
from code_reward.extraction import extract_code
from code_reward.problem import AssertTest, Problem
from data_prep.sources.declarations import needed, only_function, with_declarations
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, from_json, read_problems, survey_problems
from data_prep.sources.source import Source


class OpenCodeInstructRecord(Record):
    id: str = Field(min_length=1)
    input: str
    output: str
    domain: str
    generation_algorithm: str
    unit_tests: Annotated[list[str], BeforeValidator(from_json)]
    average_test_score: float


def read(path: Path) -> list[Problem]:
    """`domain`, `generation_algorithm` and `average_test_score` are kept as extra columns."""
    return read_problems(path, OpenCodeInstructRecord, _problem)


def survey(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, OpenCodeInstructRecord, _problem)


def _problem(record: OpenCodeInstructRecord) -> Problem:
    tests = "\n".join(test.strip() for test in record.unit_tests)
    try:
        ast.parse(tests)
    except (SyntaxError, ValueError) as error:
        raise DataError(f"unit_tests: not Python ({error}); correct the row or remove it.") from error
    answer = _program(record.output)
    definitions = needed(answer, tests).values() if answer else ()
    return Problem(
        id=record.id,
        statement=with_declarations(record.input, definitions),
        entry_point=only_function(definitions),
        reference_solution=answer if record.average_test_score >= 1 else None,
        tests=[AssertTest(code=tests)] if tests else [],
        source="opencodeinstruct",
        domain=record.domain,
        generation_algorithm=record.generation_algorithm,
        average_test_score=record.average_test_score,
    )


def _program(output: str) -> str | None:
    """The published answer is a fenced block, or bare code."""
    return extract_code(output).code or extract_code(f"```python\n{output}\n```").code


OPENCODEINSTRUCT = Source(
    read,
    "nvidia/OpenCodeInstruct on the Hugging Face hub (CC BY 4.0)",
    survey,
    hub="nvidia/OpenCodeInstruct",
    part=Part(split="train"),
)
