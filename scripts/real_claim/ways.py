"""The ways to score that are compared, for one partition of the problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from scripts.real_claim.nested import Nested, Parts, blend, grow, nest, nest_by, pick
from scripts.real_claim.network import learn
from scripts.real_claim.ridge import Moments
from scripts.real_claim.rivals import UNTAUGHT
from scripts.real_claim.states import CHANCES, POOLS, Problem

BEST = "linear heads, blended"
MEANS = f"{BEST}, mean only"
NETWORK = "a small network"
GROWN = "heads, network, log-probabilities and Yes, blended"


DEPTH = 0.75
"""Of the layer that the network reads."""


def untaught(problems: Sequence[Problem], parts: int) -> dict[str, Nested]:
    """The rivals that learn nothing."""
    return {name: Nested.constant([score(problem) for problem in problems], parts) for name, score in UNTAUGHT.items()}


def heads(
    problems: Sequence[Problem], layers: Sequence[int], part: Parts, more: Sequence[Problem], pools: Sequence[str]
) -> Iterator[tuple[str, str, float, Nested]]:
    """Pool, layer, strength and scores of every head."""
    for name in pools:
        for place, layer in enumerate(layers):

            def states(problem: Problem, pool: int = POOLS.index(name), place: int = place) -> npt.NDArray[np.floating]:
                return problem.states[:, pool, place]

            along = [one for one in (Moments.of(states(problem), problem.passed) for problem in more) if one is not None]
            found = nest(problems, states, part, along)
            for strength, nested in found.items():
                yield name, str(layer), strength, nested


def blends(
    problems: Sequence[Problem], layers: Sequence[int], part: Parts, more: Sequence[Problem] = (), pools: Sequence[str] = POOLS
) -> dict[str, Nested]:
    """Blends of the heads of one strength: of all layers of a pool, of the pools that are means, of everything."""
    groups: dict[str, list[Nested]] = {}
    for pool, _, strength, nested in heads(problems, layers, part, more, pools):
        for together in (pool, "means", "all") if pool in ("mean", "own") else (pool, "all"):
            groups.setdefault(f"{together}, strength {strength:g}", []).append(nested)
    return {name: blend(members) for name, members in groups.items()}


def taught(problems: Sequence[Problem], layers: Sequence[int], part: Parts, seed: int, more: Sequence[Problem] = ()) -> dict[str, Nested]:
    """The ways that learn from labels, by name."""
    blended = blends(problems, layers, part, more)
    ways = {BEST: pick(blended, problems, part)[0]}
    for pool in POOLS:
        own = {name: nested for name, nested in blended.items() if name.startswith(f"{pool}, ")}
        ways[f"{BEST}, {pool} only"] = pick(own, problems, part)[0]
    middle = min(range(len(layers)), key=lambda place: abs(layers[place] / layers[-1] - DEPTH))
    ways[NETWORK] = nest_by(problems, part, lambda training: learn(training, middle, seed))
    parts = int(part.max()) + 1
    told = {
        f"log-probability, {name}": Nested.constant([one.chances[:, place].astype(np.float64) for one in problems], parts)
        for place, name in enumerate(CHANCES)
    }
    members = {**blended, **untaught(problems, parts), **told, NETWORK: ways[NETWORK]}
    ways[GROWN] = grow(members, problems, part, steps=8)[0]
    return ways
