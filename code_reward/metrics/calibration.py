"""Calibration: whether a stated probability is the share of answers that are right.

What that means for a reward model needs care. A Bradley-Terry model is trained on differences within a problem, so its logit is only
defined up to a constant per problem, and `sigmoid(logit)` is no probability of being right. Two questions do have answers:

- *Are its preferences calibrated?* `sigmoid` of the difference of two answers' logits is the model's own probability that the first is
  better; no constant matters. `pair_reliability` compares it with how often that is so.
- *Can its scores be read as probabilities, across problems?* `cross_calibrate` fits the one scale and shift for all problems that Platt
  scaling allows, on other problems than it is applied to, and `reliability` measures what error is left.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from code_reward.errors import DataError
from code_reward.metrics.columns import column, columns, labels_of

_Values = NDArray[np.float64]


@dataclass(frozen=True)
class Bin:
    """The answers whose probability lies in [low, high): how many, their mean probability and the share that is right."""

    low: float
    high: float
    count: int
    confidence: float
    accuracy: float


@dataclass(frozen=True)
class Reliability:
    """The expected calibration error and the bins that are not empty, for a reliability diagram."""

    ece: float
    bins: tuple[Bin, ...]


@dataclass(frozen=True)
class Platt:
    """`sigmoid(scale * score + shift)`: scores read as probabilities."""

    scale: float
    shift: float

    def __call__(self, scores: ArrayLike) -> _Values:
        return _sigmoid(self.scale * column("scores", scores) + self.shift)


def reliability(outcomes: ArrayLike, probabilities: ArrayLike, *, bins: int = 10) -> Reliability:
    """ECE over bins of equal width: the mean of |share right − mean probability|, weighted by the bins' counts (Guo et al. 2017).

    Args:
        outcomes (`ArrayLike`, shape `(n,)`): 1 for right, 0 for wrong; values between are shares, such as the half of a tie.
        probabilities (`ArrayLike`, shape `(n,)`): In [0, 1].
        bins (`int`, *optional*, defaults to 10): How many; the last holds probability 1 too.

    Raises:
        `DataError`: Empty, unequal lengths, NaN, a value outside [0, 1], or no bin.
    """
    right, stated = columns(outcomes=outcomes, probabilities=probabilities)
    for name, values in (("outcomes", right), ("probabilities", stated)):
        if values.min() < 0 or values.max() > 1:
            raise DataError(f"{name} must lie in [0, 1], not reach from {values.min()} to {values.max()}; fit_platt maps raw scores there.")
    if bins < 1:
        raise DataError(f"{bins} bins hold nothing; use at least 1.")
    edges = np.linspace(0.0, 1.0, bins + 1)
    number = np.searchsorted(edges[1:-1], stated, "right")
    filled = tuple(_bin(edges, index, right[number == index], stated[number == index]) for index in np.unique(number))
    return Reliability(sum(one.count * abs(one.accuracy - one.confidence) for one in filled) / len(right), filled)


def pair_reliability(chosen: ArrayLike, rejected: ArrayLike, *, bins: int = 10) -> Reliability:
    """Calibration of a Bradley-Terry model's preferences: the higher of two scores is right with probability `sigmoid(|difference|)`.

    Args:
        chosen (`ArrayLike`, shape `(n,)`): Logits of the better answers.
        rejected (`ArrayLike`, shape `(n,)`): Logits of the worse answers, in the same order.
        bins (`int`, *optional*, defaults to 10): Of [0, 1], of which the upper half is used.
    """
    better, worse = columns(chosen=chosen, rejected=rejected)
    return reliability((better > worse) + 0.5 * (better == worse), _sigmoid(np.abs(better - worse)), bins=bins)


def fit_platt(labels: ArrayLike, scores: ArrayLike) -> Platt:
    """The scale and shift under which the scores predict the labels best (Platt 2000).

    Logistic regression towards Platt's smoothed labels, which keep the scale finite where right and wrong answers separate perfectly, by
    Newton's method on standardised scores. Apply the result to *other* problems, or use `cross_calibrate`.

    Raises:
        `DataError`: Empty, unequal lengths, NaN, or a single class.
    """
    label_column, score_column = columns(labels=labels, scores=scores)
    right = labels_of(label_column)
    positive, negative = int(right.sum()), int((~right).sum())
    targets = np.where(right, (positive + 1) / (positive + 2), 1 / (negative + 2))
    centre, width = float(score_column.mean()), float(score_column.std()) or 1.0
    scale, shift = _logistic_regression((score_column - centre) / width, targets)
    return Platt(scale / width, shift - scale * centre / width)


def cross_calibrate(labels: ArrayLike, scores: ArrayLike, groups: Sequence[Hashable], *, seed: int) -> _Values:
    """Probabilities for every score: the problems are halved at random, and each half is mapped by `fit_platt` on the other.

    Args:
        labels (`ArrayLike`, shape `(n,)`): 1 for right, 0 for wrong.
        scores (`ArrayLike`, shape `(n,)`): Raw scores.
        groups (`Sequence[Hashable]`): The problem of each answer; no problem is in both halves.
        seed (`int`): Of the halving.

    Raises:
        `DataError`: As `fit_platt`, for either half.
    """
    label_column, score_column = columns(labels=labels, scores=scores)
    if len(groups) != len(label_column):
        raise DataError(f"{len(groups)} groups for {len(label_column)} answers; give one per answer.")
    names = list(dict.fromkeys(groups))
    first_names = {names[index] for index in np.random.default_rng(seed).permutation(len(names))[: len(names) // 2]}
    first = np.array([group in first_names for group in groups])
    probabilities = np.empty(len(label_column))
    for fitted, applied in ((first, ~first), (~first, first)):
        if not fitted.any():
            raise DataError("All answers belong to one problem; calibration needs at least two.", kind="empty")
        probabilities[applied] = fit_platt(label_column[fitted], score_column[fitted])(score_column[applied])
    return probabilities


def _bin(edges: _Values, index: int, right: _Values, stated: _Values) -> Bin:
    return Bin(float(edges[index]), float(edges[index + 1]), len(right), float(stated.mean()), float(right.mean()))


def _sigmoid(logits: _Values) -> _Values:
    # By the tanh, which cannot overflow.
    values: _Values = 0.5 * (1.0 + np.tanh(0.5 * logits))
    return values


def _logistic_regression(inputs: _Values, targets: _Values) -> tuple[float, float]:
    """Scale and shift that minimise the cross-entropy with `targets`; damped Newton, convex, so it always arrives."""
    design = np.stack([inputs, np.ones_like(inputs)])
    weights = np.zeros(2)
    loss = _cross_entropy(weights @ design, targets)
    for _ in range(100):
        probabilities = _sigmoid(weights @ design)
        gradient = design @ (probabilities - targets)
        # The ridge keeps the step defined where all scores are equal.
        hessian = (design * (probabilities * (1 - probabilities))) @ design.T + 1e-12 * len(inputs) * np.eye(2)
        step, size = np.linalg.solve(hessian, gradient), 1.0
        while size > 1e-10 and _cross_entropy((weights - size * step) @ design, targets) > loss:
            size /= 2
        weights = weights - size * step
        previous, loss = loss, _cross_entropy(weights @ design, targets)
        if previous - loss <= 1e-12 * len(inputs):
            break
    return float(weights[0]), float(weights[1])


def _cross_entropy(logits: _Values, targets: _Values) -> float:
    return float(np.sum(np.logaddexp(0.0, logits) - targets * logits))
