"""Measure a reward model against executed truth: `python -m rm_train.evaluate`.

Reads labelled programs of problems that the model was not trained on, scores every distinct one, and reports accuracy on pairs within a
problem, AUC over all programs, and calibration, for each origin of the wrong programs apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import BaseModel, FiniteFloat

from code_reward.cli import Command, run
from code_reward.reward_data import LabelledProgram

if TYPE_CHECKING:
    from code_reward.metrics import Interval


class ScoredProgram(LabelledProgram):
    """A labelled program with the reward model's raw score."""

    score: FiniteFloat


class Figure(BaseModel):
    """A measure with its 95 % interval over problems."""

    value: float
    low: float
    high: float

    @classmethod
    def of(cls, interval: Interval) -> Figure:
        return cls(value=interval.estimate, low=interval.low, high=interval.high)


class Evaluation(BaseModel):
    """What a reward model is worth on some programs."""

    problems: int
    right: int
    wrong: int
    pair_accuracy: Figure
    """Share of (right, wrong) pairs of a problem in the right order; ties count half; problems weigh alike."""
    auc: Figure
    """Chance that a right program of any problem scores above a wrong one of any problem."""
    ece: float
    """Expected calibration error of the cross-fitted probability that a program is right."""


class Evaluate(Command):
    """Evaluate a reward model on labelled programs."""

    model: Path
    """Reward model folder."""
    labelled: list[Path]
    """Labelled programs of problems that the model has not seen; several files are put together."""
    out: Path
    """File for the figures (JSON); the scores of all programs go to OUT with the ending .scores.parquet."""
    seed: int = 0
    """Seed of the bootstrap."""


def main(settings: Evaluate) -> None:
    """Score, measure, write and print."""
    from code_reward.files import write_text
    from code_reward.rows import read_rows, write_rows
    from rm_train.measure import evaluate_all, print_table, score_programs

    rows = [row for path in settings.labelled for row in read_rows(path, LabelledProgram)]
    scored = score_programs(settings.model, rows)
    evaluations = evaluate_all(scored, seed=settings.seed)
    write_rows(settings.out.with_suffix(".scores.parquet"), scored)
    write_text(settings.out, "{\n" + ",\n".join(f'"{name}": {result.model_dump_json()}' for name, result in evaluations.items()) + "\n}\n")
    print_table(evaluations)


if __name__ == "__main__":
    run(Evaluate, main)
