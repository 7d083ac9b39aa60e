"""What a reward model is found to be worth: a score per program, and figures with intervals; light to import."""

from __future__ import annotations

from pydantic import BaseModel, FiniteFloat

from code_reward.figure import Figure
from code_reward.reward_data import LabelledProgram


class ScoredProgram(LabelledProgram):
    """A labelled program with the reward model's raw score."""

    score: FiniteFloat


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
