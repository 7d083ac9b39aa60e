"""A forward pass of a Hugging Face model over a `reward_servers.packing.Row`.

Works with every model that takes its attention from transformers' `AttentionInterface` and uses plain causal attention with positions given
by `position_ids`. Sliding windows, soft caps and the like are refused by `reward_servers.scorer`, not approximated.

Of the last layer only the tokens that are scored are computed: nothing reads the others. In a model of a few layers that is much of it.
"""

from __future__ import annotations

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import AttentionInterface, PreTrainedModel
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

from reward_servers.packing import Node, Row

ATTENTION = "code_reward_tree"


class TreeModel:
    """The base model of a sequence classifier that was loaded with `attn_implementation=ATTENTION`; changes its last layer in place."""

    def __init__(self, model: PreTrainedModel) -> None:
        self._model = model.base_model
        self._selection = _Selection()
        last = self._model.layers[-1]
        for owner, name in ((last.self_attn, "q_proj"), (last.self_attn, "o_proj"), (last, "mlp")):
            if isinstance(inner := getattr(owner, name, None), nn.Module):
                setattr(owner, name, _Selected(inner, self._selection))
        self._last_layer = last.self_attn.layer_idx

    def last_states(self, row: Row) -> Tensor:
        """The hidden state of each sequence's last token, shape (sequences, hidden)."""
        device, dtype = self._model.device, self._model.dtype
        rows = torch.tensor([leaf.end - 1 for leaf in row.leaves], device=device)
        self._selection.rows = rows
        nodes = [(node, _mask(node, device, dtype)) for node in row.nodes]
        ends = [(Node(leaf.end - 1, leaf.end, (*leaf.before, (leaf.start, leaf.end - 1))), None) for leaf in row.leaves]
        hidden = self._model(
            input_ids=torch.tensor([row.ids], device=device),
            position_ids=torch.tensor([row.positions], device=device),
            use_cache=False,
            nodes=lambda layer: ends if layer == self._last_layer else nodes,
        ).last_hidden_state
        return hidden[0, rows]


class _Selection:
    """The places in the current row that are scored."""

    rows: Tensor


class _Selected(nn.Module):
    """Applies a module to the selected places; the others become 0."""

    def __init__(self, inner: nn.Module, selection: _Selection) -> None:
        super().__init__()
        self.inner, self._selection = inner, selection

    def forward(self, hidden: Tensor) -> Tensor:
        some = self.inner(hidden[:, self._selection.rows])
        return some.new_zeros(1, hidden.shape[1], some.shape[-1]).index_copy_(1, self._selection.rows, some)


def _mask(node: Node, device: torch.device, dtype: torch.dtype) -> Tensor | None:
    """Which keys (`before`, then the node's own) each of the node's tokens sees; additive, shape (tokens, keys)."""
    if not node.before:
        return None
    own, seen = node.end - node.start, sum(end - start for start, end in node.before)
    return torch.full((own, seen + own), float("-inf"), device=device, dtype=dtype).triu_(seen + 1)


def attend(
    module: nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: None, *, nodes: Any, scaling: float, **options: Any
) -> tuple[Tensor, None]:
    """Attention over a row, node by node.

    Args:
        query: (1, heads, row, dim); `key` and `value` perhaps with fewer heads.
        nodes: Gives for a layer its nodes and their masks.
    """
    repeat = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(repeat, 1), value.repeat_interleave(repeat, 1)
    out = torch.zeros_like(query)
    for (start, end, before), mask in nodes(module.layer_idx):
        keys, values = (torch.cat([x[:, :, a:b] for a, b in (*before, (start, end))], 2) for x in (key, value))
        causal = mask is None and end - start > 1
        out[:, :, start:end] = F.scaled_dot_product_attention(query[:, :, start:end], keys, values, mask, is_causal=causal, scale=scaling)
    return out.transpose(1, 2), None


AttentionInterface.register(ATTENTION, attend)
# The nodes say who sees whom; transformers need not build a mask.
ALL_MASK_ATTENTION_FUNCTIONS.register(ATTENTION, lambda *args, **options: None)
