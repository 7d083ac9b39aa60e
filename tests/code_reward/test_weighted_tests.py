"""Tests weighted by difficulty: the formula on worked examples, and what it promises whatever was passed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import DataError
from code_reward.verdict import Missing, Rejected, Scored
from code_reward.weighted_tests import difficulty_weights, weigh, weighted_shares

# Four answers, three tests that 3/4, 1/2 and 1/4 of them pass: hardness 1/4, 1/2, 3/4, which sum to 3/2.
WORKED = [[True, True, True], [True, True, False], [True, False, False], [False, False, False]]


def test_a_worked_example():
    assert difficulty_weights(WORKED) == pytest.approx([1 / 6, 2 / 6, 3 / 6])
    assert weighted_shares(WORKED) == pytest.approx([1, 3 / 6, 1 / 6, 0])


def test_a_test_that_all_pass_weighs_nothing_and_one_that_nobody_passes_weighs_most():
    assert difficulty_weights([[True, False, True], [True, False, False]]) == pytest.approx([0, 2 / 3, 1 / 3])
    assert weighted_shares([[True, True], [True, True]]) == [1.0, 1.0]


def test_rejected_answers_count_in_the_pass_rates_and_missing_ones_do_not():
    verdicts = [Scored(1.0), Scored(0.5), Rejected("no_code"), Missing("sandbox_error"), Scored(1.0)]
    passed = [[True, True], [True, False], None, None, [True]]
    weighed = weigh(verdicts, passed, ["a", "a", "a", "a", "b"])
    # Of three answers two pass the first test and one the second: hardness 1/3 and 2/3.
    assert [weighed[i] for i in (0, 2, 3, 4)] == [Scored(1.0), Rejected("no_code"), Missing("sandbox_error"), Scored(1.0)]
    assert weighed[1].value == pytest.approx(1 / 3)


@pytest.mark.parametrize("passed", [[], [[]], [[True], [True, False]]])
def test_no_answers_no_tests_or_other_tests_are_an_error(passed):
    with pytest.raises(DataError, match="at least one answer and one test"):
        difficulty_weights(passed)


@given(st.integers(1, 6).flatmap(lambda tests: st.lists(st.lists(st.booleans(), min_size=tests, max_size=tests), min_size=1, max_size=8)))
def test_shares_are_in_the_unit_interval_and_order_answers_that_pass_more(passed):
    shares = weighted_shares(passed)
    assert all(0 <= share <= 1 for share in shares)
    for one, share in zip(passed, shares, strict=True):
        if all(one):
            assert share == pytest.approx(1)
        for other, less in zip(passed, shares, strict=True):
            if all(mine or not its for mine, its in zip(one, other, strict=True)):
                assert share >= less - 1e-12
