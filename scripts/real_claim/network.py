"""A small network in the place of a linear head: it may weigh what a program is likely to be against what the model holds of it.

It reads, of every program relative to its problem's others, the log-probabilities, the log-odds of Yes, the length, and the directions of
the states in which programs of one problem differ most; and learns by the Bradley-Terry loss over all pairs of each training problem.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from scripts.real_claim.states import POOLS, Problem

DIRECTIONS = 24
"""Of each pool."""
HIDDEN, STEPS, MEMBERS = 32, 100, 2
LEARNING_RATE, WEIGHT_DECAY, DROPOUT = 5e-3, 0.1, 0.3

Array = npt.NDArray[np.float32]


def learn(training: Sequence[Problem], layer: int, seed: int) -> Callable[[Problem], npt.NDArray[np.float64]]:
    """A way to score, from problems with labels and the states at the layer in this place."""
    bases = [_directions([_relative(problem.states[:, pool, layer]) for problem in training]) for pool in range(len(POOLS))]

    def inputs(problem: Problem) -> torch.Tensor:
        seen = [_relative(problem.states[:, pool, layer]) @ basis for pool, basis in enumerate(bases)]
        told = np.column_stack([problem.chances, problem.yes, np.log(problem.length)])
        return torch.from_numpy(np.column_stack([*seen, *(_scaled(column) for column in told.T)]).astype(np.float32))

    pairs = [problem for problem in training if problem.passed.any() and not problem.passed.all()]
    known = [(inputs(problem), torch.from_numpy(problem.passed)) for problem in pairs]
    networks = [_fit(known, seed * MEMBERS + member) for member in range(MEMBERS)]

    def score(problem: Problem) -> npt.NDArray[np.float64]:
        with torch.inference_mode():
            given = inputs(problem)
            scores: npt.NDArray[np.float64] = np.mean([_scaled(network(given)[:, 0].numpy()) for network in networks], axis=0)
        return scores

    return score


def _fit(known: Sequence[tuple[torch.Tensor, torch.Tensor]], seed: int) -> nn.Module:
    torch.manual_seed(seed)
    width = known[0][0].shape[1]
    network = nn.Sequential(nn.Dropout(DROPOUT), nn.Linear(width, HIDDEN), nn.GELU(), nn.Dropout(DROPOUT), nn.Linear(HIDDEN, 1))
    optimizer = torch.optim.AdamW(network.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY)
    everything = torch.cat([given for given, _ in known])
    right, wrong, weights = _pairs([passed for _, passed in known])
    for _ in range(STEPS):
        scores = network(everything)[:, 0]
        optimizer.zero_grad()
        (nn.functional.softplus(scores[wrong] - scores[right]) @ weights).backward()
        optimizer.step()
    return network.eval()


def _pairs(labels: Sequence[torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """The places of every pair's right and wrong program among all programs, and its weight: each problem counts once."""
    right, wrong, weights = [], [], []
    first = 0
    for passed in labels:
        pairs = torch.cartesian_prod(passed.nonzero()[:, 0], (~passed).nonzero()[:, 0])
        right.append(first + pairs[:, 0])
        wrong.append(first + pairs[:, 1])
        weights.append(torch.full((len(pairs),), 1 / (len(pairs) * len(labels))))
        first += len(passed)
    return torch.cat(right), torch.cat(wrong), torch.cat(weights)


def _relative(states: npt.NDArray[np.floating]) -> Array:
    """To the mean of the problem's programs."""
    relative: Array = (states - states.mean(axis=0)).astype(np.float32)
    return relative


def _directions(states: Sequence[Array]) -> Array:
    """The leading directions (width, `DIRECTIONS`) of scaled differences within problems, in which they have unit spread."""
    stacked = np.concatenate(states)
    scale = 1 / (stacked.std(axis=0) + 1e-6)
    scaled = stacked * scale
    torch.manual_seed(0)  # The leading directions are found by random projections.
    _, spread, vectors = torch.pca_lowrank(torch.from_numpy(scaled), min(DIRECTIONS, *scaled.shape), center=False, niter=4)
    basis: Array = scale[:, None] * (vectors / (spread / len(scaled) ** 0.5 + 1e-3)).numpy()
    return basis


def _scaled(values: npt.NDArray[np.floating]) -> npt.NDArray[np.floating]:
    scaled: npt.NDArray[np.floating] = (values - values.mean()) / (values.std() + 1e-6)
    return scaled
