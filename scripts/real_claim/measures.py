"""What scores of programs are worth on problems never seen: figures per problem, so that intervals are over problems."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from code_reward.metrics import auc
from code_reward.selection.evaluation import best_of_n
from scripts.real_claim.states import Problem

Scores = list[npt.NDArray[np.float64]]
"""One array (programs,) per problem."""


def pair_accuracy(scores: npt.NDArray[np.floating], passed: npt.NDArray[np.bool_]) -> float | None:
    """Of one problem: the share of its pairs in the right order, ties a half; None where it has no pair."""
    if passed.all() or not passed.any():
        return None
    return auc(passed, scores)


def pair_accuracies(problems: Sequence[Problem], scores: Scores) -> npt.NDArray[np.float64]:
    """Of every problem that has a pair."""
    found = [pair_accuracy(own, problem.passed) for problem, own in zip(problems, scores, strict=True)]
    return np.array([one for one in found if one is not None])


def best_of(problems: Sequence[Problem], scores: Scores, n: int) -> npt.NDArray[np.float64]:
    """Per problem the chance that the best of n random samples is right; a program counts as often as it was sampled."""
    return np.array(
        [
            best_of_n(np.repeat(problem.passed, problem.counts), np.repeat(own, problem.counts).tolist(), n)
            for problem, own in zip(problems, scores, strict=True)
        ]
    )
