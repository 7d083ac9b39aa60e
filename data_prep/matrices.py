"""Results matrices for best-of-n: labelled programs beside a reward model's scores: `python -m data_prep.matrices`.

`python -m code_reward.selection` then says what choosing by score is worth against a random choice and against an oracle.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from pydantic import BaseModel, ConfigDict, FiniteFloat

from code_reward.cli import Command, run
from code_reward.errors import DataError
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_all
from code_reward.selection.matrix import ResultsMatrix, save_matrices


class Score(BaseModel):
    """A reward model's score of a program, as `rm_train.evaluate` writes it."""

    model_config = ConfigDict(extra="ignore")

    problem_id: str
    program: str
    score: FiniteFloat


def matrices(labelled: Sequence[LabelledProgram], scores: Iterable[Score]) -> list[ResultsMatrix]:
    """One matrix per problem with every candidate, equal ones too, since each was a chance; without a score: null (never chosen)."""
    score_of = {(row.problem_id, row.program): row.score for row in scores}
    groups: dict[str, list[LabelledProgram]] = {}
    for row in labelled:
        groups.setdefault(row.problem_id, []).append(row)
    return [
        ResultsMatrix(
            problem_id=problem_id,
            correct=[row.passed for row in rows],
            scores=[score_of.get((problem_id, row.program)) for row in rows],
        )
        for problem_id, rows in groups.items()
    ]


class Matrices(Command):
    """Put labelled programs and their scores together, a problem per row."""

    labelled: Path
    """Labelled programs, all candidates of each problem."""
    scores: Path
    """Scores of these programs (the .scores.parquet of rm_train.evaluate)."""
    out: Path
    """File for the results matrices."""


def main(settings: Matrices) -> None:
    """Join, write, and say how many candidates have no score."""
    rows = matrices(read_all([settings.labelled], LabelledProgram), read_all([settings.scores], Score))
    if not any(score is not None for row in rows for score in row.scores or []):
        raise DataError(f"{settings.scores} has no score of any program in {settings.labelled}; give the scores of these programs.")
    save_matrices(settings.out, rows)
    unscored = sum(score is None for row in rows for score in row.scores or [])
    print(f"{len(rows)} problems, {sum(len(row.correct) for row in rows)} candidates ({unscored} without a score): {settings.out}")


if __name__ == "__main__":
    run(Matrices, main)
