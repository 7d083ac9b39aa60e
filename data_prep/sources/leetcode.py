"""LeetCodeDataset (newfacade): methods of `class Solution`, tested by `check(candidate)` with the bound method.

An answer relies on the judge's own imports and on its `ListNode` and `TreeNode`; these are the starter code, to be put before an answer
that is run. The skeleton of the class is part of the statement.
"""

from __future__ import annotations

from pathlib import Path

from code_reward.problem import CheckTest, Problem
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, checked, read_problems
from data_prep.sources.source import Source


class LeetCodeMeta(Record):
    difficulty: str


class LeetCodeRecord(Record):
    task_id: str
    prompt: str
    query: str
    entry_point: str
    completion: str
    test: str
    meta: LeetCodeMeta | None = None
    """Until v0.2 the difficulty stood in here."""
    difficulty: str | None = None


def read(path: Path) -> list[Problem]:
    """`difficulty` (Easy, Medium, Hard) is kept as an extra column."""
    return read_problems(path, LeetCodeRecord, _problem)


def _problem(record: LeetCodeRecord) -> Problem:
    return Problem(
        id=record.task_id,
        statement=record.query,
        entry_point=record.entry_point,
        starter_code=record.prompt,
        reference_solution=checked(f"{record.prompt}\n{record.completion}", "completion", record.entry_point),
        tests=[CheckTest(code=record.test)],
        source="leetcode",
        difficulty=record.meta.difficulty if record.meta else record.difficulty,
    )


LEETCODE = Source(
    read,
    "newfacade/LeetCodeDataset, also on the Hugging Face hub (Apache-2.0)",
    hub="newfacade/LeetCodeDataset",
    part=Part(split="train"),
)
