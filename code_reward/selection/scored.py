"""A reward model and tests together: `vouched_vote`, in which programs that the model likes vouch louder and lead.

    score(i) = (Σ_t p_t (1 − p_t) · passed(i, t))^a  ·  Σ_j agreement(i, j)^b · tests(j)^c · e^(d z_j)  ·  e^(f z_i)

with z the model's scores, standardised over the candidates, and the rest as in `code_reward.selection.vouched`. The model's mistakes on
single programs average out among those that behave alike, and what tests and agreement cannot tell apart the model decides. With d = f = 0
it is `vouched_vote`; without tests and inputs it is the best by score. A candidate without a score counts as the lowest that there is.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from itertools import product

import numpy as np
from numpy.typing import NDArray

from code_reward.selection.consensus import overlap
from code_reward.selection.rules import Candidates, Mask, Rule
from code_reward.selection.vouched import FLOOR
from code_reward.selection.weighted import best, standardised, telling_votes


def scored_vote(
    candidates: Candidates, *, votes: float = 0.5, agreement: float = 1.0, tests: float = 0.5, vouching: float = 1.0, lead: float = 0.5
) -> Mask:
    """Keep the candidates with the highest score; the exponents a, b, c, d and f are the arguments in order."""
    liked = _liked(candidates)
    weights: NDArray[np.float64] = (candidates.passed.sum(axis=1) + 1e-3) ** tests * np.exp(vouching * liked)
    vouched: NDArray[np.float64] = overlap(candidates.outputs) ** agreement @ weights
    return best((telling_votes(candidates) + FLOOR) ** votes * vouched * np.exp(lead * liked))


def _liked(candidates: Candidates) -> NDArray[np.float64]:
    known = ~np.isnan(candidates.scores)
    if not known.any():
        return np.zeros(len(candidates))
    return standardised(np.where(known, candidates.scores, candidates.scores[known].min()))


SCORED_VARIANTS: Mapping[str, Rule] = {
    f"agreement {b:g}, vouching {d:g}, lead {f:g}": partial(scored_vote, agreement=b, vouching=d, lead=f)
    for b, d, f in product((0.5, 1.0, 2.0), (0.0, 0.5, 1.0, 2.0), (0.0, 0.5, 1.0, 2.0))
}
"""What nested cross-validation chooses from."""
