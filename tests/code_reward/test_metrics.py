import itertools
import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import DataError
from code_reward.metrics import (
    auc,
    bootstrap,
    cross_calibrate,
    fit_platt,
    pair_accuracy,
    pair_reliability,
    paired_difference,
    pass_at_k,
    reliability,
)

few_scores = st.sampled_from([-1.0, 0.0, 0.5, 2.0])
labelled = st.lists(st.tuples(st.booleans(), few_scores), min_size=2, max_size=20).filter(
    lambda rows: len({label for label, _ in rows}) == 2
)


def half_ties(better, worse):
    return (better > worse) + 0.5 * (better == worse)


# pass@k


@given(st.integers(1, 300).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n), st.integers(1, n))))
def test_pass_at_k_is_the_exact_combinatorial_chance(drawn):
    samples, correct, k = drawn
    exact = 1 - Fraction(math.comb(samples - correct, k), math.comb(samples, k))
    assert pass_at_k(samples, correct, k) == pytest.approx(float(exact), rel=1e-12, abs=1e-15)


def test_pass_at_k_is_the_share_of_subsets_with_a_right_answer():
    right = [1, 0, 0, 1, 0, 0]
    subsets = list(itertools.combinations(right, 3))
    assert pass_at_k(6, 2, 3) == pytest.approx(sum(map(any, subsets)) / len(subsets))


def test_pass_at_k_of_very_many_samples_does_not_overflow():
    assert pass_at_k(10**6, 1, 10) == pytest.approx(1e-5)


@pytest.mark.parametrize(("samples", "correct", "k"), [(0, 0, 1), (5, 6, 1), (5, -1, 1), (5, 2, 0), (5, 2, 6)])
def test_pass_at_k_refuses_what_is_not_defined(samples, correct, k):
    with pytest.raises(DataError, match="not defined"):
        pass_at_k(samples, correct, k)


# Ranking


@given(labelled)
def test_auc_is_that_of_all_pairs(rows):
    right = [score for label, score in rows if label]
    wrong = [score for label, score in rows if not label]
    pairs = [half_ties(better, worse) for better in right for worse in wrong]
    assert auc(*zip(*rows, strict=True)) == pytest.approx(sum(pairs) / len(pairs), abs=1e-15)


@given(labelled, st.floats(0.1, 10), st.floats(-5, 5))
def test_auc_and_pair_accuracy_do_not_depend_on_scale_and_shift(rows, scale, shift):
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    assert auc(labels, scores * scale + shift) == auc(labels, scores)
    chosen, rejected = scores, scores[::-1]
    assert pair_accuracy(chosen * scale + shift, rejected * scale + shift) == pair_accuracy(chosen, rejected)


@given(labelled)
def test_auc_of_the_opposite_scores_is_the_rest_to_one(rows):
    labels, scores = (np.array(column) for column in zip(*rows, strict=True))
    assert auc(labels, scores) + auc(labels, -scores) == pytest.approx(1.0, abs=1e-12)


@given(st.lists(st.tuples(few_scores, few_scores), min_size=1, max_size=20))
def test_pair_accuracy_counts_a_tie_half(pairs):
    assert pair_accuracy(*zip(*pairs, strict=True)) == pytest.approx(sum(half_ties(*pair) for pair in pairs) / len(pairs))


# Calibration


@given(
    st.lists(st.tuples(st.booleans(), st.floats(0, 1) | st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0])), min_size=1, max_size=40),
    st.integers(1, 12),
)
def test_ece_is_that_of_brute_force(rows, bins):
    expected = 0.0
    edges = np.linspace(0, 1, bins + 1)
    for index in range(bins):
        inside = [row for row in rows if edges[index] <= row[1] < edges[index + 1] or (index == bins - 1 and row[1] == 1)]
        if inside:
            expected += abs(sum(row[0] for row in inside) - sum(row[1] for row in inside)) / len(rows)
    measured = reliability(*zip(*rows, strict=True), bins=bins)
    assert measured.ece == pytest.approx(expected, abs=1e-12)
    assert sum(one.count for one in measured.bins) == len(rows)
    assert all(one.low - 1e-12 <= one.confidence <= one.high + 1e-12 for one in measured.bins)


def test_ece_of_a_boaster_and_of_an_honest_one():
    outcomes = [1] * 7 + [0] * 3
    assert reliability(outcomes, [1.0] * 10).ece == pytest.approx(0.3)
    assert reliability(outcomes, [0.7] * 10).ece == pytest.approx(0.0)


def simulated(seed, scale, shift, problems=200, answers=10):
    """Answers whose chance of being right is sigmoid(scale * score + shift)."""
    rng = np.random.default_rng(seed)
    scores = rng.normal(size=problems * answers) * 3
    labels = rng.random(len(scores)) < 1 / (1 + np.exp(-(scale * scores + shift)))
    return labels, scores, np.repeat(np.arange(problems), answers).tolist()


