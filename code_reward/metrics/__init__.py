"""Measures of policies and of rewards, on numpy alone.

A measure that its input does not define (nothing to measure, NaN, only one class) raises `DataError` instead of returning NaN: a figure
in a report is a figure. Every figure that is reported comes with a `bootstrap` interval over problems, never over samples, because the
answers to one problem are alike.
"""

from code_reward.metrics.bootstrap import Interval, bootstrap, paired_difference
from code_reward.metrics.calibration import Bin, Platt, Reliability, cross_calibrate, fit_platt, pair_reliability, reliability
from code_reward.metrics.passing import pass_at_k
from code_reward.metrics.ranking import auc, pair_accuracy

__all__ = [
    "Bin",
    "Interval",
    "Platt",
    "Reliability",
    "auc",
    "bootstrap",
    "cross_calibrate",
    "fit_platt",
    "pair_accuracy",
    "pair_reliability",
    "paired_difference",
    "pass_at_k",
    "reliability",
]
