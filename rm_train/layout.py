"""Inputs laid into one row as a tree: what they begin with alike is stored once, and every token says how far it is seen.

The programs of one problem share its statement, which is often most of an input, and often their first lines. In preorder the tokens
below a token follow it without a gap, so one number per token says the whole mask, at any depth: token k is seen from q if `k <= q <
until[k]`. No torch here: a CPU makes a dense mask of it, CUDA a block mask (`rm_train.masks`), Megatron its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int32]


@dataclass(frozen=True)
class Row:
    """Inputs in one row: `ids`, `positions` and `until` (tokens,), and where each input ends, `ends` (inputs,) in the order given."""

    ids: Ints
    positions: Ints
    until: Ints
    ends: Ints


def lay(inputs: Sequence[Ints]) -> Row:
    """Lay non-empty inputs of any problems into one row; equal ones, and one that another begins with, take no place of their own."""
    order = in_order(inputs)
    shared = [0, *(shared_prefix(inputs[a], inputs[b]) for a, b in pairwise(order))]
    size = sum(len(inputs[index]) - common for index, common in zip(order, shared, strict=True))
    row = Row(*(np.empty(length, np.int32) for length in (size, size, size, len(inputs))))
    path: Ints = np.empty(0, np.int32)  # Places of the tokens of the input laid last.
    filled = 0
    for index, common in zip(order, shared, strict=True):
        ids = inputs[index]
        row.until[path[common:]] = filled
        end = filled + len(ids) - common
        row.ids[filled:end] = ids[common:]
        row.positions[filled:end] = np.arange(common, len(ids))
        path = np.concatenate([path[:common], np.arange(filled, end, dtype=np.int32)])
        row.ends[index] = path[-1]
        filled = end
    row.until[path] = size
    return row


def pad(row: Row, length: int, pad_id: int) -> Row:
    """Fill a row up to `length` tokens; padding sees itself alone, for a token that sees nothing has no softmax."""
    size, more = len(row.ids), length - len(row.ids)
    return Row(
        np.concatenate([row.ids, np.full(more, pad_id, np.int32)]),
        np.concatenate([row.positions, np.zeros(more, np.int32)]),
        np.concatenate([row.until, np.arange(size + 1, length + 1, dtype=np.int32)]),
        row.ends,
    )


def in_order(inputs: Sequence[Ints]) -> list[int]:
    """The numbers of the inputs in the order of a dictionary, so that neighbours share most."""
    return sorted(range(len(inputs)), key=lambda index: inputs[index].astype(">u4").tobytes())


def shared_prefix(first: Ints, second: Ints) -> int:
    """How many leading tokens two inputs share."""
    common = min(len(first), len(second))
    differ = np.nonzero(first[:common] != second[:common])[0]
    return int(differ[0]) if len(differ) else common