@pytest.mark.parametrize(("scale", "shift"), [(1.0, 0.0), (0.3, 2.0), (2.0, -4.0), (-0.5, 1.0)])
def test_platt_finds_the_scale_and_shift_that_made_the_labels(scale, shift):
    labels, scores, _ = simulated(0, scale, shift, problems=2000)
    fit = fit_platt(labels, scores)
    assert (fit.scale, fit.shift) == pytest.approx((scale, shift), rel=0.1, abs=0.1)


def test_platt_is_where_the_gradient_of_the_smoothed_likelihood_vanishes():
    labels, scores, _ = simulated(1, 0.7, 1.0, problems=20)
    fit = fit_platt(labels, scores)
    targets = np.where(labels, (labels.sum() + 1) / (labels.sum() + 2), 1 / ((~labels).sum() + 2))
    residual = fit(scores) - targets
    assert [residual.sum(), residual @ scores] == pytest.approx([0, 0], abs=1e-5)


@pytest.mark.parametrize(
    "scores", [[5.0, 6.0, -5.0, -6.0], [3.0] * 4, [1e9, 1e9 + 1, -1e9, -1e9], [1e-9, 2e-9, -1e-9, -2e-9], [900.0, 1.0, -1.0, 0.0]]
)
def test_platt_stays_finite_where_classes_separate_and_where_nothing_differs(scores):
    probabilities = fit_platt([1, 1, 0, 0], scores)(scores)
    assert np.isfinite(probabilities).all()
    assert ((probabilities > 0) & (probabilities < 1)).all()


def test_cross_calibration_mends_a_scale_and_a_shift():
    labels, scores, problems = simulated(2, 0.3, -1.0)
    raw = reliability(labels, 1 / (1 + np.exp(-scores))).ece
    mended = reliability(labels, cross_calibrate(labels, scores, problems, seed=0)).ece
    assert raw > 0.1
    assert mended < 0.04


def test_cross_calibration_never_fits_on_the_problem_it_is_applied_to():
    labels, scores, problems = simulated(3, 1.0, 0.0, problems=20)
    before = cross_calibrate(labels, scores, problems, seed=0)
    changed = labels.copy()
    changed[:10] = ~changed[:10]
    after = cross_calibrate(changed, scores, problems, seed=0)
    assert (after[:10] == before[:10]).all()
    assert (after != before).any()


def test_cross_calibration_depends_on_the_seed_alone():
    labels, scores, problems = simulated(4, 1.0, 0.0, problems=20)
    first, again, other = (cross_calibrate(labels, scores, problems, seed=seed) for seed in (0, 0, 1))
    assert (first == again).all()
    assert (first != other).any()


def test_pair_reliability_of_a_calibrated_bradley_terry_model_is_near_zero_whatever_its_constant_per_problem():
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(2, 20000)) * 2
    wins = rng.random(20000) < 1 / (1 + np.exp(second - first))
    chosen, rejected = np.where(wins, first, second), np.where(wins, second, first)
    constant = rng.normal(size=20000) * 10
    assert pair_reliability(chosen, rejected).ece < 0.02
    assert pair_reliability(chosen + constant, rejected + constant).ece == pytest.approx(pair_reliability(chosen, rejected).ece, abs=1e-3)
    assert pair_reliability(3 * chosen, 3 * rejected).ece > 0.05


def test_pair_reliability_of_ties_is_that_of_a_coin():
    assert pair_reliability([1.0, 2.0], [1.0, 2.0]).ece == 0.0


# Bootstrap


def test_the_interval_covers_the_true_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(0)
    intervals = [bootstrap(np.mean, rng.normal(size=60), seed=seed, resamples=200) for seed in range(200)]
    covered = np.mean([interval.low <= 0 <= interval.high for interval in intervals])
    assert 0.88 <= covered <= 0.99


def test_the_interval_is_that_of_resampling_groups_by_hand():
    values, groups = np.array([1.0, 5.0, 2.0, 8.0, 0.0, 3.0]), ["a", "b", "a", "c", "b", "a"]
    members = {"a": [1.0, 2.0, 3.0], "b": [5.0, 0.0], "c": [8.0]}
    every = [np.mean(np.concatenate([members[group] for group in drawn])) for drawn in itertools.product("abc", repeat=3)]
    interval = bootstrap(np.mean, values, groups=groups, seed=0, resamples=20000)
    assert (interval.low, interval.high) == pytest.approx(np.quantile(np.repeat(every, 1000), [0.025, 0.975]))
    drawn_means = set()
    bootstrap(lambda rows: drawn_means.add(round(float(np.mean(rows)), 9)) or 0.0, values, groups=groups, seed=0)
    assert drawn_means == {round(float(mean), 9) for mean in every} | {round(float(values.mean()), 9)}


def test_answers_to_one_problem_that_are_alike_do_not_shrink_the_interval():
    per_problem = np.random.default_rng(0).random(30)
    once = bootstrap(np.mean, per_problem, seed=0)
    copied = bootstrap(np.mean, np.repeat(per_problem, 50), groups=np.repeat(np.arange(30), 50).tolist(), seed=0)
    assert (copied.low, copied.high) == pytest.approx((once.low, once.high))


