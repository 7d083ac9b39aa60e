"""Losses of a reward model, on raw scores (logits), one per example: who takes their mean knows the weights of the whole step."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def bradley_terry(scores: Tensor, margin: Tensor, *, centring: float = 0.0) -> Tensor:
    """`-log sigmoid(chosen - rejected - margin)`, shape (pairs,).

    Args:
        scores: (pairs, 2), chosen and rejected.
        margin: (pairs,), how much better the chosen one is, in logits.
        centring: Times `(chosen + rejected)²`, which keeps scores about 0: of pairs alone only differences are learnt.

    Source: Bradley and Terry (1952), as CodeRM-NT's stage 2 and CodeScaler use it; the margin is Llama 2's, centring Eisenstein et al.
    (2023).
    """
    chosen, rejected = scores.unbind(dim=1)
    losses = -F.logsigmoid(chosen - rejected - margin)
    return losses + centring * (chosen + rejected).square() if centring else losses


def regression(scores: Tensor, value: Tensor) -> Tensor:
    """`(score - value)²`, shape (rows,), of scores (rows, 1) and values (rows,) in [0, 1].

    Source: CodeRM-NT's stage 1, where a prefix's value is the mean of the judgements of the programs that begin so.
    """
    return (scores[:, 0] - value).square()
