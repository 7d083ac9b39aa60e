"""The plan: every example once an epoch, steps that are the same for any number of processes, rows within their budget."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rm_train.encoding import Encoded, _join, _Problem
from rm_train.examples import Example
from rm_train.layout import in_order, lay, shared_prefix
from rm_train.plan import Plan, Trees, cut


def encoded(counts: list[int], *, seed: int = 0, width: int = 2) -> Encoded:
    """Problems with so many examples each, of inputs that begin alike."""
    drawn = random.Random(seed)
    problems = []
    for count in counts:
        statement = [drawn.randrange(50) for _ in range(20)]
        raw = {(*statement, *(drawn.randrange(3) for _ in range(drawn.randrange(1, 12)))) for _ in range(2 * count)}
        inputs = [np.array(ids, np.int32) for ids in raw]
        inputs = [inputs[index] for index in in_order(inputs)]
        shared = [0, *(shared_prefix(a, b) for a, b in pairwise(inputs))]
        numbers = [tuple(drawn.randrange(len(inputs)) for _ in range(width)) for _ in range(count)]
        problems.append(_Problem(inputs, shared, [(one, 0.5 + drawn.random(), 0.0, 0) for one in numbers], 0))
    return _join(problems, [Example("p", "s", ("t",) * width, 1.0, 0.0)])


def plan(data: Encoded, processes: int = 1, **changes: object) -> Plan:
    return Plan(data, **{"batch": 8, "epochs": 1.0, "row_tokens": 64, "processes": processes, "seed": 1, **changes})  # type: ignore[arg-type]


counts = st.lists(st.integers(1, 30), min_size=1, max_size=6)


@settings(deadline=None)
@given(counts, st.integers(1, 5), st.integers(1, 20))
def test_an_epoch_is_every_example_once_in_steps_of_one_size(counts: list[int], processes: int, batch: int) -> None:
    data = encoded(counts)
    steps = list(plan(data, processes, batch=batch).steps_from(0))
    sizes = [sum(len(row) for rows in step.rows for row in rows) for step in steps]
    assert sizes[:-1] == [batch] * (len(steps) - 1)
    assert 0 < sizes[-1] <= batch
    seen = [number for step in steps for rows in step.rows for row in rows for number in row.tolist()]
    assert sorted(seen) == list(range(sum(counts)))
    for step in steps:
        assert len({len(rows) for rows in step.rows}) == 1, "every process has equally many rows"
        assert step.weight == pytest.approx(sum(data.weights[row].sum() for rows in step.rows for row in rows))


@settings(deadline=None)
@given(counts, st.integers(64, 6000), st.integers(64, 6000))
def test_steps_have_the_same_examples_whatever_the_length_of_rows(counts: list[int], tokens: int, other: int) -> None:
    """So a run that was killed goes on with other rows where memory was too small."""
    data = encoded(counts)

    def steps(row_tokens: int) -> list[list[int]]:
        return [
            sorted(number for rows in step.rows for row in rows for number in row.tolist())
            for step in plan(data, row_tokens=row_tokens).steps_from(0)
        ]

    assert steps(tokens) == steps(other)


@settings(deadline=None)
@given(counts, st.integers(2, 5))
def test_steps_are_the_same_for_any_number_of_processes(counts: list[int], processes: int) -> None:
    data = encoded(counts)

    def contents(processes: int) -> list[list[int]]:
        steps = plan(data, processes, epochs=2.0).steps_from(0)
        return [sorted(number for rows in step.rows for row in rows for number in row.tolist()) for step in steps]

    assert contents(processes) == contents(1)


@settings(deadline=None)
@given(counts, st.sampled_from([40, 64, 200]))
def test_no_row_is_over_its_budget_but_a_single_example(counts: list[int], tokens: int) -> None:
    data = encoded(counts)
    for step in plan(data, 2, row_tokens=tokens).steps_from(0):
        for row in (row for rows in step.rows for row in rows if len(row)):
            laid = lay([data.input(number) for number in np.unique(data.examples[row])])
            assert len(laid.ids) <= tokens or len(row) == 1


@given(st.integers(0, 20))
def test_what_a_tree_takes_is_what_a_row_of_it_holds(seed: int) -> None:
    data = encoded([12], seed=seed)
    piece = np.arange(12)
    assert Trees(data).tokens(piece) == len(lay([data.input(number) for number in np.unique(data.examples)]).ids)
    for part in cut(Trees(data), range(12), 60):
        inside = lay([data.input(number) for number in np.unique(data.examples[part])])
        assert len(inside.ids) <= 60 or len(part) == 1


def test_a_run_that_goes_on_takes_the_steps_that_are_left_and_epochs_differ() -> None:
    data = encoded([5, 9, 20, 3])
    every, later = list(plan(data, epochs=3.0).steps_from(0)), list(plan(data, epochs=3.0).steps_from(7))
    assert [[row.tolist() for row in step.rows[0]] for step in later] == [[row.tolist() for row in step.rows[0]] for step in every[7:]]
    per_epoch = len(every) // 3
    assert [row.tolist() for row in every[0].rows[0]] != [row.tolist() for row in every[per_epoch].rows[0]]


def test_processes_without_an_example_get_an_empty_row() -> None:
    data = encoded([1])
    (step,) = plan(data, 3).steps_from(0)
    assert [[len(row) for row in rows] for rows in step.rows] == [[1], [0], [0]]


def test_work_is_spread_over_processes_even_if_one_problem_has_it_all() -> None:
    data = encoded([8])
    (step,) = plan(data, 4, row_tokens=4096).steps_from(0)
    assert sorted(len(row) for rows in step.rows for row in rows) == [2, 2, 2, 2]
