"""BigCodeBench and BigCodeBench-Hard (bigcode): tasks that need several libraries, tested by a `unittest` class.

The statement is the instruction (BigCodeBench-Instruct); `complete_prompt` keeps the signature with its docstring for those who complete
code. As the benchmark does, the prompt's imports and an empty function of the asked name go before an answer that is run. The tests need
the libraries of the column `libs` where the sandbox runs.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, Field

from code_reward.errors import DataError
from code_reward.problem import Problem, UnittestTest
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, checked, read_problems, survey_problems
from data_prep.sources.source import Source


def _literal(value: object) -> object:
    """A list that is published as its Python text."""
    return ast.literal_eval(value) if isinstance(value, str) else value


class BigCodeBenchRecord(Record):
    task_id: str
    complete_prompt: str
    instruct_prompt: str
    canonical_solution: str
    code_prompt: str
    test: str
    entry_point: str
    libs: Annotated[list[str], BeforeValidator(_literal)] = Field(default=[])


def read(path: Path) -> list[Problem]:
    """`complete_prompt` and `libs` are kept as extra columns."""
    return read_problems(path, BigCodeBenchRecord, _problem)


def survey(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, BigCodeBenchRecord, _problem)


def _problem(record: BigCodeBenchRecord) -> Problem:
    starter = f"{record.code_prompt.rstrip()}\n    pass\n"
    solution = checked(record.code_prompt + record.canonical_solution, "canonical_solution", record.entry_point)
    return Problem(
        id=record.task_id,
        statement=record.instruct_prompt,
        entry_point=record.entry_point,
        starter_code=starter,
        reference_solution=solution,
        tests=[UnittestTest(code=checked(record.test, "test"))],
        source="bigcodebench",
        complete_prompt=record.complete_prompt,
        libs=record.libs,
    )


BIGCODEBENCH = Source(
    read, "bigcode/bigcodebench on the Hugging Face hub (Apache-2.0)", survey, hub="bigcode/bigcodebench", part=Part(split="v0.1.4")
)
BIGCODEBENCH_HARD = Source(
    read,
    "bigcode/bigcodebench-hard on the Hugging Face hub (Apache-2.0)",
    survey,
    hub="bigcode/bigcodebench-hard",
    part=Part(split="v0.1.4"),
)
