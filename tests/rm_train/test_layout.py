"""A row is a tree: what is seen from a token is what precedes it in its own input, and nothing else."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from rm_train.layout import lay, pad

inputs_of_few_tokens = st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=12), min_size=1, max_size=10)


def rows(inputs: list[list[int]]) -> list[np.ndarray]:
    return [np.array(ids, np.int32) for ids in inputs]


@given(inputs_of_few_tokens)
def test_from_where_an_input_ends_that_input_is_seen_and_nothing_else(inputs: list[list[int]]) -> None:
    row = lay(rows(inputs))
    places = np.arange(len(row.ids))
    for ids, end in zip(inputs, row.ends, strict=True):
        for query in [end]:
            seen = (places <= query) & (query < row.until)
            assert row.ids[seen].tolist() == ids
            assert row.positions[seen].tolist() == list(range(len(ids)))


@given(inputs_of_few_tokens)
def test_a_row_holds_every_beginning_once(inputs: list[list[int]]) -> None:
    beginnings = {tuple(ids[:length]) for ids in inputs for length in range(1, len(ids) + 1)}
    assert len(lay(rows(inputs)).ids) == len(beginnings)


def test_padding_sees_and_is_seen_by_itself_alone() -> None:
    row = pad(lay(rows([[5, 6], [5, 7]])), 6, pad_id=9)
    assert row.ids.tolist() == [5, 6, 7, 9, 9, 9]
    assert row.until.tolist() == [3, 2, 3, 4, 5, 6]
    assert row.ends.tolist() == [1, 2]
