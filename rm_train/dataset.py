"""Preference pairs as token ids, problem by problem, and batches of them.

The pairs of one problem share programs, most of all the right ones. So the unit is the problem: each distinct input of it goes through the
model once, however many pairs it is in, and a pair is two positions among the inputs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset

from code_reward.reward_data import Pair
from code_reward.rm_input import RMInput
from code_reward.verdict import Rejected
from rm_train.answers import sides_of
from rm_train.layout import lay_problems


@dataclass(frozen=True)
class EncodedProblem:
    """The distinct inputs of one problem, and its pairs as rows (chosen, rejected) of positions with their weights and margins."""

    inputs: list[list[int]]
    pairs: list[tuple[int, int]]
    weights: list[float]
    margins: list[float]


class PairDataset(Dataset[EncodedProblem]):
    """Encoded pairs, one item per problem; pairs of which a side does not fit the model's input are left out and counted in `left_out`.

    Args:
        pairs (`Sequence[Pair]`): Rows of a reward data file.
        rm_input (`RMInput`): How a (statement, program) becomes token ids.
    """

    def __init__(self, pairs: Sequence[Pair], rm_input: RMInput) -> None:
        of_problem: dict[str, list[Pair]] = {}
        for pair in pairs:
            of_problem.setdefault(pair.problem_id, []).append(pair)
        encoded = [_encode(group, rm_input) for group in of_problem.values()]
        self.problems = [problem for problem in encoded if problem.pairs]
        self.left_out = len(pairs) - sum(len(problem.pairs) for problem in self.problems)

    def __len__(self) -> int:
        return len(self.problems)

    def __getitem__(self, index: int) -> EncodedProblem:
        return self.problems[index]


def _encode(pairs: Sequence[Pair], rm_input: RMInput) -> EncodedProblem:
    problem = EncodedProblem([], [], [], [])
    position: dict[str, int | None] = {}
    for pair in pairs:
        sides = sides_of(pair, rm_input.settings)
        for text in sides:
            if text not in position:
                encoded = rm_input.encode(pair.statement, text)
                fits = not isinstance(encoded, Rejected)
                position[text] = len(problem.inputs) if fits else None
                problem.inputs.extend([encoded.ids] if not isinstance(encoded, Rejected) else [])
        chosen, rejected = (position[text] for text in sides)
        if chosen is not None and rejected is not None:
            problem.pairs.append((chosen, rejected))
            problem.weights.append(pair.weight)
            problem.margins.append(pair.margin)
    return problem


def collate(problems: Sequence[EncodedProblem], pad_id: int) -> dict[str, Tensor]:
    """One batch: the inputs as `rm_train.layout` lays them out, `pairs` (pairs, 2) of their numbers, `weight` and `margin` (pairs,)."""
    pairs: list[tuple[int, int]] = []
    first = 0
    for problem in problems:
        pairs += [(first + chosen, first + rejected) for chosen, rejected in problem.pairs]
        first += len(problem.inputs)
    return {
        **lay_problems([problem.inputs for problem in problems], pad_id),
        "pairs": torch.tensor(pairs),
        "weight": torch.tensor([weight for problem in problems for weight in problem.weights]),
        "margin": torch.tensor([margin for problem in problems for margin in problem.margins]),
    }
