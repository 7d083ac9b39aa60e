"""Nested cross-validation of a rule that has settings: chosen on some problems, measured on the others.

The figure of the best of several settings on the very problems that it is best on is too good. Here each problem is judged with the setting
that was best on problems of other parts; over many partitions, so that the figure does not hang on one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from code_reward.errors import DataError
from code_reward.selection.evaluation import Method, accuracies, by_sampling
from code_reward.selection.matrix import ResultsMatrix
from code_reward.selection.rules import Rule


def nested_accuracies(
    rules: Mapping[str, Rule],
    matrices: Sequence[ResultsMatrix],
    n: int,
    *,
    folds: int = 10,
    partitions: int = 20,
    seed: int = 0,
    draws: int = 100,
) -> tuple[NDArray[np.float64], Counter[str]]:
    """The expected accuracy for each problem, by settings chosen without it; and how often each setting was chosen.

    Args:
        rules (`Mapping[str, Rule]`): The settings by name; of several that are equally good the first is taken.
        matrices (`Sequence[ResultsMatrix]`): The problems.
        n (`int`): How many candidates to choose from.
        folds (`int`, *optional*, defaults to 10): Parts of a partition, at least 2.
        partitions (`int`, *optional*, defaults to 20): Over which each problem's accuracy is averaged.

    Raises:
        `DataError`: There are fewer problems than parts, or fewer than two parts.
    """
    if folds < 2:
        raise DataError(f"With {folds} folds there are no other problems to choose the settings on; use at least 2.")
    if len(matrices) < folds:
        raise DataError(f"{len(matrices)} problems cannot be parted into {folds}; use fewer folds.")
    table = np.stack([accuracies(Method(by_sampling(rule)), matrices, n, seed=seed, draws=draws) for rule in rules.values()])
    names, chosen = list(rules), Counter[str]()
    rng = np.random.default_rng(seed)
    total = np.zeros(len(matrices))
    for _ in range(partitions):
        part = rng.permutation(len(matrices)) % folds
        for fold in range(folds):
            best = int(np.argmax(table[:, part != fold].mean(axis=1)))
            chosen[names[best]] += 1
            total[part == fold] += table[best, part == fold]
    return total / partitions, chosen
