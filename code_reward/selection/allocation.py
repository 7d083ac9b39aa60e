"""Which problem gets the next test: a fixed budget of generated tests, spent over many problems.

CodeRM-8B spends by the pass rate λ of each problem, which a probe predicts: a problem with b tests gains λ(1 − λ)^b by another (Ma et al.
2025, section 4, after Damani et al. 2024). That is the chance that one more *program* is the first right one, not that one more test helps
to choose. Our own objective looks at what the tests have said so far: the chance that the next one changes the choice.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

import numpy as np

from code_reward.selection.matrix import ResultsMatrix
from code_reward.selection.rules import Rule

Gain = Callable[[int, int], float]
"""The worth of one more test for a problem (by its number) that has so many."""


def allocate(gain: Gain, limits: Sequence[int], total: int) -> list[int]:
    """Tests per problem: one after the other to the problem that gains most, among equals to the one that has fewest.

    Args:
        gain (`Gain`): May look at the outcomes of the tests that the problem has got.
        limits (`Sequence[int]`): The most tests that each problem can get.
        total (`int`): All tests; fewer are spent where the limits are reached.
    """
    spent = [0] * len(limits)
    heap = [(-gain(problem, 0), 0, problem) for problem, limit in enumerate(limits) if limit]
    heapq.heapify(heap)
    for _ in range(total):
        if not heap:
            break
        _, _, problem = heapq.heappop(heap)
        spent[problem] += 1
        if spent[problem] < limits[problem]:
            heapq.heappush(heap, (-gain(problem, spent[problem]), spent[problem], problem))
    return spent


def published_gain(rates: Sequence[float]) -> Gain:
    """λ(1 − λ)^b with these pass rates."""
    return lambda problem, tests: rates[problem] * float(1 - rates[problem]) ** float(tests)


def equal(limits: Sequence[int], total: int) -> list[int]:
    """As even as the limits allow; what is left over goes to the first problems."""
    return allocate(lambda problem, tests: 0.0, limits, total)


def chance_of_change(rule: Rule, matrix: ResultsMatrix, seen: Sequence[int]) -> float:
    """The chance that one more sample of tests changes what `rule` keeps, by the jackknife.

    The last sample to come is taken to be like any of those seen: the share of them without which the choice would be another, where one
    that nobody has seen yet counts as one that changes it. So it is 1 before the first sample, and falls as the choice settles.

    Args:
        rule (`Rule`): Who chooses.
        matrix (`ResultsMatrix`): The problem.
        seen (`Sequence[int]`): The samples that it has got.
    """
    kept = rule(matrix.limited(seen).candidates())
    others = (rule(matrix.limited([*seen[:place], *seen[place + 1 :]]).candidates()) for place in range(len(seen)))
    changed = sum(not np.array_equal(kept, other) for other in others)
    return float(changed + 1) / float(len(seen) + 1)
