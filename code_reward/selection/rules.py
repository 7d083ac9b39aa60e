"""Rules of selection: functions from what is known of N candidates to a mask of those that are kept.

A rule keeps at least one candidate and never sees which are right.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Candidates:
    """What a rule may look at.

    Args:
        passed (`NDArray[bool]`, shape `(N, M)`): Whether candidate i passes test j, tests all different; M may be 0.
        scores (`NDArray[float64]`, shape `(N,)`): What a reward model says, higher is better; NaN where it gave no score.
        votes (`NDArray[bool]`, shape `(N, S)`): Whether candidate i passes all tests of sample j, samples without tests left out.
        outputs (`NDArray[intp]`, shape `(N, K)`): What candidate i gave on input k: equal numbers for equal values; K may be 0.
        failed (`NDArray[bool]`, shape `(N, K)`): Whether it gave no value there (an exception, a time-out).
    """

    passed: Mask
    scores: NDArray[np.float64]
    votes: Mask
    outputs: NDArray[np.intp]
    failed: Mask

    def __len__(self) -> int:
        return len(self.passed)

    def take(self, which: NDArray[np.intp]) -> Candidates:
        """Only these candidates, in this order."""
        return Candidates(*(getattr(self, name)[which] for name in ("passed", "scores", "votes", "outputs", "failed")))


Rule = Callable[[Candidates], Mask]


def majority_vote(candidates: Candidates) -> Mask:
    """CodeRM-8B's vote, with the tie-break of its published code.

    Keep the candidates that pass the most samples of tests; among these, those whose exact set of passed samples is the most frequent one,
    or ones (Ma et al. 2025, section 2.1; the tie-break is in `calculate_result.py` only).
    """
    votes = candidates.votes.sum(axis=1)
    most = votes == votes.max()
    patterns = [row.tobytes() for row in candidates.votes]
    sizes = Counter(pattern for pattern, leads in zip(patterns, most, strict=True) if leads)
    largest = max(sizes.values())
    # A pattern outside the lead has another number of passed samples, hence no size here.
    return np.array([sizes[pattern] == largest for pattern in patterns])
