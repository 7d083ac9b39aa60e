"""Attention within a row of `rm_train.layout` on a CPU, which has no FlexAttention to train with.

Of a row of many branches a token sees little: the trunk and its own branch. So queries are taken in blocks, the keys that any of a block
sees are gathered, and SDPA computes that much alone, forward and backward. With a dense mask it computes the square of the row.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface

from rm_train.masks import GATHERED

BLOCK = 256
"""Queries that share gathered keys: measured with 64 to 1024, on rows of 1,000 to 3,000 tokens."""


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor, scaling: float | None = None, **_: Any
) -> tuple[Tensor, None]:
    """As transformers calls an attention.

    Args:
        query: (1, heads, tokens, width of a head).
        key, value: (1, fewer heads, tokens, width of a head).
        attention_mask: `until` of the row, (1, 1, 1, tokens).

    Returns what the heads say, (1, tokens, heads, width of a head).
    """
    until = attention_mask[0, 0, 0]
    query, key = query.to(value.dtype), key.to(value.dtype)  # Rotated in float32 under autocast.
    groups = query.shape[1] // key.shape[1]
    said = []
    for first in range(0, len(until), BLOCK):
        block = query[:, :, first : first + BLOCK]
        queries = torch.arange(first, first + block.shape[2], device=until.device)
        seen = torch.nonzero(until[: first + block.shape[2]] > first)[:, 0]
        mask = (seen <= queries[:, None]) & (queries[:, None] < until[seen])
        keys, values = (one.index_select(2, seen).repeat_interleave(groups, dim=1) for one in (key, value))
        said.append(F.scaled_dot_product_attention(block, keys, values, mask, scale=scaling))
    return torch.cat(said, dim=2).transpose(1, 2).contiguous(), None


AttentionInterface.register(GATHERED, attend)
