"""Intervals by the bootstrap, resampling whole problems.

Answers to one problem are not independent, so the unit that is drawn is the problem with all its answers. Columns that are passed
together are resampled together, which is what makes a difference of two methods on the same problems a *paired* difference.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from code_reward.errors import DataError
from code_reward.metrics.columns import column


@dataclass(frozen=True)
class Interval:
    """A figure and the bounds between which it lies with probability `level`."""

    estimate: float
    low: float
    high: float
    level: float = 0.95


def bootstrap(
    statistic: Callable[..., float],
    *data: ArrayLike,
    groups: Sequence[Hashable] | None = None,
    seed: int,
    resamples: int = 1000,
    level: float = 0.95,
) -> Interval:
    """The percentile bootstrap interval of `statistic(*data)`.

    A resample on which the statistic is not defined because it has one class only (the error's kind is `single_class`) is drawn again;
    if that happens to more than a tenth, the data are too few and it is an error.

    Args:
        statistic (`Callable[..., float]`): Takes the columns, in order, as float arrays.
        data (`ArrayLike`, each of shape `(n,)`): Columns with one value per answer, pair or problem.
        groups (`Sequence[Hashable]`, *optional*): The problem of each row; by default each row is its own.
        seed (`int`): The same seed gives the same interval.
        resamples (`int`, *optional*, defaults to 1000): How many.
        level (`float`, *optional*, defaults to 0.95): Coverage. With few problems (under about 30) the true coverage is lower.

    Raises:
        `DataError`: Empty columns, unequal lengths, NaN, fewer than two problems, or too many undefined resamples.

    Example:

        >>> bootstrap(lambda labels, a, b: auc(labels, a) - auc(labels, b), labels, ours, theirs, groups=problem_ids, seed=0)
        Interval(estimate=0.041, low=0.012, high=0.069, level=0.95)
    """
    if not 0 < level < 1 or resamples < 1:
        raise DataError(f"A level of {level} with {resamples} resamples gives no interval; use a level in (0, 1) and at least 1 resample.")
    arrays = [column(f"column {index}", values) for index, values in enumerate(data)]
    lengths = {len(array) for array in arrays} | ({len(groups)} if groups is not None else set())
    if len(lengths) != 1:
        raise DataError(f"Columns and groups have lengths {sorted(lengths)}; give at least one column, and one value per row in each.")
    estimate = float(statistic(*arrays))
    draws = _resampled_rows(range(len(arrays[0])) if groups is None else groups, np.random.default_rng(seed))
    values = _over_resamples(statistic, arrays, draws, resamples)
    low, high = np.quantile(values, [(1 - level) / 2, (1 + level) / 2])
    return Interval(estimate, float(low), float(high), level)


def paired_difference(
    ours: ArrayLike, theirs: ArrayLike, *, groups: Sequence[Hashable] | None = None, seed: int, resamples: int = 1000, level: float = 0.95
) -> Interval:
    """The interval of mean(ours) − mean(theirs), both measured on the same rows."""
    return bootstrap(_mean_difference, ours, theirs, groups=groups, seed=seed, resamples=resamples, level=level)


def _mean_difference(ours: NDArray[np.float64], theirs: NDArray[np.float64]) -> float:
    return float(np.mean(ours - theirs))


def _resampled_rows(groups: Sequence[Hashable], rng: np.random.Generator) -> Iterator[NDArray[np.intp]]:
    """Row numbers of as many groups as there are, drawn with replacement, without end."""
    numbers: dict[Hashable, int] = {}
    number_of_row = np.array([numbers.setdefault(group, len(numbers)) for group in groups])
    if len(numbers) < 2:
        raise DataError("All rows belong to one problem, which says nothing about others; measure at least two.", kind="empty")
    by_group = np.argsort(number_of_row, kind="stable")
    sizes = np.bincount(number_of_row)
    starts = np.cumsum(sizes) - sizes
    while True:
        drawn = rng.integers(len(sizes), size=len(sizes))
        ends = np.cumsum(sizes[drawn])
        yield by_group[np.arange(ends[-1]) + np.repeat(starts[drawn] - (ends - sizes[drawn]), sizes[drawn])]


def _over_resamples(
    statistic: Callable[..., float], arrays: Sequence[NDArray[np.float64]], draws: Iterator[NDArray[np.intp]], resamples: int
) -> list[float]:
    values: list[float] = []
    undefined = 0
    while len(values) < resamples:
        rows = next(draws)
        try:
            values.append(float(statistic(*(array[rows] for array in arrays))))
        except DataError as error:
            if error.kind != "single_class":
                raise
            undefined += 1
            if undefined > resamples / 10:
                message = "More than a tenth of the resamples have right answers only, or wrong ones only; measure more problems."
                raise DataError(message, kind="single_class") from error
    return values
