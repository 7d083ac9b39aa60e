"""What a reward model must beat: ways to score programs that learn nothing from labels, and labels that are not to be trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from code_reward.selection.consensus import codet
from code_reward.selection.matrix import ResultsMatrix
from scripts.real_claim.states import Problem

Score = Callable[[Problem], npt.NDArray[np.float64]]
Labels = Mapping[str, npt.NDArray[np.bool_]]
"""By the problem's name, one per program."""

UNTAUGHT: Mapping[str, Score] = {
    "chance": lambda problem: np.zeros(len(problem.passed)),
    "shorter is better": lambda problem: -problem.length.astype(np.float64),
    "mean log-probability": lambda problem: problem.chances[:, 0].astype(np.float64),
    "sum of log-probabilities": lambda problem: (problem.chances[:, 0] * problem.length).astype(np.float64),
    "yes or no, asked without training": lambda problem: problem.yes.astype(np.float64),
    "sampled most often": lambda problem: problem.counts.astype(np.float64),
}


def shuffled(problems: Sequence[Problem], seed: int) -> Labels:
    """Labels dealt anew among the programs of each problem."""
    draw = np.random.default_rng([seed, 1])
    return {problem.name: draw.permutation(problem.passed) for problem in problems}


def flipped(problems: Sequence[Problem], share: float, seed: int) -> Labels:
    """Labels of which a share is turned round."""
    draw = np.random.default_rng([seed, 2])
    return {problem.name: problem.passed ^ (draw.random(len(problem.passed)) < share) for problem in problems}


def by_generated_tests(problems: Sequence[Problem], matrices: Mapping[str, ResultsMatrix], places: Mapping[str, Sequence[int]]) -> Labels:
    """Right is what CodeT keeps by the pool's own generated tests: no human test, no right solution.

    Args:
        places: Of every problem the candidate of its matrix that each program is.
    """
    return {
        problem.name: codet(matrices[problem.name].candidates())[np.array(places[problem.name])]
        if problem.name in matrices
        else np.zeros(len(problem.passed), np.bool_)
        for problem in problems
    }
