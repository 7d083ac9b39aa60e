"""Slime's `--rollout-data-postprocess-path`: on every training rank, what slime calls samples become the inputs that the model reads.

slime has dealt whole rows to ranks and micro-batches. Here a pair becomes two sequences that stand beside each other in its micro-batch;
slime packs the sequences of a micro-batch into one and keeps them apart by their bounds, so nothing is padded and neither sees the other.
Of each sequence the last token alone is scored: it is the whole "response". `returns` then holds margins or values, `advantages` weights.
"""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import torch
from torch import Tensor

Batch = dict[str, Any]


def pairs(args: Namespace, rollout_id: int, batch: Batch) -> None:
    """Part every row into its chosen and its rejected input, in this order."""
    ends = [total - response for total, response in zip(batch["total_lengths"], batch["response_lengths"], strict=True)]
    tokens = [part for row, end in zip(batch["tokens"], ends, strict=True) for part in (row[:end], row[end:])]
    _rewrite(batch, tokens, 2)


def prefixes(args: Namespace, rollout_id: int, batch: Batch) -> None:
    """Keep every row as the one input that it is."""
    _rewrite(batch, list(batch["tokens"]), 1)


def _rewrite(batch: Batch, tokens: list[Tensor], each: int) -> None:
    """Replace a rank's rows by sequences, `each` of them a row, in place: slime's iterator holds on to the batch and its schedule."""
    device = tokens[0].device

    def column(values: list[float]) -> list[Tensor]:
        return [torch.tensor([value], dtype=torch.float32, device=device) for value in values for _ in range(each)]

    batch["tokens"] = tokens
    batch["total_lengths"] = [len(ids) for ids in tokens]
    batch["response_lengths"] = [1] * len(tokens)
    batch["loss_masks"] = [torch.ones(1, dtype=torch.int, device=device) for _ in tokens]
    batch["returns"] = column(batch["local_raw_reward"])
    batch["advantages"] = column(batch["rewards"])
    batch["rollout_mask_sums"] = torch.ones(len(tokens), dtype=torch.float32, device=device)
    for number, rows in enumerate(batch["micro_batch_indices"]):
        batch["micro_batch_indices"][number] = [row * each + part for row in rows for part in range(each)]
