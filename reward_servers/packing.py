"""Many sequences in one row, without padding and with shared prefixes stored once.

The sequences of a batch are laid into one row as a tree: a run of tokens that several sequences begin with is stored once, and each
sequence's own rest follows it. `reward_servers.tree_attention` lets a token attend to what precedes it in its own sequence and to nothing
else, so the scores are those of one sequence at a time; only the work differs. Samples of one group share their problem statement, which is
often most of the input. No torch here.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

SHARED_TOKENS = 16
"""A prefix shorter than this is not worth a node of its own: every node costs one attention call per layer."""

Spans = tuple[tuple[int, int], ...]


class Node(NamedTuple):
    """Tokens `[start, end)` of the row; they attend to the spans `before`, in order, and causally to themselves."""

    start: int
    end: int
    before: Spans


@dataclass
class Row:
    """A batch laid out: the tokens and positions of the row, all nodes, and of each sequence the node that it ends with."""

    ids: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    nodes: list[Node] = field(default_factory=list)
    leaves: list[Node] = field(default_factory=list)

    def place(self, sequence: Sequence[int], start: int, end: int, before: Spans) -> Node:
        """Append the tokens `[start, end)` of a sequence whose earlier tokens are at `before`."""
        node = Node(len(self.ids), len(self.ids) + end - start, before)
        self.ids += sequence[start:end]
        self.positions += range(start, end)
        self.nodes.append(node)
        return node


def shared_prefix(first: Sequence[int], second: Sequence[int]) -> int:
    """How many leading tokens two sequences share; at least the last token of each stays its own, because it is the one scored."""
    low, high = 0, min(len(first), len(second)) - 1
    while low < high:
        middle = (low + high + 1) // 2
        if first[low:middle] == second[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def chunks(sequences: Sequence[list[int]], tokens: int) -> Iterator[list[int]]:
    """Indices of `sequences` in chunks, sorted so that neighbours share prefixes. A chunk ends when its row holds `tokens` tokens and the
    next sequence has little in common with it, at the latest at four times as many."""
    chunk: list[int] = []
    size = 0
    for index in sorted(range(len(sequences)), key=sequences.__getitem__):
        length = len(sequences[index])
        shared = shared_prefix(sequences[chunk[-1]], sequences[index]) if chunk else 0
        if chunk and (size + length - shared > 4 * tokens or (size + length - shared > tokens and shared < length // 2)):
            yield chunk
            chunk, size, shared = [], 0, 0
        chunk.append(index)
        size += length - shared
    if chunk:
        yield chunk


def lay_out(sequences: Sequence[list[int]]) -> Row:
    """Lay sorted, non-empty `sequences` into one row; its leaves are in their order."""
    shared = [0, *(shared_prefix(a, b) for a, b in pairwise(sequences))]
    row = Row()
    pending: list[tuple[int, int, int, Spans]] = [(0, len(sequences), 0, ())]
    while pending:
        low, high, depth, before = pending.pop()
        if high - low == 1:
            row.leaves.append(row.place(sequences[low], depth, len(sequences[low]), before))
            continue
        common = min(shared[low + 1 : high])
        if common - depth >= SHARED_TOKENS:
            node = row.place(sequences[low], depth, common, before)
            before, depth = (*before, (node.start, node.end)), common
        cuts = [low, *(i for i in range(low + 1, high) if shared[i] - depth < SHARED_TOKENS), high]
        pending += reversed([(a, b, depth, before) for a, b in pairwise(cuts)])
    return row
