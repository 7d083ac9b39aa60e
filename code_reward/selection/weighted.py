"""Rules that add up evidence: votes of tests by how much each tells, and a reward model's score beside the votes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from code_reward.selection.rules import Candidates, Mask


def weighted_vote(candidates: Candidates) -> Mask:
    """Each test votes with the weight p(1 − p), where p is the share of candidates that pass it: a test that nobody or everybody passes
    says nothing."""
    return best(telling_votes(candidates))


def telling_votes(candidates: Candidates) -> NDArray[np.float64]:
    """Σ p(1 − p) over the tests that each candidate passes."""
    share = candidates.passed.mean(axis=0)
    votes: NDArray[np.float64] = candidates.passed @ (share * (1 - share))
    return votes


def best_by_score(candidates: Candidates) -> Mask:
    """The reward model's choice: the highest score. One without a score loses to any that has one."""
    return best(np.where(np.isnan(candidates.scores), -np.inf, candidates.scores))


def hybrid(candidates: Candidates) -> Mask:
    """A reward model and tests: the sum of both, each standardised over the candidates. One without a score loses to any that has one."""
    scores = candidates.scores
    known = ~np.isnan(scores)
    if not known.any():
        return best(candidates.votes.sum(axis=1))
    total = np.full(len(scores), -np.inf)
    total[known] = standardised(scores[known]) + standardised(candidates.votes[known].sum(axis=1).astype(np.float64))
    return best(total)


def best(scores: NDArray[np.float64] | NDArray[np.intp]) -> Mask:
    """Those with the highest score, equal up to rounding."""
    top: Mask = np.isclose(scores, scores.max(), rtol=1e-9, atol=0)
    return top


def standardised(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """With mean 0 and spread 1; values that are all alike give 0."""
    spread = values.std()
    return (values - values.mean()) / spread if spread else np.zeros(len(values))
