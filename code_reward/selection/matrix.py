"""Results matrices at rest: for each problem, which candidate passes which test, which candidates are right, what a model says of them.

One row per problem, in JSONL (also `.gz`) or parquet. Unknown columns are kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, model_validator

from code_reward.errors import DataError
from code_reward.rows import read_all, write_rows
from code_reward.selection.rules import Candidates


class ResultsMatrix(BaseModel):
    """N candidates and M tests of one problem."""

    model_config = ConfigDict(extra="allow")

    problem_id: str
    correct: list[bool] = Field(min_length=1)
    """Whether each candidate is right (hidden tests); only evaluation looks at it."""
    passed: list[list[bool]] | None = None
    """One list per candidate: whether it passes each test. A result that is not there counts as failed. None: there are no tests."""
    samples: list[list[int]] | None = None
    """The columns of `passed` that each generated sample consists of (a column may be in several). None: each column is a sample."""
    asks: list[list[int]] | None = None
    """The inputs that each column of `passed` calls the entry point with, as places in `values`. None: nobody knows."""
    outputs: list[list[int]] | None = None
    """One list per candidate: what it gave on each input, as a place in that input's `values`. None: nobody looked."""
    values: list[list[str]] | None = None
    """Per input the different things that were given: the text of a value, or `!` and what happened instead."""
    scores: list[FiniteFloat | None] | None = None
    """A reward model's score of each candidate, null where there is none (rejected or missing). None: no model was asked."""

    @model_validator(mode="after")
    def _is_whole(self) -> ResultsMatrix:
        for name in ("passed", "outputs", "scores"):
            values = getattr(self, name)
            if values is not None and len(values) != len(self.correct):
                raise ValueError(f"{name} has {len(values)} candidates and correct has {len(self.correct)}")
        for name in ("passed", "outputs"):
            if len({len(row) for row in getattr(self, name) or []}) > 1:
                raise ValueError(f"the lists in {name} differ in length")
        if (self.outputs is None) != (self.values is None):
            raise ValueError("outputs and values belong together; give both or neither")
        self._check_places("outputs", self.outputs or [], list(map(len, self.values or [])))
        columns = len(self.passed[0]) if self.passed else 0
        if self.asks is not None and len(self.asks) != columns:
            raise ValueError(f"asks has {len(self.asks)} tests and passed has {columns}")
        self._check_places("asks", [[place] for asked in self.asks or [] for place in asked], [len(self.values or [])])
        self._check_places("samples", [[place] for sample in self.samples or [] for place in sample], [columns])
        return self

    def _check_places(self, name: str, rows: list[list[int]], limits: list[int]) -> None:
        for row in rows:
            if len(row) != len(limits) or not all(0 <= place < limit for place, limit in zip(row, limits, strict=True)):
                raise ValueError(f"{name} names something that is not there: {row[:20]}")

    @property
    def columns_of_samples(self) -> list[list[int]]:
        """The columns of `passed` that each sample consists of, also where `samples` leaves it to us."""
        if self.samples is not None:
            return self.samples
        return [[column] for column in range(len(self.passed[0]) if self.passed else 0)]

    def limited(self, samples: Sequence[int]) -> ResultsMatrix:
        """As if only these samples had been generated: their tests, and what was given on the inputs that they ask about.

        Outputs are left out where nobody knows what the tests ask about.
        """
        chosen = [self.columns_of_samples[sample] for sample in samples]
        tests = sorted({test for sample in chosen for test in sample})
        inputs = sorted({place for test in tests for place in (self.asks or [])[test]}) if self.asks is not None else []
        renamed = {test: place for place, test in enumerate(tests)}
        return ResultsMatrix(
            problem_id=self.problem_id,
            correct=self.correct,
            passed=[[row[test] for test in tests] for row in self.passed or []],
            samples=[[renamed[test] for test in sample] for sample in chosen],
            outputs=None if self.outputs is None or self.asks is None else [[row[place] for place in inputs] for row in self.outputs],
            values=None if self.values is None or self.asks is None else [self.values[place] for place in inputs],
            scores=self.scores,
        )

    def candidates(self) -> Candidates:
        """What a rule may see, without the truth."""
        count = len(self.correct)
        passed = np.array(self.passed or [[]] * count, dtype=np.bool_).reshape(count, -1)
        votes = [passed[:, sample].all(axis=1) for sample in self.columns_of_samples if sample]
        outputs = np.array(self.outputs or [[]] * count, dtype=np.intp).reshape(count, -1)
        empty = [np.array([text.startswith("!") for text in values]) for values in self.values or []]
        return Candidates(
            passed=passed,
            scores=np.array([None] * count if self.scores is None else self.scores, dtype=np.float64),
            votes=np.array(votes, dtype=np.bool_).reshape(-1, count).T,
            outputs=outputs,
            failed=np.array([kinds[outputs[:, k]] for k, kinds in enumerate(empty)], dtype=np.bool_).reshape(-1, count).T,
        )


def load_matrices(path: str | Path) -> list[ResultsMatrix]:
    """Read a file of results matrices; raises `DataError` where it has no rows, for the first bad row, or a problem that occurs twice."""
    matrices = read_all([path], ResultsMatrix)
    seen: set[str] = set()
    for number, matrix in enumerate(matrices, start=1):
        if matrix.problem_id in seen:
            raise DataError(f"{path}, row {number}: problem {matrix.problem_id!r} occurs twice; merge its candidates into one row.")
        seen.add(matrix.problem_id)
    return matrices


def save_matrices(path: str | Path, matrices: list[ResultsMatrix]) -> None:
    """Write a file of results matrices, at once or not at all."""
    write_rows(path, matrices)
