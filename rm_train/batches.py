"""A planned row as tensors, and the loss of its scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from rm_train.encoding import Encoded
from rm_train.layout import lay, pad
from rm_train.plan import Numbers

Losses = Callable[[Tensor, Tensor], Tensor]
"""Of scores (examples, width) and targets (examples,): a loss for each."""

CUDA_ROW: int = 128
"""FlexAttention's block: rows on CUDA are a multiple of it long."""

LENGTHS: int = 16
"""How many lengths of rows there may be on CUDA: FlexAttention is compiled for each."""


@dataclass(frozen=True)
class Batch:
    """A row: what `RewardModel.forward` reads, and its examples as numbers of `ends` with weights and targets."""

    row: dict[str, Tensor]
    examples: Tensor
    weights: Tensor
    targets: Tensor


class Batches:
    """Makes batches of planned rows.

    Args:
        data (`Encoded`): The examples.
        device (`torch.device`): Where they go.
        row_tokens (`int`): Tokens of a row; on CUDA rows are filled up to one of few lengths.
        pad_id (`int`): What they are filled up with.

    Counts what it has made: `tokens` in all, and `padding` among them.
    """

    def __init__(self, data: Encoded, device: torch.device, row_tokens: int, pad_id: int) -> None:
        self._data, self._device, self._pad_id = data, device, pad_id
        self.tokens = self.padding = 0
        self.in_pairs = data.examples.shape[1] == 2
        self._unit = CUDA_ROW * -(-row_tokens // (CUDA_ROW * LENGTHS)) if device.type == "cuda" else 1

    def batch(self, numbers: Numbers) -> Batch:
        """The examples of these numbers in a row; of none, one that counts nothing, for a process that must take part."""
        data = self._data
        examples, weights = (data.examples[numbers], data.weights[numbers]) if len(numbers) else (data.examples[:1], np.zeros(1))
        targets = data.targets[numbers] if len(numbers) else data.targets[:1]
        inputs, places = np.unique(examples, return_inverse=True)
        row = lay([data.input(number) for number in inputs.tolist()])
        length = -(-len(row.ids) // self._unit) * self._unit
        self.tokens, self.padding = self.tokens + length, self.padding + length - len(row.ids)
        row = pad(row, length, self._pad_id)
        tensors = {"input_ids": row.ids[None], "position_ids": row.positions[None], "until": row.until, "ends": row.ends}
        return Batch(
            {name: torch.from_numpy(value.astype(np.int64)).to(self._device) for name, value in tensors.items()},
            torch.from_numpy(places.reshape(examples.shape).astype(np.int64)).to(self._device),
            torch.from_numpy(weights.astype(np.float32)).to(self._device),
            torch.from_numpy(targets.astype(np.float32)).to(self._device),
        )


def weighted_loss(scores: Tensor, batch: Batch, losses: Losses) -> Tensor:
    """The sum of the row's losses, each times its weight."""
    return (losses(scores[batch.examples], batch.targets) * batch.weights).sum()


def right(scores: Tensor, batch: Batch) -> float:
    """The weight of the row's pairs that are in the right order; nothing of rows without pairs."""
    if batch.examples.shape[1] != 2:
        return 0.0
    chosen, rejected = scores.detach()[batch.examples].unbind(dim=1)
    return float(((chosen > rejected) * batch.weights).sum())
