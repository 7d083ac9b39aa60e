"""Results matrices at rest: for each problem, which candidate passes which test, which candidates are right, what a model says of them.

One row per problem, in JSONL (also `.gz`) or parquet. Unknown columns are kept.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from code_reward.errors import DataError
from code_reward.rows import read_rows, write_rows
from code_reward.selection.rules import Candidates


class ResultsMatrix(BaseModel):
    """N candidates and M tests of one problem."""

    model_config = ConfigDict(extra="allow")

    problem_id: str
    correct: list[bool] = Field(min_length=1)
    """Whether each candidate is right (hidden tests); only evaluation looks at it."""
    passed: list[list[bool]] | None = None
    """One list per candidate: whether it passes each test. A result that is not there counts as failed. None: there are no tests."""
    scores: list[FiniteFloat | None] | None = None
    """A reward model's score of each candidate, null where there is none (rejected or missing). None: no model was asked."""

    @model_validator(mode="after")
    def _one_of_each_per_candidate(self) -> ResultsMatrix:
        for name, values in (("passed", self.passed), ("scores", self.scores)):
            if values is not None and len(values) != len(self.correct):
                raise ValueError(f"{name} has {len(values)} candidates and correct has {len(self.correct)}")
        if self.passed is not None and len({len(row) for row in self.passed}) > 1:
            raise ValueError("the lists in passed differ in length")
        return self

    def candidates(self) -> Candidates:
        """What a rule may see, without the truth."""
        count = len(self.correct)
        passed = np.zeros((count, 0), dtype=np.bool_) if self.passed is None else np.array(self.passed, dtype=np.bool_)
        scores = [None] * count if self.scores is None else self.scores
        return Candidates(passed.reshape(count, -1), np.array(scores, dtype=np.float64))


def load_matrices(path: str | Path) -> list[ResultsMatrix]:
    """Read a file of results matrices; raises `DataError` that names the first bad row, or a problem that occurs twice."""
    matrices = read_rows(path, ResultsMatrix)
    seen: set[str] = set()
    for number, matrix in enumerate(matrices, start=1):
        if matrix.problem_id in seen:
            raise DataError(f"{path}, row {number}: problem {matrix.problem_id!r} occurs twice; merge its candidates into one row.")
        seen.add(matrix.problem_id)
    return matrices


def save_matrices(path: str | Path, matrices: list[ResultsMatrix]) -> None:
    """Write a file of results matrices, at once or not at all."""
    write_rows(path, matrices)
