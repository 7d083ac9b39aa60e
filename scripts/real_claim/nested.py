"""Scores of heads for every problem by training problems that are not the problem's own part, and for choosing, by none of another part's.

The problems are parted once. `Nested.scores[o]` are what a choice may look at that will be applied to part o: a problem of part o is scored
by heads from all other parts; any other problem by heads from all parts but its own and o. So whatever is chosen, weighted or fitted on the
problems outside o has never seen a label of part o, nor scored a problem with its own label.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement

import numpy as np
import numpy.typing as npt

from scripts.real_claim.measures import Scores, pair_accuracies
from scripts.real_claim.ridge import Moments
from scripts.real_claim.states import Problem

STRENGTHS = (1.0, 5.0, 25.0, 125.0)

Parts = npt.NDArray[np.int64]
"""The part (from 0) of every problem."""


def parts_of(count: int, parts: int, seed: int) -> Parts:
    """A random partition into parts of about equal size."""
    return np.random.default_rng(seed).permutation(count) % parts


@dataclass(frozen=True)
class Nested:
    """Scores by one way to score: `scores[o][p]` (programs,) of problem p, for use in part o."""

    scores: list[Scores]

    @classmethod
    def constant(cls, scores: Scores, parts: int) -> Nested:
        """Scores that were learnt from nothing."""
        return cls([scores] * parts)

    def own(self, part: Parts) -> Scores:
        """The scores that count: each problem's, by heads of other parts."""
        return [self.scores[own][problem] for problem, own in enumerate(part)]

    def chosen(self, problems: Sequence[Problem], part: Parts, outer: int) -> float:
        """How good the scores are outside part `outer`: mean pair accuracy."""
        others = np.flatnonzero(part != outer).tolist()
        return float(pair_accuracies([problems[one] for one in others], [self.scores[outer][one] for one in others]).mean())


def nest(
    problems: Sequence[Problem],
    states: Callable[[Problem], npt.NDArray[np.floating]],
    part: Parts,
    more: Sequence[Moments] = (),
    strengths: Sequence[float] = STRENGTHS,
) -> Mapping[float, Nested]:
    """Heads by `ridge` on `states` (programs, width), for every strength; `more` trains along whatever is held out."""
    moments = [Moments.of(states(problem), problem.passed) for problem in problems]
    known = [[one for one, own in zip(moments, part, strict=True) if own == number and one is not None] for number in range(part.max() + 1)]
    sums = {number: Moments.total(some) for number, some in enumerate(known) if some}

    def learn(training: Sequence[int]) -> Callable[[int], npt.NDArray[np.float64]]:
        kept = [sums[number] for number in sorted({int(part[place]) for place in training}) if number in sums]
        heads = Moments.total([*more, *kept]).heads(strengths)
        return lambda place: (states(problems[place]) @ heads.T).T

    table = _nest(part, learn)
    return {strength: Nested([[scores[column] for scores in row] for row in table]) for column, strength in enumerate(strengths)}


def nest_by(
    problems: Sequence[Problem], part: Parts, learn: Callable[[Sequence[Problem]], Callable[[Problem], npt.NDArray[np.float64]]]
) -> Nested:
    """Scores by whatever `learn` makes of training problems."""

    def by_place(training: Sequence[int]) -> Callable[[int], npt.NDArray[np.float64]]:
        score = learn([problems[place] for place in training])
        return lambda place: score(problems[place])

    return Nested(_nest(part, by_place))


def _nest(part: Parts, learn: Callable[[Sequence[int]], Callable[[int], npt.NDArray[np.float64]]]) -> list[list[npt.NDArray[np.float64]]]:
    """For every part, of every problem what is learnt without either's part."""
    parts = int(part.max()) + 1
    table = [[np.empty(0)] * len(part) for _ in range(parts)]
    for first, second in combinations_with_replacement(range(parts), 2):
        held = (part == first) | (part == second)
        score = learn(np.flatnonzero(~held).tolist())
        for place in np.flatnonzero(held).tolist():
            # For part `first` a problem of `second`, and the other way round.
            table[second if part[place] == first else first][place] = score(place)
    return table


def pick(candidates: Mapping[str, Nested], problems: Sequence[Problem], part: Parts) -> tuple[Nested, list[str]]:
    """For every part the candidate that is best outside it, and their names."""
    names = [max(candidates, key=lambda name: candidates[name].chosen(problems, part, outer)) for outer in range(int(part.max()) + 1)]
    return Nested([candidates[name].scores[outer] for outer, name in enumerate(names)]), names


def blend(members: Sequence[Nested]) -> Nested:
    """The mean of members' scores, each in units of its spread within the problem."""
    return Nested(
        [
            [np.mean([within(member.scores[outer][place]) for member in members], axis=0) for place in range(len(scores))]
            for outer, scores in enumerate(members[0].scores)
        ]
    )


def within(scores: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Scores of one problem with mean 0 and spread 1; all alike give 0."""
    spread = float(scores.std())
    return (scores - scores.mean()) / spread if spread > 0 else np.zeros(len(scores))


def grow(members: Mapping[str, Nested], problems: Sequence[Problem], part: Parts, steps: int) -> tuple[Nested, list[list[str]]]:
    """For every part a blend that grows by the member that helps most outside it, with repetition, as long as one does.

    Caruana et al. 2004, "Ensemble selection from libraries of models".
    """
    blends, taken = [], []
    for outer in range(int(part.max()) + 1):
        scaled = {name: [within(own) for own in member.scores[outer]] for name, member in members.items()}
        others = np.flatnonzero(part != outer).tolist()
        some = [problems[one] for one in others]
        total: Scores = [np.zeros(len(problem.passed)) for problem in problems]
        names: list[str] = []
        reached = 0.0
        for _ in range(steps):
            gains = {name: float(pair_accuracies(some, [total[p] + own[p] for p in others]).mean()) for name, own in scaled.items()}
            name = max(gains, key=lambda one: gains[one])
            if gains[name] <= reached:
                break
            reached = gains[name]
            names.append(name)
            total = [one + own for one, own in zip(total, scaled[name], strict=True)]
        blends.append(total)
        taken.append(names)
    return Nested(blends), taken
