"""How good generated tests are, as classifiers of programs: `python -m data_prep.unit_tests.quality MATRICES`.

A test accepts a program or rejects it, and the truth says which it should have. CodeRM-8B calls FP / (FP + TP) its false acceptance rate
and FN / (FN + TN) its false rejection rate (appendix D), which others know as the false discovery and the false omission rate; what others
call the false acceptance and rejection rates are FP / (FP + TN) and FN / (FN + TP). Here each has a name that says what it is.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.selection.matrix import ResultsMatrix, load_matrices

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True)
class Quality:
    """Counts of (program, test) cells; every rate is NaN where it is not defined. Positive means accepted."""

    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int

    @property
    def accuracy(self) -> float:
        right = self.true_positives + self.true_negatives
        return _share(right, right + self.false_positives + self.false_negatives)

    @property
    def f1(self) -> float:
        return _share(2 * self.true_positives, 2 * self.true_positives + self.false_positives + self.false_negatives)

    @property
    def false_discovery_rate(self) -> float:
        """Of the accepted programs, those that are wrong: the paper's FAR."""
        return _share(self.false_positives, self.false_positives + self.true_positives)

    @property
    def false_omission_rate(self) -> float:
        """Of the rejected programs, those that are right: the paper's FRR."""
        return _share(self.false_negatives, self.false_negatives + self.true_negatives)

    @property
    def false_positive_rate(self) -> float:
        """Of the wrong programs, those that are accepted."""
        return _share(self.false_positives, self.false_positives + self.true_negatives)

    @property
    def false_negative_rate(self) -> float:
        """Of the right programs, those that are rejected."""
        return _share(self.false_negatives, self.false_negatives + self.true_positives)


def count(accepted: NDArray[np.bool_], correct: NDArray[np.bool_]) -> Quality:
    """The counts for verdicts and truths of one shape."""
    cells = [accepted & correct, accepted & ~correct, ~accepted & ~correct, ~accepted & correct]
    return Quality(*(int(cell.sum()) for cell in cells))


def of_single_tests(matrices: Iterable[ResultsMatrix]) -> Quality:
    """Over all (program, sample) cells: what one sample's verdict is worth."""
    return _added(count(matrix.candidates().votes, np.array(matrix.correct)[:, None]) for matrix in matrices)


def of_all_tests(matrices: Iterable[ResultsMatrix]) -> Quality:
    """All samples together: accepted is a program with the most votes of its problem (section 5.3)."""

    def verdicts(matrix: ResultsMatrix) -> NDArray[np.bool_]:
        votes = matrix.candidates().votes.sum(axis=1)
        return np.asarray(votes == votes.max())

    return _added(count(verdicts(matrix), np.array(matrix.correct)) for matrix in matrices)


def _added(qualities: Iterable[Quality]) -> Quality:
    rows = [(one.true_positives, one.false_positives, one.true_negatives, one.false_negatives) for one in qualities]
    return Quality(*(sum(column) for column in zip(*rows, strict=True)))


def _share(part: int, whole: int) -> float:
    return part / whole if whole else float("nan")


class TestQuality(Command):
    """Measure generated tests as classifiers of programs, one by one and all together."""

    matrices: CliPositionalArg[Path]
    """Results matrices (data_prep.unit_tests.matrix)."""


def main(settings: TestQuality) -> None:
    """Print a table."""
    from rich.console import Console
    from rich.table import Table

    rows = load_matrices(settings.matrices)
    columns = {"one test": of_single_tests(rows), "all tests": of_all_tests(rows)}
    table = Table(title=f"Generated tests of {len(rows)} problems, %")
    table.add_column("")
    for name in columns:
        table.add_column(name, justify="right")
    for label, attribute in _LABELS.items():
        table.add_row(label, *(f"{100 * getattr(quality, attribute):.1f}" for quality in columns.values()))
    Console().print(table)


_LABELS = {
    "accuracy": "accuracy",
    "F1": "f1",
    "wrong among the accepted (the paper's FAR)": "false_discovery_rate",
    "right among the rejected (the paper's FRR)": "false_omission_rate",
    "accepted among the wrong (false positive rate)": "false_positive_rate",
    "rejected among the right (false negative rate)": "false_negative_rate",
}

if __name__ == "__main__":
    run(TestQuality, main)
