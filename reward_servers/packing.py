"""Many sequences in one forward pass, without padding and with shared prefixes computed once.

The sequences of a batch are laid into one row as a tree: a run of tokens that several sequences begin with is stored once, and each
sequence's own rest follows it. A token attends to what precedes it in its own sequence and to nothing else, so the scores are those of
one sequence at a time; only the work differs. Samples of one group share their problem statement, which is often most of the input.

Works with every Hugging Face model that takes its attention from `AttentionInterface` and uses plain causal attention with positions given
by `position_ids`. Sliding windows, soft caps and the like are refused by `reward_servers.scorer`, not approximated.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import AttentionInterface
from transformers.masking_utils import ALL_MASK_ATTENTION_FUNCTIONS

ATTENTION = "code_reward_tree"

SHARED_TOKENS = 16
"""A prefix shorter than this is not worth a node of its own: every node costs one attention call per layer."""


@dataclass(frozen=True)
class Node:
    """Tokens `[start, end)` of the row; they attend to the spans `before`, in order, and causally to themselves."""

    start: int
    end: int
    before: tuple[tuple[int, int], ...]

    @cached_property
    def mask(self) -> Tensor:
        """Which keys (`before`, then the node's own) each of the node's tokens sees; additive, shape (tokens, keys)."""
        own = self.end - self.start
        seen = sum(end - start for start, end in self.before)
        hidden = torch.ones(own, seen + own, dtype=torch.bool).triu(seen + 1)
        return torch.zeros(own, seen + own).masked_fill_(hidden, float("-inf"))


@dataclass(frozen=True)
class Row:
    """A batch laid out: the tokens and positions of the row, its nodes, and where each sequence's last token is."""

    ids: list[int]
    positions: list[int]
    nodes: list[Node]
    last: list[int]


def shared_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many leading tokens two sequences share; at least the last token of each stays its own, because it is the one scored."""
    limit = min(len(first), len(second)) - 1
    if first[:limit] == second[:limit]:
        return limit
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if first[:middle] == second[:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def chunks(sequences: Sequence[list[int]], tokens: int) -> Iterator[list[int]]:
    """Indices of `sequences` in chunks whose rows hold about `tokens` tokens; neighbours share prefixes because they are sorted."""
    order = sorted(range(len(sequences)), key=sequences.__getitem__)
    chunk: list[int] = []
    size = 0
    for index in order:
        sequence = sequences[index]
        cost = len(sequence) - (shared_prefix(sequences[chunk[-1]], sequence) if chunk else 0)
        if chunk and size + cost > tokens:
            yield chunk
            chunk, size, cost = [], 0, len(sequence)
        chunk.append(index)
        size += cost
    if chunk:
        yield chunk


def lay_out(sequences: Sequence[list[int]]) -> Row:
    """Lay sorted, non-empty `sequences` into one row; `last` is in their order."""
    shared = [0, *(shared_prefix(a, b) for a, b in pairwise(sequences))]
    row = Row([], [], [], [0] * len(sequences))
    pending: list[tuple[int, int, int, tuple[tuple[int, int], ...]]] = [(0, len(sequences), 0, ())]
    while pending:
        low, high, depth, before = pending.pop()
        if high - low == 1:
            row.last[low] = _place(row, sequences[low], depth, len(sequences[low]), before)[1] - 1
            continue
        common = min(shared[low + 1 : high])
        if common - depth >= SHARED_TOKENS:
            before = (*before, _place(row, sequences[low], depth, common, before))
            depth = common
        cuts = [low, *(i for i in range(low + 1, high) if shared[i] - depth < SHARED_TOKENS), high]
        pending += [(a, b, depth, before) for a, b in pairwise(cuts)]
    return row


def _place(row: Row, sequence: list[int], start: int, end: int, before: tuple[tuple[int, int], ...]) -> tuple[int, int]:
    at = len(row.ids)
    row.ids.extend(sequence[start:end])
    row.positions.extend(range(start, end))
    row.nodes.append(Node(at, len(row.ids), before))
    return at, len(row.ids)


def attend(
    module: torch.nn.Module, query: Tensor, key: Tensor, value: Tensor, attention_mask: Tensor | None, *, nodes: list[Node], **options: Any
) -> tuple[Tensor, None]:
    """Attention over a row, node by node; `query` (1, heads, row, dim), `key` and `value` perhaps with fewer heads."""
    repeat = query.shape[1] // key.shape[1]
    key, value = key.repeat_interleave(repeat, 1), value.repeat_interleave(repeat, 1)
    out = torch.empty_like(query)
    for node in nodes:
        own = slice(node.start, node.end)
        keys = torch.cat([*(key[:, :, a:b] for a, b in node.before), key[:, :, own]], 2)
        values = torch.cat([*(value[:, :, a:b] for a, b in node.before), value[:, :, own]], 2)
        mask = node.mask.to(query) if node.before else None
        out[:, :, own] = F.scaled_dot_product_attention(
            query[:, :, own], keys, values, attn_mask=mask, is_causal=mask is None, scale=options["scaling"]
        )
    return out.transpose(1, 2), None


AttentionInterface.register(ATTENTION, attend)
# The nodes say who sees whom; transformers need not build a mask.
ALL_MASK_ATTENTION_FUNCTIONS.register(ATTENTION, lambda *args, **options: None)
