"""What dynamic allocation of tests is worth: `python -m code_reward.selection.spending FILE` compares it with equal shares of one budget.

Each problem has a pool of generated samples, drawn from in random order; a rule chooses by those that a problem got. Published
allocation is given the true pass rates, which no probe can better. The last line is what an allocation could reach that knows every
problem's accuracy curve, truth included: a bound for all rules that fix the shares before they see outcomes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, NonNegativeInt, PositiveInt
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.selection.allocation import allocate, chance_of_change, equal, published_gain
from code_reward.selection.consensus import codet
from code_reward.selection.evaluation import Figure, figure
from code_reward.selection.matrix import ResultsMatrix, load_matrices
from code_reward.selection.rules import Rule, majority_vote
from code_reward.selection.vouched import vouched_vote

RULES: dict[str, Rule] = {"majority_vote": majority_vote, "codet": codet, "vouched_vote": vouched_vote}

Curve = NDArray[np.float64]
"""By number of tests, from 0: the accuracy of the choice."""


class Draw:
    """One random order of each problem's samples that hold tests, with the accuracy of the choice after each of them."""

    def __init__(self, matrices: Sequence[ResultsMatrix], rule: Rule, most: int, rng: np.random.Generator) -> None:
        self._matrices, self._rule = matrices, rule
        self._orders = [_order(matrix, rng)[:most] for matrix in matrices]
        self.limits = [len(order) for order in self._orders]
        self.curves: list[Curve] = [self._curve(problem) for problem in range(len(matrices))]
        self._chances: dict[tuple[int, int], float] = {}

    def chance(self, problem: int, tests: int) -> float:
        """`chance_of_change` after so many samples, remembered."""
        key = (problem, tests)
        if key not in self._chances:
            self._chances[key] = chance_of_change(self._rule, self._matrices[problem], self._orders[problem][:tests])
        return self._chances[key]

    def accuracy(self, spent: Sequence[int]) -> Curve:
        """Of each problem with these shares."""
        return np.array([curve[tests] for curve, tests in zip(self.curves, spent, strict=True)])

    def _curve(self, problem: int) -> Curve:
        matrix, order = self._matrices[problem], self._orders[problem]
        correct = np.array(matrix.correct, dtype=np.float64)
        kept = (self._rule(matrix.limited(order[:tests]).candidates()) for tests in range(len(order) + 1))
        return np.array([correct[mask].mean() for mask in kept])


def _order(matrix: ResultsMatrix, rng: np.random.Generator) -> list[int]:
    usable = [place for place, sample in enumerate(matrix.columns_of_samples) if sample]
    return [usable[place] for place in rng.permutation(len(usable))]


def best_shares(curves: Sequence[Curve], total: int) -> list[int]:
    """The shares with the highest sum of accuracies, by dynamic programming over problems."""
    value = np.zeros(total + 1)
    choices = []
    for curve in curves:
        options = np.full((len(curve), total + 1), -np.inf)
        for tests, accuracy in enumerate(curve[: total + 1]):
            options[tests, tests:] = value[: total + 1 - tests] + accuracy
        choices.append(options.argmax(axis=0))
        value = options.max(axis=0)
    shares, left = [], total
    for choice in reversed(choices):
        shares.append(int(choice[left]))
        left -= shares[-1]
    return shares[::-1]


def mean_curves(draws: Sequence[Draw]) -> list[Curve]:
    """Each problem's curve, averaged over draws."""
    return [np.mean([draw.curves[problem] for draw in draws], axis=0) for problem in range(len(draws[0].limits))]


def compare(
    matrices: Sequence[ResultsMatrix], rule: Rule, budgets: Sequence[int], *, draws: int, most: int, seed: int, resamples: int
) -> list[Figure]:
    """Each way to spend, with `budgets` tests per problem on average, and its paired difference to equal shares."""
    rng = np.random.default_rng(seed)
    made = [Draw(matrices, rule, most, rng) for _ in range(draws)]
    rates = [float(np.mean(matrix.correct)) for matrix in matrices]
    figures = []
    for budget in budgets:
        total = budget * len(matrices)
        best = best_shares(mean_curves(made), total)
        ways: dict[str, Callable[[Draw], Sequence[int]]] = {
            "equal": lambda draw, total=total: equal(draw.limits, total),  # type: ignore[misc]
            "published, true pass rates": lambda draw, total=total: allocate(published_gain(rates), draw.limits, total),  # type: ignore[misc]
            "chance of a change": lambda draw, total=total: allocate(draw.chance, draw.limits, total),  # type: ignore[misc]
            "best in hindsight": lambda draw, best=best: best,  # type: ignore[misc]
        }
        accuracies = {name: np.mean([draw.accuracy(way(draw)) for draw in made], axis=0) for name, way in ways.items()}
        figures += [figure(name, budget, own, accuracies["equal"], seed=seed, resamples=resamples) for name, own in accuracies.items()]
    return figures


class Spending(Command):
    """Compare ways to spend a budget of generated tests over the problems of a file of results matrices."""

    file: CliPositionalArg[Path]
    """The results matrices."""
    rule: Literal["majority_vote", "codet", "vouched_vote"] = "majority_vote"
    """Who chooses by the tests that a problem got; the published one is majority_vote."""
    budgets: list[PositiveInt] = Field(default=[1, 2, 4, 8])
    """Samples of tests per problem, on average."""
    most: PositiveInt = 16
    """The most samples that one problem can get."""
    draws: PositiveInt = 10
    """Random orders of the samples."""
    resamples: PositiveInt = 1000
    """Bootstrap resamples."""
    seed: NonNegativeInt = 0
    """The same seed gives the same figures."""


def main(command: Spending) -> None:
    from code_reward.selection.__main__ import print_table

    matrices = load_matrices(command.file)
    given = command.model_dump(include={"draws", "most", "seed", "resamples"})
    print_table(compare(matrices, RULES[command.rule], command.budgets, **given), len(matrices), "equal")


if __name__ == "__main__":
    run(Spending, main)
