"""How well scores order right answers above wrong ones."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from code_reward.metrics.columns import columns, labels_of


def auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """The chance that a right answer scores above a wrong one, a tie counting half (area under the ROC curve).

    All answers are compared with all, across problems too. A Bradley-Terry model's scores are only defined up to a constant per problem;
    for what such a model promises, see `pair_accuracy`.

    Args:
        labels (`ArrayLike`, shape `(n,)`): 1 for right, 0 for wrong; both must occur.
        scores (`ArrayLike`, shape `(n,)`): Higher is better.

    Raises:
        `DataError`: Empty, unequal lengths, NaN, or a single class (kind `single_class`).
    """
    label_column, score_column = columns(labels=labels, scores=scores)
    right = labels_of(label_column)
    wrong_scores = np.sort(score_column[~right])
    below = np.searchsorted(wrong_scores, score_column[right], "left")
    up_to = np.searchsorted(wrong_scores, score_column[right], "right")
    # Counts are whole numbers: nothing is rounded before the division.
    return int(below.sum() + up_to.sum()) / (2 * len(wrong_scores) * len(below))


def pair_accuracy(chosen: ArrayLike, rejected: ArrayLike) -> float:
    """The share of pairs whose chosen answer scores higher, a tie counting half.

    Args:
        chosen (`ArrayLike`, shape `(n,)`): Scores of the better answers.
        rejected (`ArrayLike`, shape `(n,)`): Scores of the worse answers, in the same order.

    Raises:
        `DataError`: Empty, unequal lengths or NaN.
    """
    better, worse = columns(chosen=chosen, rejected=rejected)
    return float(np.mean((better > worse) + 0.5 * (better == worse)))
