"""How hard a problem is for whoever wrote the programs: a number that all its programs share.

Heads learn from pairs within problems, so their scores say nothing across problems, which AUC and calibration ask for. Here the share of
right programs is told from what the model holds of them on average, how likely it finds them and how often they repeat themselves. It is
learnt on other problems, by ridge regression in its dual form, for there are few problems and many numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from code_reward.metrics import auc
from scripts.real_claim.measures import Scores
from scripts.real_claim.nested import Nested, Parts, within
from scripts.real_claim.ridge import Array
from scripts.real_claim.states import POOLS, Problem

STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0)
SHARES = (0.05, 0.1, 0.2, 0.4)
"""Of the spread of a score within its problem, beside a level's spread of about 0.3."""


def level_features(problem: Problem, layer: int) -> npt.NDArray[np.float64]:
    """The mean state of a problem's samples at the layer in this place, and figures of its samples."""
    weights = problem.counts / problem.counts.sum()
    state = weights @ problem.states[:, POOLS.index("mean"), layer].astype(np.float64)
    return np.array([*state, *summary(problem)])


def summary(problem: Problem) -> list[float]:
    """Of the samples: log-probability, its spread, log-odds of Yes, length, and the share of programs that are there once."""
    weights = problem.counts / problem.counts.sum()
    likely = problem.chances[:, 0]
    spread = float(np.sqrt(weights @ (likely - weights @ likely) ** 2))
    means = [float(weights @ values) for values in (likely, problem.yes, np.log(problem.length))]
    return [*means, spread, len(problem.counts) / float(problem.counts.sum())]


def levels(features: npt.NDArray[np.float64], shares: npt.NDArray[np.float64], part: Parts, strength: float) -> npt.NDArray[np.float64]:
    """Predicted shares (parts, problems): row o for use in part o, as in `Nested`."""
    parts = int(part.max()) + 1
    predicted = np.empty((parts, len(shares)))
    for first, second in combinations_with_replacement(range(parts), 2):
        held = (part == first) | (part == second)
        for place, value in zip(np.flatnonzero(held), _ridge(features[~held], shares[~held], features[held], strength), strict=True):
            predicted[second if part[place] == first else first, place] = value
    return predicted


def _ridge(inputs: Array, targets: Array, asked: Array, strength: float) -> Array:
    centre, width = inputs.mean(axis=0), inputs.std(axis=0) + 1e-6
    known, new = (inputs - centre) / width, (asked - centre) / width
    gram = known @ known.T / inputs.shape[1]
    dual = np.linalg.solve(gram + strength * np.eye(len(gram)), targets - targets.mean())
    result: Array = targets.mean() + new @ known.T / inputs.shape[1] @ dual
    return result


def levelled(nested: Nested, problems: Sequence[Problem], part: Parts, features: Sequence[npt.NDArray[np.float64]]) -> Nested:
    """The scores within problems, each in units of its spread, above its problem's level.

    Features, strength and the share of the score are those with the best AUC outside the part.
    """
    shares = np.array([float(problem.passed @ problem.counts / problem.counts.sum()) for problem in problems])
    tables = [levels(which, shares, part, strength) for which in features for strength in STRENGTHS]
    result = []
    for outer, scores in enumerate(nested.scores):
        inside = [within(own) for own in scores]
        candidates = [_above(table[outer], inside, share) for table in tables for share in SHARES]
        others = np.flatnonzero(part != outer).tolist()
        labels = np.concatenate([problems[one].passed for one in others]).astype(float)
        result.append(max(candidates, key=lambda scores: auc(labels, np.concatenate([scores[one] for one in others]))))
    return Nested(result)


def _above(level: npt.NDArray[np.float64], inside: Scores, share: float) -> Scores:
    return [base + share * own for base, own in zip(level, inside, strict=True)]
