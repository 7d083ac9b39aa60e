import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.selection import ResultsMatrix, majority_vote
from code_reward.selection.allocation import allocate, chance_of_change, equal, published_gain
from code_reward.selection.spending import best_shares, compare


def test_the_published_gain_starts_with_easy_problems_and_starves_hopeless_ones():
    assert allocate(published_gain([0.9, 0.5, 0.0]), [9, 9, 9], 1) == [1, 0, 0]
    assert allocate(published_gain([0.9, 0.5, 0.0]), [9, 9, 9], 5) == [2, 3, 0]


def test_among_equals_the_problem_with_the_fewest_tests_is_next():
    assert allocate(lambda problem, tests: 1.0, [9, 9, 9], 5) == [2, 2, 1]


rates = st.lists(st.floats(0, 1), min_size=1, max_size=6)


@given(rates, st.integers(0, 20))
def test_greedy_is_optimal_for_the_published_value(given, total):
    """1 − (1 − λ)^b is concave in b, so no move of one test from a problem to another gains."""
    spent = allocate(published_gain(given), [20] * len(given), total)
    assert sum(spent) == total

    def value(counts):
        return sum(1 - (1 - rate) ** count for rate, count in zip(given, counts, strict=True))

    for source in range(len(given)):
        for target in range(len(given)):
            if spent[source]:
                moved = list(spent)
                moved[source] -= 1
                moved[target] += 1
                assert value(moved) <= value(spent) + 1e-9


@given(st.lists(st.integers(0, 5), min_size=1, max_size=6), st.integers(0, 40))
def test_no_problem_gets_more_than_it_can(limits, total):
    spent = equal(limits, total)
    assert all(count <= limit for count, limit in zip(spent, limits, strict=True))
    assert sum(spent) == min(total, sum(limits))
    unfilled = [count for count, limit in zip(spent, limits, strict=True) if count < limit]
    assert not unfilled or max(spent) - min(unfilled) <= 1 or max(spent) in unfilled


def problem(*votes):
    """A candidate per word, a sample of one test per letter."""
    passed = [[mark == "1" for mark in word] for word in votes]
    samples = [[column] for column in range(len(votes[0]))]
    return ResultsMatrix(problem_id="p", correct=[index == 0 for index in range(len(votes))], passed=passed, samples=samples)


@pytest.mark.parametrize(
    ("votes", "chance"),
    [
        (["", ""], 1.0),
        (["1", "0"], 1.0),  # Without it there would be no choice.
        (["11", "00"], 1 / 3),  # Either would do.
        (["10", "01"], 1.0),  # Level: without one the other decides.
        (["110", "001"], 3 / 4),  # Without one of the first two it would be level.
        (["1110", "0001"], 1 / 5),
    ],
)
def test_the_chance_of_a_change_is_the_share_of_samples_without_which_the_choice_were_another(votes, chance):
    assert chance_of_change(majority_vote, problem(*votes), range(len(votes[0]))) == pytest.approx(chance)


def test_a_limited_matrix_holds_what_the_samples_ask_about():
    whole = ResultsMatrix(
        problem_id="p",
        correct=[True, False],
        passed=[[True, False, True], [False, True, False]],
        samples=[[0, 1], [2], []],
        asks=[[1], [0], [2, 1]],
        outputs=[[0, 0, 0], [0, 1, 0]],
        values=[["a"], ["b", "c"], ["d"]],
        scores=[1.5, None],
    )
    part = whole.limited([1, 2])
    assert part.passed == [[True], [False]]
    assert part.samples == [[0], []]
    assert part.outputs == [[0, 0], [1, 0]]
    assert part.values == [["b", "c"], ["d"]]
    assert part.scores == [1.5, None], "a reward model's scores have nothing to do with tests"
    assert whole.limited([]).candidates().outputs.shape == (2, 0)
    assert whole.model_copy(update={"asks": None}).limited([1]).outputs is None, "nobody knows what the test asks about"
    columns = whole.model_copy(update={"samples": None})
    assert columns.limited([2, 0]).passed == [[True, True], [False, False]], "then each column is a sample"
    with pytest.raises(ValueError, match="asks has 1 tests"):
        ResultsMatrix.model_validate({**whole.model_dump(), "asks": [[0]]})


def test_the_best_shares_in_hindsight_are_the_best_of_all():
    rng = np.random.default_rng(0)
    curves = [rng.random(4) for _ in range(3)]
    for total in range(8):
        every = [shares for shares in itertools.product(range(4), repeat=3) if sum(shares) <= total]
        values = [sum(curve[tests] for curve, tests in zip(curves, shares, strict=True)) for shares in every]
        assert sum(curve[tests] for curve, tests in zip(curves, best_shares(curves, total), strict=True)) == pytest.approx(max(values))


def test_spending_is_compared_with_equal_shares_and_bounded_by_hindsight():
    # Tests decide the even problems, and say nothing of the odd ones.
    problems = [
        problem("1111", "0000").model_copy(update={"problem_id": f"p{index}"})
        if index % 2
        else problem("0000", "0000").model_copy(update={"problem_id": f"p{index}"})
        for index in range(10)
    ]
    given = {"draws": 2, "most": 4, "seed": 0, "resamples": 50}
    figures = {one.method: one for one in compare(problems, majority_vote, [1], **given)}
    unsaid = [one.model_copy(update={"samples": None}) for one in problems]
    assert compare(unsaid, majority_vote, [1], **given) == list(figures.values())
    assert figures["equal"].accuracy.estimate == pytest.approx(0.75)
    assert figures["best in hindsight"].accuracy.estimate >= figures["chance of a change"].accuracy.estimate
