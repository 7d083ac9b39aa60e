"""Tests weighted by how hard they are for the group: one that few of a prompt's answers pass is worth more than one that nearly all pass.

The dense reward of VeRPO (Wang et al. 2026, arXiv 2601.03525v3, equations 3 and 7 to 10). Of a group's answers the share p_j passes test j:

    N_j = sum_k exp(-(p_j - p_k)^2 / (2 s^2))      how many tests, itself included, are about as hard
    w_j = exp(-ALPHA p_j) / (N_j + DELTA)          hard tests count more, and many that are alike hardly more than one
    r_i = sum_j w_j [i passes j] / sum_j w_j       the reward of answer i

Dividing by the sum of the weights is ours: 1 is then right, whatever the group, and advantages that are divided by the group's standard
deviation stay what they were. The paper adds, with a weight, an advantage of the outcome (1 where all tests pass); that is not done here.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Final

import numpy as np

from code_reward.errors import DataError
from code_reward.verdict import Rejected, Scored, Verdict

ALPHA: Final = 2.0
"""How much more hard tests count, as in the paper."""
DELTA: Final = 1e-6
"""This, and that the bandwidth s is half the standard deviation of the p_j, is a public implementation's, for verl."""
SMALLEST_BANDWIDTH: Final = 1e-3
"""Where all p_j are equal."""


def difficulty_weights(passed: Sequence[Sequence[bool]]) -> list[float]:
    """The weight w_j of each test, above 0.

    Args:
        passed (`Sequence[Sequence[bool]]`, shape `(answers, tests)`): Which answer passes which; one without a program passes none.

    Raises:
        `DataError`: No answers, no tests, or rows of different lengths.
    """
    counts = {len(row) for row in passed}
    if len(counts) != 1 or 0 in counts:
        raise DataError("Weighing tests needs at least one answer and one test, and every answer's result on the same tests.")
    shares = np.mean(np.asarray(passed, dtype=float), axis=0)
    bandwidth = max(float(shares.std()) / 2, SMALLEST_BANDWIDTH)
    # A group of n answers has at most n + 1 different shares, however many tests there are.
    levels, place, tests = np.unique(shares, return_inverse=True, return_counts=True)
    alike = np.exp(-((levels[:, None] - levels) ** 2) / (2 * bandwidth**2)) @ tests
    weights: list[float] = (np.exp(-ALPHA * levels) / (alike + DELTA))[place].tolist()
    return weights


def weighted_shares(passed: Sequence[Sequence[bool]]) -> list[float]:
    """The reward r_i of each answer, in [0, 1], and 1 where all tests pass; arguments and errors as of `difficulty_weights`."""
    weights = difficulty_weights(passed)
    total = math.fsum(weights)
    return [math.fsum(weight for weight, one in zip(weights, row, strict=True) if one) / total for row in passed]


def weigh(verdicts: Sequence[Verdict], passed: Sequence[Sequence[bool] | None], groups: Sequence[Hashable]) -> list[Verdict]:
    """The verdicts of executed answers, each score replaced by the answer's weighted share within its group.

    A rejected answer passes no test and counts in the pass rates; one whose verdict is missing does not.

    Args:
        verdicts (`Sequence[Verdict]`): Of any number of groups.
        passed (`Sequence[Sequence[bool] | None]`): Which tests each scored answer passes.
        groups (`Sequence[Hashable]`): Which prompt each answers.
    """
    members: dict[Hashable, list[int]] = {}
    for number, group in enumerate(groups):
        members.setdefault(group, []).append(number)
    weighed = list(verdicts)
    for numbers in members.values():
        ran = {number: row for number in numbers if (row := passed[number]) is not None and isinstance(verdicts[number], Scored)}
        if ran:
            none = [False] * len(next(iter(ran.values())))
            rejected = [none for number in numbers if isinstance(verdicts[number], Rejected)]
            shares = weighted_shares([*ran.values(), *rejected])
            for number, share in zip(ran, shares, strict=False):
                weighed[number] = Scored(share)
    return weighed
