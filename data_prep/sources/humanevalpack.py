"""HumanEvalPack, Python part (bigcode): HumanEval with a buggy twin of every solution.

The test script defines its own `check` and calls it, so it is a script of asserts. The buggy solutions are candidates, not part of a
problem: see `data_prep.candidates`.
"""

from __future__ import annotations

from pathlib import Path

from code_reward.problem import AssertTest, Problem
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, checked, read_problems
from data_prep.sources.source import Source


class HumanEvalPackRecord(Record):
    task_id: str
    prompt: str
    entry_point: str
    canonical_solution: str
    buggy_solution: str
    bug_type: str
    failure_symptoms: str
    test: str


def read(path: Path) -> list[Problem]:
    """`bug_type` and `failure_symptoms` are kept as extra columns."""
    return read_problems(path, HumanEvalPackRecord, _problem)


def _problem(record: HumanEvalPackRecord) -> Problem:
    return Problem(
        id=record.task_id,
        statement=record.prompt,
        entry_point=record.entry_point,
        starter_code=record.prompt,
        reference_solution=checked(record.prompt + record.canonical_solution, "canonical_solution", record.entry_point),
        tests=[AssertTest(code=record.test)],
        source="humanevalpack",
        bug_type=record.bug_type,
        failure_symptoms=record.failure_symptoms,
    )


HUMANEVALPACK = Source(read, "bigcode/humanevalpack (MIT)", hub="bigcode/humanevalpack", part=Part("python"))
