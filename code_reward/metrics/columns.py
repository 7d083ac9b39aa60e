"""The input of a measure, checked once: columns of numbers, one row per answer or pair."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from code_reward.errors import DataError


def column(name: str, values: ArrayLike) -> NDArray[np.float64]:
    """One column of finite numbers; raises `DataError` that names it if it is empty, not flat, or holds anything else."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name} holds something that is not a number ({error}); leave missing verdicts out.") from error
    if array.ndim != 1 or array.size == 0:
        raise DataError(f"{name} has shape {array.shape}; give one number per row, and at least one.", kind="empty")
    if not np.isfinite(array).all():
        row = int(np.flatnonzero(~np.isfinite(array))[0])
        raise DataError(f"{name} is {array[row]} in row {row}; leave missing verdicts out.", kind="not_finite")
    return array


def columns(**values: ArrayLike) -> tuple[NDArray[np.float64], ...]:
    """Several columns of the same length."""
    arrays = tuple(column(name, own) for name, own in values.items())
    if len({len(array) for array in arrays}) > 1:
        lengths = ", ".join(f"{name} {len(array)}" for name, array in zip(values, arrays, strict=True))
        raise DataError(f"Columns differ in length ({lengths}); give one value per row in each.")
    return arrays


def labels_of(array: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Labels, each 0 or 1, both present."""
    if not np.isin(array, (0.0, 1.0)).all():
        raise DataError("Labels must be 0 or 1 (or False and True).")
    if array.min() == array.max():
        raise DataError(f"Every label is {int(array[0])}; this measure needs right and wrong answers.", kind="single_class")
    return array.astype(np.bool_)
