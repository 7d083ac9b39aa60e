"""Batches for training a reward model: the inputs of a problem in one row, what they begin with alike stored once.

The programs of one problem share its statement, which is often most of an input, and often their first lines. Laid out as
`reward_servers.packing` does for serving, a row costs little more than the statement and each program's own rest.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from reward_servers.packing import Row, chunks, lay_out

ROW_TOKENS = 1024
"""Tokens of a row, about: attention looks at all of them from each, so longer rows would cost what sharing saves."""


def lay_problems(problems: Sequence[Sequence[list[int]]], pad_id: int) -> dict[str, Tensor]:
    """Lay out the inputs of each problem.

    Returns:
        `dict[str, Tensor]`: What `rm_train.model.score_inputs` reads.
            `input_ids` and `position_ids` (rows, longest), padded on the right.
            `ends` (inputs, 2): the row and the place in it where each input ends, in the order given.
            `attention_mask` (rows, 1, longest, longest): true where a token sees another. Left out where no row shares
            anything: then causal attention is all there is to say.
    """
    rows: list[Row] = []
    ends: list[tuple[int, int]] = []
    longest = max(len(ids) for inputs in problems for ids in inputs)
    # A mask of the square of a long input is larger than what sharing saves.
    tokens = ROW_TOKENS if longest <= 4 * ROW_TOKENS else 0
    for inputs in problems:
        placed: dict[int, tuple[int, int]] = {}
        for chunk in chunks(inputs, tokens):
            row = lay_out([inputs[i] for i in chunk])
            placed.update((i, (len(rows), leaf.end - 1)) for i, leaf in zip(chunk, row.leaves, strict=True))
            rows.append(row)
        ends += [placed[i] for i in range(len(inputs))]
    ids, _ = pad([row.ids for row in rows], pad_id)
    positions, _ = pad([row.positions for row in rows], 0)
    batch = {"input_ids": ids, "position_ids": positions, "ends": torch.tensor(ends)}
    if len(rows) < len(ends):
        batch["attention_mask"] = _mask(rows, ids.shape[1])
    return batch


def pad(sequences: Sequence[Sequence[int]], pad_id: int) -> tuple[Tensor, Tensor]:
    """Right-padded ids (batch, longest) and lengths (batch,)."""
    lengths = torch.tensor([len(sequence) for sequence in sequences])
    ids = torch.full((len(sequences), int(lengths.max())), pad_id)
    for row, sequence in enumerate(sequences):
        ids[row, : len(sequence)] = torch.tensor(sequence)
    return ids, lengths


def _mask(rows: Sequence[Row], longest: int) -> Tensor:
    # Padding sees itself, for a token that sees nothing has no softmax.
    mask = torch.eye(longest, dtype=torch.bool).repeat(len(rows), 1, 1)
    for seen, row in zip(mask, rows, strict=True):
        for start, end, before in row.nodes:
            seen[start:end, start:end] = torch.ones(end - start, end - start, dtype=torch.bool).tril()
            for low, high in before:
                seen[start:end, low:high] = True
    return mask[:, None]
