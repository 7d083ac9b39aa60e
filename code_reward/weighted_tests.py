"""Tests weighted by how hard they are for the group: one that few of a prompt's answers pass is worth more than one that nearly all pass.

After VeRPO (Wang et al. 2026, arXiv 2601.03525), whose dense reward is the sum of the weights of the tests passed, the weights taken from
the pass rates within the group. Here the weight of test j of m, which the share p_j of the group's n answers passes, is

    w_j = (1 - p_j) / sum_k (1 - p_k),    and an answer's reward    r_i = sum_j w_j [i passes j],

which lies in [0, 1] and is 1 only for an answer that passes every test that anybody failed. A test that all pass tells nobody apart: its
weight is 0. Where all pass all, every answer has 1. The paper's own estimate of the weights may be another: only its abstract was read.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence

from code_reward.errors import DataError
from code_reward.verdict import Rejected, Scored, Verdict


def difficulty_weights(passed: Sequence[Sequence[bool]]) -> list[float]:
    """The weight of each test, which sum to 1, or are all 0 where every answer passes every test.

    Args:
        passed (`Sequence[Sequence[bool]]`, shape `(answers, tests)`): Which answer passes which; one without a program passes none.

    Raises:
        `DataError`: No answers, no tests, or rows of different lengths.
    """
    counts = {len(row) for row in passed}
    if len(counts) != 1 or 0 in counts:
        raise DataError("Weighing tests needs at least one answer and one test, and every answer's result on the same tests.")
    hardness = [sum(not one for one in column) / len(passed) for column in zip(*passed, strict=True)]
    total = math.fsum(hardness)
    return [one / total if total else 0.0 for one in hardness]


def weighted_shares(passed: Sequence[Sequence[bool]]) -> list[float]:
    """The reward of each answer, in [0, 1]; arguments and errors as of `difficulty_weights`."""
    weights = difficulty_weights(passed)
    if not any(weights):
        return [1.0] * len(passed)
    return [min(math.fsum(weight for weight, one in zip(weights, row, strict=True) if one), 1.0) for row in passed]


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
