"""HumanEval (openai/human-eval): a signature with a docstring to complete, tested by `check(candidate)`."""

from __future__ import annotations

from pathlib import Path

from code_reward.problem import CheckTest, Problem
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, checked, read_problems
from data_prep.sources.source import Source


class HumanEvalRecord(Record):
    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    test: str


def read(path: Path) -> list[Problem]:
    """The starter code is the prompt itself: some tests call helpers that only the prompt defines."""
    return read_problems(path, HumanEvalRecord, to_problem)


def to_problem(record: HumanEvalRecord, source: str = "humaneval") -> Problem:
    """A problem of any set in this form."""
    return Problem(
        id=record.task_id,
        statement=record.prompt,
        entry_point=record.entry_point,
        starter_code=record.prompt,
        reference_solution=checked(record.prompt + record.canonical_solution, "canonical_solution", record.entry_point),
        tests=[CheckTest(code=record.test)],
        source=source,
    )


HUMANEVAL = Source(read, "openai/human-eval (MIT)", hub="openai/openai_humaneval", part=Part("openai_humaneval", "test"))
