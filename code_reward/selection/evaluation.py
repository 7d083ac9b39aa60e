"""How good a choice from n candidates is: the expected accuracy of each method, with intervals over problems.

A problem usually has more candidates than n. The figure is the mean over all its subsets of n: exactly where a closed form exists, over
all or random subsets elsewhere, which are the same for every method.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from code_reward.errors import DataError
from code_reward.metrics import Interval, bootstrap, paired_difference, pass_at_k
from code_reward.metrics.columns import column
from code_reward.selection.consensus import codet, mbr_exec, mbr_exec_soft, same_results, srank
from code_reward.selection.matrix import ResultsMatrix
from code_reward.selection.rules import Rule, majority_vote
from code_reward.selection.scored import scored_vote
from code_reward.selection.vouched import vouched_vote
from code_reward.selection.weighted import best_by_score, hybrid, weighted_vote

Need = Literal["passed", "outputs", "scores"]
Subsets = NDArray[np.intp]
"""Of shape (draws, n): the candidates that each draw may choose from."""


@dataclass(frozen=True)
class Method:
    """A way to choose, as it is measured.

    Args:
        expect (`Callable`): The expected accuracy of the choice on one problem, given the subsets to choose from.
        needs (`tuple[str, ...]`, *optional*): What a results matrix must hold for it: `passed`, `outputs`, `scores`.
        rule (`Rule`, *optional*): The rule that is measured, for who wants to choose by it. None for what no rule can do.
    """

    expect: Callable[[ResultsMatrix, Subsets], float]
    needs: tuple[Need, ...] = ()
    rule: Rule | None = None


@dataclass(frozen=True)
class Figure:
    """The accuracy of one method with n candidates, and its paired difference to another."""

    method: str
    n: int
    accuracy: Interval
    difference: Interval


def best_of_n(correct: ArrayLike, scores: Sequence[float | None], n: int) -> float:
    """The chance that the highest-scoring of n random candidates is right, ties broken at random; exact.

    With the candidates in runs of equal scores, the winner comes from a run if the n all lie in it or below, but not all below.

    Args:
        correct (`ArrayLike`, shape `(N,)`): 1 for right, 0 for wrong.
        scores (`Sequence[float | None]`): One per candidate, higher is better; None (rejected or missing) loses to any score.
        n (`int`): Between 1 and N.

    Raises:
        `DataError`: Empty, unequal lengths, NaN, or n out of range.
    """
    right = column("correct", correct)
    if len(scores) != len(right):
        raise DataError(f"{len(scores)} scores for {len(right)} candidates; give one per candidate, None where there is none.")
    ranked = np.full(len(right), -np.inf)
    given = {index: score for index, score in enumerate(scores) if score is not None}
    if given:
        ranked[list(given)] = column("scores", list(given.values()))
    runs, run, sizes = np.unique(ranked, return_inverse=True, return_counts=True)
    accuracy = np.bincount(run, weights=right, minlength=len(runs)) / sizes
    up_to = [math.comb(int(count), n) for count in (0, *np.cumsum(sizes))]
    wins = [(upper - lower) / _subset_count(len(right), n) for lower, upper in pairwise(up_to)]
    return math.fsum(share * win for share, win in zip(accuracy, wins, strict=True))


def by_sampling(rule: Rule) -> Callable[[ResultsMatrix, Subsets], float]:
    """The expected accuracy of any rule: one of those that it keeps, at random, averaged over the subsets."""

    def expect(matrix: ResultsMatrix, subsets: Subsets) -> float:
        candidates, correct = matrix.candidates(), np.array(matrix.correct, dtype=np.float64)
        return math.fsum(float(correct[which][rule(candidates.take(which))].mean()) for which in subsets) / len(subsets)

    return expect


def _random(matrix: ResultsMatrix, subsets: Subsets) -> float:
    return float(np.mean(matrix.correct))


def _oracle(matrix: ResultsMatrix, subsets: Subsets) -> float:
    return pass_at_k(len(matrix.correct), sum(matrix.correct), subsets.shape[1])


def _best_by_score(matrix: ResultsMatrix, subsets: Subsets) -> float:
    return best_of_n(matrix.correct, matrix.scores or [], subsets.shape[1])


def _sampled(rule: Rule, *needs: Need) -> Method:
    return Method(by_sampling(rule), needs, rule)


METHODS: Mapping[str, Method] = {
    "random": Method(_random),
    "best_by_score": Method(_best_by_score, needs=("scores",), rule=best_by_score),
    "majority_vote": _sampled(majority_vote, "passed"),
    "weighted_vote": _sampled(weighted_vote, "passed"),
    "same_results": _sampled(same_results, "passed"),
    "mbr_exec": _sampled(mbr_exec, "outputs"),
    "mbr_exec_soft": _sampled(mbr_exec_soft, "outputs"),
    "codet": _sampled(codet, "passed"),
    "srank": _sampled(srank, "passed", "outputs"),
    "vouched_vote": _sampled(vouched_vote, "passed", "outputs"),
    "hybrid": _sampled(hybrid, "passed", "scores"),
    "scored_vote": _sampled(scored_vote, "passed", "outputs", "scores"),
    "oracle": Method(_oracle),
}
"""From the lower bound, a random choice, to the upper one: right if any candidate is."""


def accuracies(method: Method, matrices: Sequence[ResultsMatrix], n: int, *, seed: int = 0, draws: int = 100) -> NDArray[np.float64]:
    """The expected accuracy of a choice from n candidates, for each problem.

    Args:
        method (`Method`): How to choose.
        matrices (`Sequence[ResultsMatrix]`): The problems.
        n (`int`): How many candidates to choose from; no problem may have fewer.
        seed (`int`, *optional*, defaults to 0): Of the subsets; they do not depend on the method.
        draws (`int`, *optional*, defaults to 100): Subsets per problem; all of them where there are no more than that.

    Raises:
        `DataError`: A problem lacks what the method needs, or has fewer than n candidates.
    """
    for matrix in matrices:
        for name in method.needs:
            if getattr(matrix, name) is None:
                raise DataError(f"Problem {matrix.problem_id!r} has no {name}; add them or leave out the methods that need them.")
    return np.array([method.expect(matrix, _subsets(matrix, n, draws, [seed, row])) for row, matrix in enumerate(matrices)])


def compare(
    matrices: Sequence[ResultsMatrix],
    sizes: Sequence[int],
    *,
    methods: Mapping[str, Method] = METHODS,
    against: str = "random",
    seed: int = 0,
    draws: int = 100,
    resamples: int = 1000,
) -> list[Figure]:
    """Every method with every number of candidates, and its difference to `against`, with bootstrap intervals over problems."""
    figures = []
    for n in sizes:
        other = accuracies(METHODS[against], matrices, n, seed=seed, draws=draws)
        for name, method in methods.items():
            own = accuracies(method, matrices, n, seed=seed, draws=draws)
            figures.append(figure(name, n, own, other, seed=seed, resamples=resamples))
    return figures


def figure(name: str, n: int, own: NDArray[np.float64], other: NDArray[np.float64], *, seed: int, resamples: int) -> Figure:
    """The figure of one method from the accuracies per problem, its own and the other's."""
    accuracy = bootstrap(np.mean, own, seed=seed, resamples=resamples)
    return Figure(name, n, accuracy, paired_difference(own, other, seed=seed, resamples=resamples))


def applicable(matrices: Sequence[ResultsMatrix]) -> dict[str, Method]:
    """The methods for which any of the problems has what it takes."""
    return {
        name: method
        for name, method in METHODS.items()
        if all(any(getattr(matrix, need) is not None for matrix in matrices) for need in method.needs)
    }


def _subsets(matrix: ResultsMatrix, n: int, draws: int, seed: Sequence[int]) -> Subsets:
    count = len(matrix.correct)
    if not 1 <= n <= count:
        raise DataError(f"Problem {matrix.problem_id!r} has {count} candidates, which gives no choice from {n}; use at most {count}.")
    if math.comb(count, n) <= draws:
        return np.array(list(combinations(range(count), n)))
    rng = np.random.default_rng(seed)
    return np.stack([rng.permutation(count)[:n] for _ in range(draws)])


def _subset_count(count: int, n: int) -> int:
    if not 1 <= n <= count:
        raise DataError(f"The best of {n} in {count} candidates is not defined; use an n from 1 to {count}.")
    return math.comb(count, n)
