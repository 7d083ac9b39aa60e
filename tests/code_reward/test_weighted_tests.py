"""Tests weighted by difficulty: the formula on worked examples, and what it promises whatever was passed."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.advantages import group_advantages
from code_reward.errors import DataError
from code_reward.verdict import Missing, Rejected, Scored
from code_reward.weighted_tests import difficulty_weights, weigh, weighted_shares

# Four answers and five tests, of which 1, 1, 1, 1/2 and 0 of them pass one each.
WORKED = [
    [True, True, True, True, False],
    [True, True, True, True, False],
    [True, True, True, False, False],
    [True, True, True, False, False],
]


def test_the_published_formula_on_a_worked_example():
    # The shares are 1, 1, 1, 1/2, 0: mean 7/10, variance (3 * 0.09 + 0.04 + 0.49) / 5 = 4/25, standard deviation 2/5, bandwidth 1/5.
    near, far = math.exp(-(0.5**2) / (2 * 0.2**2)), math.exp(-(1**2) / (2 * 0.2**2))
    easy = math.exp(-2) / (3 + near + far)
    half = math.exp(-1) / (1 + 4 * near)
    hard = 1 / (1 + near + 3 * far)
    assert difficulty_weights(WORKED) == pytest.approx([easy, easy, easy, half, hard], rel=2e-6)
    every = 3 * easy + half + hard
    assert weighted_shares(WORKED) == pytest.approx([(3 * easy + half) / every] * 2 + [3 * easy / every] * 2, rel=2e-6)


def test_many_easy_tests_weigh_hardly_more_together_than_one():
    hard_one = [[True, False], [True, False], [True, False], [True, True]]
    for copies in (1, 10, 100):
        group = [[row[0]] * copies + [row[1]] for row in hard_one]
        weights = difficulty_weights(group)
        assert sum(weights[:-1]) <= 1.1 * difficulty_weights(hard_one)[0]
        assert weighted_shares(group)[0] == pytest.approx(weighted_shares(hard_one)[0], rel=0.1)


def test_the_division_by_all_weights_leaves_normalised_advantages_as_they_are():
    weights = np.array(difficulty_weights(WORKED))
    published = [float(weights @ np.array(row)) for row in WORKED]
    groups = [0] * len(WORKED)
    assert group_advantages(weighted_shares(WORKED), groups) == pytest.approx(group_advantages(published, groups))


def test_all_passed_is_worth_1_and_none_0_and_equally_hard_tests_count_alike():
    assert weighted_shares([[True, True], [True, True]]) == [1.0, 1.0]
    assert weighted_shares([[False, False], [False, False]]) == [0.0, 0.0]
    assert weighted_shares([[True, False], [False, True]]) == [0.5, 0.5]


def test_rejected_answers_count_in_the_pass_rates_and_missing_ones_do_not():
    verdicts = [Scored(1.0), Scored(0.5), Rejected("no_code"), Missing("sandbox_error"), Scored(1.0)]
    passed = [[True, True], [True, False], None, None, [True]]
    weighed = weigh(verdicts, passed, ["a", "a", "a", "a", "b"])
    easy, hard = difficulty_weights([[True, True], [True, False], [False, False]])
    assert [weighed[i] for i in (0, 2, 3, 4)] == [Scored(1.0), Rejected("no_code"), Missing("sandbox_error"), Scored(1.0)]
    assert weighed[1].value == pytest.approx(easy / (easy + hard))


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
