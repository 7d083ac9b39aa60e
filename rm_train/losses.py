"""Losses of a reward model, on raw scores (logits)."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


def bradley_terry(chosen: Tensor, rejected: Tensor, margin: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of `-log sigmoid(chosen - rejected - margin)`; every argument has shape (pairs,).

    Source: Bradley and Terry (1952), as CodeRM-NT's stage 2 and CodeScaler use it; the margin is Llama 2's.
    """
    return _mean(-F.logsigmoid(chosen - rejected - margin), weight)


def regression(scores: Tensor, value: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of `(score - value)²`; every argument has shape (rows,), values lie in [0, 1].

    Source: CodeRM-NT's stage 1, where a prefix's value is the mean of the judgements of the programs that begin so.
    """
    return _mean((scores - value).square(), weight)


def _mean(losses: Tensor, weight: Tensor) -> Tensor:
    return (losses * weight).sum() / weight.sum().clamp_min(torch.finfo(weight.dtype).tiny)
