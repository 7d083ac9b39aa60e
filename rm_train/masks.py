"""Who sees whom in a row of `rm_train.layout`, as attention kernels want it said.

SDPA reads a dense mask, of the square of the row, and is the judge of the others. FlexAttention reads blocks, most of which are empty, and
CUDA alone can train with it; a CPU does the same by gathering what a block of queries sees (`rm_train.attention`).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

FLEX = "flex_attention"
GATHERED = "gathered"
SDPA = "sdpa"


def attention_of(device: torch.device) -> str:
    """transformers' name of the attention to train with on a device."""
    return FLEX if device.type == "cuda" else GATHERED


def mask_for(attention: str, until: Tensor) -> Any:
    """The mask of a row, as an attention of this name wants it."""
    return {FLEX: block_mask, GATHERED: bare_mask}.get(attention, dense_mask)(until)


def dense_mask(until: Tensor) -> Tensor:
    """True where the query (row) sees the key (column); shape (1, 1, tokens, tokens)."""
    places = torch.arange(len(until), device=until.device)
    return ((places[None] <= places[:, None]) & (places[:, None] < until[None]))[None, None]


def bare_mask(until: Tensor) -> Tensor:
    """`until` itself, in the four dimensions that transformers hands through; `rm_train.attention` reads it."""
    return until[None, None, None]


def block_mask(until: Tensor) -> Any:
    """The same as FlexAttention's `BlockMask`, which transformers hands through as it is."""
    from torch.nn.attention.flex_attention import create_block_mask

    def sees(batch: Tensor, head: Tensor, query: Tensor, key: Tensor) -> Tensor:
        return (key <= query) & (query < until[key])

    return create_block_mask(sees, None, None, len(until), len(until), device=until.device)
