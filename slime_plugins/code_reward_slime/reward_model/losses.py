"""Slime's `--custom-loss-function-path`: the losses of `rm_train.losses` on a packed micro-batch.

slime adds up what the micro-batches return and divides by the rows of a step; `source` scales weights to a mean of 1. So a step's loss is
Σ weight · loss ÷ Σ weight over all ranks, however its rows are dealt.
"""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

Losses = tuple[Tensor, dict[str, Tensor]]


def pairs(args: Namespace, batch: dict[str, Any], logits: Tensor, mean_of_samples: Callable[[Tensor], Tensor]) -> Losses:
    """Bradley-Terry with margins; also logged: how many pairs the model, as it was before the step, orders right."""
    chosen, rejected = _scores(batch, logits).view(-1, 2).unbind(dim=1)
    margin, weight = (torch.cat(batch[name])[::2] for name in ("returns", "advantages"))
    loss = (weight * F.softplus(rejected - chosen + margin)).sum()
    right = (weight * ((chosen > rejected).float() + 0.5 * (chosen == rejected).float())).sum()
    return loss, {"loss": loss.detach().clone(), "accuracy": right, "chosen": chosen.detach().sum(), "rejected": rejected.detach().sum()}


def prefixes(args: Namespace, batch: dict[str, Any], logits: Tensor, mean_of_samples: Callable[[Tensor], Tensor]) -> Losses:
    """Squared error on the values."""
    scores = _scores(batch, logits)
    value, weight = (torch.cat(batch[name]) for name in ("returns", "advantages"))
    loss = (weight * (scores - value).square()).sum()
    return loss, {"loss": loss.detach().clone(), "score": scores.detach().sum(), "value": value.sum()}


def _scores(batch: dict[str, Any], logits: Tensor) -> Tensor:
    """(sequences,) from the logits of all packed tokens, whatever padding follows."""
    lengths = torch.tensor(batch["total_lengths"], device=logits.device)
    return logits.float().reshape(-1)[lengths.cumsum(0) - 1]
