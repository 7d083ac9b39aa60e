"""Prefix rows as token ids, problem by problem, and batches of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.utils.data import Dataset

from code_reward.reward_data import Prefix
from code_reward.rm_input import RMInput
from code_reward.verdict import Rejected
from rm_train.answers import read_of_beginning
from rm_train.layout import lay_problems


@dataclass(frozen=True)
class EncodedPrefixes:
    """The inputs of one problem with their values and weights."""

    inputs: list[list[int]]
    values: list[float]
    weights: list[float]


class PrefixDataset(Dataset[EncodedPrefixes]):
    """Encoded prefixes, one item per problem; those that do not fit the model's input are left out and counted in `left_out`.

    A prefix of which the judge was less sure counts less: its weight is the judge's agreement with itself.

    Args:
        prefixes (`Sequence[Prefix]`): Rows of a reward data file.
        rm_input (`RMInput`): How a (statement, program) becomes token ids.
    """

    def __init__(self, prefixes: Sequence[Prefix], rm_input: RMInput) -> None:
        of_problem: dict[str, EncodedPrefixes] = {}
        for row in prefixes:
            encoded = rm_input.encode(row.statement, read_of_beginning(row.program, row.response, row.complete, rm_input.settings))
            if not isinstance(encoded, Rejected):
                problem = of_problem.setdefault(row.problem_id, EncodedPrefixes([], [], []))
                problem.inputs.append(encoded.ids)
                problem.values.append(row.value)
                problem.weights.append(row.agreement)
        self.problems = list(of_problem.values())
        self.left_out = len(prefixes) - sum(len(problem.inputs) for problem in self.problems)

    def __len__(self) -> int:
        return len(self.problems)

    def __getitem__(self, index: int) -> EncodedPrefixes:
        return self.problems[index]


def collate_prefixes(problems: Sequence[EncodedPrefixes], pad_id: int) -> dict[str, Tensor]:
    """One batch: the inputs as `rm_train.layout` lays them out, `value` and `weight` (inputs,)."""
    return {
        **lay_problems([problem.inputs for problem in problems], pad_id),
        "value": torch.tensor([value for problem in problems for value in problem.values]),
        "weight": torch.tensor([weight for problem in problems for weight in problem.weights]),
    }
