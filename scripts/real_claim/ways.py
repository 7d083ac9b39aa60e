"""The ways to score that are compared, for one partition of the problems."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from scripts.real_claim.nested import Nested, Parts, best_of, blend, grow, nest
from scripts.real_claim.ridge import Moments
from scripts.real_claim.rivals import UNTAUGHT
from scripts.real_claim.states import CHANCES, POOLS, Problem

DEPTHS = (0.4, 1.0)
"""Between these shares of a model's depth lie the layers that heads are learnt on."""

BEST = "heads of several layers and pools, blended"
GROWN = "the same, grown with log-probability and Yes"


def places(layers: Sequence[int]) -> list[int]:
    """Which of the kept layers are between `DEPTHS`, the last kept one being the whole depth."""
    return [place for place, layer in enumerate(layers) if DEPTHS[0] <= layer / layers[-1] <= DEPTHS[1]]


def untaught(problems: Sequence[Problem], parts: int) -> dict[str, Nested]:
    """The rivals that learn nothing."""
    return {name: Nested.constant([score(problem) for problem in problems], parts) for name, score in UNTAUGHT.items()}


def heads(
    problems: Sequence[Problem], layers: Sequence[int], part: Parts, more: Sequence[Problem] = ()
) -> Iterator[tuple[str, str, float, Nested]]:
    """Pool, layer, strength and scores of every head."""
    for pool, name in enumerate(POOLS):
        for place in places(layers):

            def states(problem: Problem, pool: int = pool, place: int = place) -> npt.NDArray[np.floating]:
                return problem.states[:, pool, place]

            along = [one for one in (Moments.of(states(problem), problem.passed) for problem in more) if one is not None]
            found = nest(problems, states, part, along)
            for strength, nested in found.items():
                yield name, str(layers[place]), strength, nested


def taught(problems: Sequence[Problem], layers: Sequence[int], part: Parts, more: Sequence[Problem] = ()) -> dict[str, Nested]:
    """The ways that learn from labels, by name."""
    single: dict[str, Nested] = {}
    groups: dict[str, list[Nested]] = {}
    for pool, layer, strength, nested in heads(problems, layers, part, more):
        single[f"{pool}, layer {layer}, strength {strength:g}"] = nested
        for together in (pool, "mean and own", "all") if pool in ("mean", "own") else (pool, "all"):
            groups.setdefault(f"{together}, strength {strength:g}", []).append(nested)
    blends = {name: blend(members) for name, members in groups.items()}
    blended, _ = best_of(blends, problems, part)
    ways = {"one head": best_of(single, problems, part)[0], BEST: blended}
    for pool in POOLS:
        own = {name: nested for name, nested in blends.items() if name.startswith(f"{pool}, ")}
        ways[f"blend, {pool} only"] = best_of(own, problems, part)[0]
    parts = int(part.max()) + 1
    told = {
        f"log-probability, {name}": Nested.constant([one.chances[:, place].astype(np.float64) for one in problems], parts)
        for place, name in enumerate(CHANCES)
    }
    members = {**blends, **untaught(problems, parts), **told}
    ways[GROWN] = grow(members, problems, part, steps=8)[0]
    return ways
