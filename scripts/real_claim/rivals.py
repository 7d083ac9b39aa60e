"""What a reward model must beat: ways to score programs that learn nothing from labels, and labels that are not to be trusted."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from code_reward.errors import ConfigurationError
from code_reward.rows import read_all
from data_prep.matrices import Score
from scripts.real_claim.measures import Scores
from scripts.real_claim.states import Problem

Way = Callable[[Problem], npt.NDArray[np.float64]]
Labels = Mapping[str, npt.NDArray[np.bool_]]
"""By the problem's name, one per program."""

LIKELY = "mean log-probability"
UNTAUGHT: Mapping[str, Way] = {
    "chance": lambda problem: np.zeros(len(problem.passed)),
    "shorter is better": lambda problem: -problem.length.astype(np.float64),
    LIKELY: lambda problem: problem.chances[:, 0].astype(np.float64),
    "sum of log-probabilities": lambda problem: (problem.chances[:, 0] * problem.length).astype(np.float64),
    "yes or no, asked without training": lambda problem: problem.yes.astype(np.float64),
    "sampled most often": lambda problem: problem.counts.astype(np.float64),
}


def scores_of(named: Sequence[str], problems: Sequence[Problem]) -> dict[str, Scores]:
    """Scores from files, given as NAME=FILE; raises `ConfigurationError` where a program has none."""
    found: dict[str, dict[tuple[str, str], float]] = {}
    for one in named:
        name, equals, path = one.partition("=")
        if not equals:
            raise ConfigurationError(f"--scores {one} is not NAME=FILE; say what the scores are to be called.")
        found.setdefault(name, {}).update({(row.problem_id, row.program): row.score for row in read_all([path], Score)})
    for name, scores in found.items():
        lacking = sum((problem.name, program) not in scores for problem in problems for program in problem.programs)
        if lacking:
            raise ConfigurationError(f"{lacking} programs have no score by {name}; give a score for every program that is judged.")
    return {
        name: [np.array([scores[problem.name, program] for program in problem.programs]) for problem in problems]
        for name, scores in found.items()
    }


def shuffled(problems: Sequence[Problem], seed: int) -> Labels:
    """Labels dealt anew among the programs of each problem."""
    draw = np.random.default_rng([seed, 1])
    return {problem.name: draw.permutation(problem.passed) for problem in problems}


def flipped(problems: Sequence[Problem], share: float, seed: int) -> Labels:
    """Labels of which a share is turned round."""
    draw = np.random.default_rng([seed, 2])
    return {problem.name: problem.passed ^ (draw.random(len(problem.passed)) < share) for problem in problems}
