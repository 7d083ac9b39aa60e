"""pass@k."""

from __future__ import annotations

import numpy as np

from code_reward.errors import DataError


def pass_at_k(samples: int, correct: int, k: int) -> float:
    """The chance that at least one of `k` samples, drawn without replacement from `samples` of which `correct` are right, is right.

    The unbiased estimate 1 − C(n−c, k) / C(n, k) of Chen et al. 2021, as a product that neither overflows nor cancels.

    Raises:
        `DataError`: Not 0 ≤ correct ≤ samples and 1 ≤ k ≤ samples.
    """
    if not 0 <= correct <= samples or not 1 <= k <= samples:
        raise DataError(f"pass@{k} of {correct} right in {samples} samples is not defined; draw at least {k} samples.")
    if samples - correct < k:
        return 1.0
    return float(1.0 - np.prod(1.0 - k / np.arange(samples - correct + 1, samples + 1)))
