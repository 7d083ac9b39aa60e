"""Our own label-free rule: tests vote by how much they tell, and programs vouch for each other by what they give on the tests' inputs.

Made for tests of which most are wrong. A wrong expectation says nothing, but its input is still an input, on which programs can be
compared:

    score(i) = (Σ_t p_t (1 − p_t) · passed(i, t))^a  ·  Σ_j agreement(i, j)^b · tests(j)^c

with p_t the share of candidates that pass test t, agreement(i, j) the share of inputs on which i and j give the same, and tests(j) the
number of tests that j passes. The first factor is `weighted_vote`, the second SRank's for b = c = 1. Each alone is fooled where the other
is not: votes by tests that share a mistake with a few programs, agreement by a mistake that most programs make. A factor that has nothing
to go by (no tests, no inputs) is the same for all.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from code_reward.selection.consensus import overlap
from code_reward.selection.rules import Candidates, Mask, Rule
from code_reward.selection.weighted import best, telling_votes

FLOOR = 0.1
"""Of the sum of votes, so that agreement still counts where no vote tells anything; a tenth of what a few tests can say."""


def vouched_vote(candidates: Candidates, *, votes: float = 0.5, agreement: float = 1.0, tests: float = 0.5) -> Mask:
    """Keep the candidates with the highest score; the exponents a, b and c are `votes`, `agreement` and `tests`."""
    return best((telling_votes(candidates) + FLOOR) ** votes * _vouching(candidates, agreement, tests))


def _vouching(candidates: Candidates, agreement: float, tests: float) -> NDArray[np.float64]:
    # A candidate that passes nothing still vouches, a little: else there would be no order where nobody passes anything.
    weights: NDArray[np.float64] = (candidates.passed.sum(axis=1) + 1e-3) ** tests
    vouched: NDArray[np.float64] = overlap(candidates.outputs) ** agreement @ weights
    return vouched


VARIANTS: Mapping[str, Rule] = {
    f"votes {votes:g}, agreement {agreement:g}, tests {tests:g}": partial(vouched_vote, votes=votes, agreement=agreement, tests=tests)
    for votes, agreement, tests in product((0.25, 0.5, 1.0), (0.5, 1.0, 2.0), (0.5, 1.0))
}
"""What nested cross-validation chooses from."""