def test_a_paired_difference_is_sharper_than_its_parts():
    rng = np.random.default_rng(0)
    theirs = rng.random(50)
    ours = theirs + 0.02 + rng.normal(size=50) * 0.01
    difference = paired_difference(ours, theirs, seed=0)
    assert difference.low > 0.015
    assert difference.estimate == pytest.approx(np.mean(ours - theirs))
    assert bootstrap(np.mean, ours, seed=0).low < bootstrap(np.mean, theirs, seed=0).high


def test_the_same_seed_gives_the_same_interval_and_another_seed_another():
    values = np.random.default_rng(0).random(40)
    assert bootstrap(np.mean, values, seed=3) == bootstrap(np.mean, values, seed=3)
    assert bootstrap(np.mean, values, seed=3) != bootstrap(np.mean, values, seed=4)


def test_a_wider_level_gives_a_wider_interval():
    values = np.random.default_rng(0).random(40)
    narrow, wide = (bootstrap(np.mean, values, seed=0, level=level) for level in (0.5, 0.99))
    assert wide.low < narrow.low < narrow.high < wide.high


def test_resamples_of_a_single_class_are_drawn_again():
    labels, scores = [1, 0] * 5, np.random.default_rng(0).random(10)
    interval = bootstrap(auc, labels, scores, seed=0, resamples=2000)
    assert 0 <= interval.low <= interval.estimate <= interval.high <= 1


def test_too_many_resamples_of_a_single_class_are_an_error():
    with pytest.raises(DataError, match="More than a tenth of the resamples") as caught:
        bootstrap(auc, [1, 0, 0], [2.0, 1.0, 0.0], seed=0)
    assert caught.value.kind == "single_class"


def test_other_errors_of_a_statistic_are_not_hidden():
    def broken(rows):
        raise DataError("no such thing")

    with pytest.raises(DataError, match="no such thing"):
        bootstrap(broken, [1.0, 2.0], seed=0)


# Bad input


@pytest.mark.parametrize("measure", [auc, pair_accuracy, reliability, pair_reliability, fit_platt])
@pytest.mark.parametrize(
    ("first", "second", "message"),
    [
        ([], [], "at least one"),
        ([1, 0], [0.5, math.nan], "is nan in row 1"),
        ([1, 0], [0.5, math.inf], "is inf in row 1"),
        ([1, 0], [0.5, None], "row 1|not a number"),
        ([1, 0], ["a", "b"], "not a number"),
        ([1, 0], [0.5], "differ in length"),
        ([[1, 0]], [[0.5, 0.1]], "shape"),
    ],
)
def test_unusable_columns_are_a_clear_error(measure, first, second, message):
    with pytest.raises(DataError, match=message):
        measure(first, second)


@pytest.mark.parametrize("measure", [auc, fit_platt])
@pytest.mark.parametrize(("labels", "message"), [([1, 1], "Every label is 1"), ([0, 0], "Every label is 0"), ([2, 0], "must be 0 or 1")])
def test_labels_that_a_measure_cannot_use_are_a_clear_error(measure, labels, message):
    with pytest.raises(DataError, match=message):
        measure(labels, [0.1, 0.2])


@pytest.mark.parametrize(("outcomes", "probabilities", "bins"), [([1], [1.2], 10), ([1], [-0.1], 10), ([3], [0.5], 10), ([1], [0.5], 0)])
def test_reliability_refuses_what_is_no_probability(outcomes, probabilities, bins):
    with pytest.raises(DataError):
        reliability(outcomes, probabilities, bins=bins)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        ([[1.0, 2.0], [1.0]], {}, "lengths"),
        ([[1.0, 2.0]], {"groups": ["a"]}, "lengths"),
        ([[1.0, 2.0]], {"groups": ["a", "a"]}, "one problem"),
        ([[1.0]], {}, "one problem"),
        ([], {}, "at least one column"),
        ([[1.0, math.nan]], {}, "nan"),
        ([[1.0, 2.0]], {"level": 1.0}, "level"),
        ([[1.0, 2.0]], {"resamples": 0}, "resample"),
    ],
)
def test_bootstrap_refuses_what_gives_no_interval(data, options, message):
    with pytest.raises(DataError, match=message):
        bootstrap(lambda *columns: float(np.mean(columns[0])), *data, seed=0, **options)


def test_cross_calibration_refuses_what_cannot_be_halved():
    with pytest.raises(DataError, match="one problem"):
        cross_calibrate([1, 0], [0.1, 0.2], ["a", "a"], seed=0)
    with pytest.raises(DataError, match="3 groups"):
        cross_calibrate([1, 0], [0.1, 0.2], ["a", "a", "b"], seed=0)
    with pytest.raises(DataError, match="Every label"):
        cross_calibrate([1, 0], [0.1, 0.2], ["a", "b"], seed=0)
