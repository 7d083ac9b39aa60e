"""Slime's data source and rollout function for reward model training: the rows of a step, in an order that depends on seed and step alone.

`--prompt-data` names the file of encoded rows, `--rollout-seed` the order, `--global-batch-size` the rows of a step; one rollout is one
step. So a run that goes on from a checkpoint sees what it would have seen. The last step takes its missing rows from the next pass.
"""

from __future__ import annotations

from argparse import Namespace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from code_reward.errors import ConfigurationError, DataError
from code_reward_slime.reward_model.row_file import EncodedRow, EncodedRows


class RowSource:
    """What slime makes of `--data-source-path`; the rows of any step."""

    def __init__(self, args: Namespace) -> None:
        if args.rollout_batch_size != args.global_batch_size or args.n_samples_per_prompt != 1:
            raise ConfigurationError(
                "One rollout is one step here; give --rollout-batch-size equal to --global-batch-size, and one sample each."
            )
        self.rows = EncodedRows(Path(args.prompt_data))
        self._size, self._seed = args.global_batch_size, args.rollout_seed

    def step(self, number: int) -> tuple[list[int], list[float]]:
        """The positions of the rows of a step, and their weights, scaled so that their mean is 1."""
        positions = [self._place(place) for place in range(number * self._size, (number + 1) * self._size)]
        weights = self.rows.weights[positions]
        if not weights.sum() > 0:
            raise DataError(f"All {self._size} rows of step {number} have weight 0; leave such rows out.")
        return positions, (weights / weights.mean()).tolist()

    def _place(self, place: int) -> int:
        return int(_order(self._seed, place // len(self.rows), len(self.rows))[place % len(self.rows)])

    def save(self, rollout_id: int) -> None:
        """Nothing: the order is not kept, but made anew."""

    def load(self, rollout_id: int | None = None) -> None:
        """Nothing, likewise."""


@lru_cache(maxsize=2)
def _order(seed: int, epoch: int, length: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng([seed, epoch]).permutation(length)


def take_step(args: Namespace, rollout_id: int, source: RowSource, evaluation: bool = False) -> Any:
    """Slime's `--rollout-function-path`: one sample a row.

    A pair is a sample whose "prompt" is the chosen input and whose "response" is the rejected one: so slime balances whole pairs over
    micro-batches and ranks. `sequences` parts them again. The weight travels as the reward, margin or value as the raw reward.
    """
    from slime.rollout.base_types import RolloutFnTrainOutput

    positions, weights = source.step(rollout_id)
    samples = [_sample(source.rows[row], weight, index) for index, (row, weight) in enumerate(zip(positions, weights, strict=True))]
    return RolloutFnTrainOutput(samples=[[sample] for sample in samples])


def _sample(row: EncodedRow, weight: float, index: int) -> Any:
    from slime.utils.types import Sample

    sample = Sample(index=index, group_index=index, prompt="", response="", tokens=row.chosen + row.rejected, reward=weight)
    sample.response_length = len(row.rejected) or 1
    sample.rollout_id = index
    sample.status = Sample.Status.COMPLETED
    sample.metadata = {"raw_reward": row.target}
    return sample


def log_nothing(rollout_id: int, args: Namespace, samples: Any, metrics: Any, seconds: float) -> bool:
    """Slime's `--custom-rollout-log-function-path`: lengths and rewards of rows that nobody has generated tell nothing."""
    return True
