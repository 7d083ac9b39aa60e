import math

import torch
from hypothesis import given
from hypothesis import strategies as st

from rm_train.losses import bradley_terry

logits = st.floats(-30, 30)
rows = st.lists(st.tuples(logits, logits, st.floats(0, 5), st.floats(0.01, 10)), min_size=1, max_size=8)


def loss(rows: list[tuple[float, float, float, float]]) -> float:
    return float(bradley_terry(*torch.tensor(rows, dtype=torch.float64).unbind(dim=1)))


@given(rows)
def test_the_loss_is_the_weighted_mean_of_the_textbook_formula(rows: list[tuple[float, float, float, float]]) -> None:
    by_hand = [math.log1p(math.exp(-(chosen - rejected - margin))) for chosen, rejected, margin, _ in rows]
    weights = [weight for *_, weight in rows]
    expected = sum(value * weight for value, weight in zip(by_hand, weights, strict=True)) / sum(weights)
    assert math.isclose(loss(rows), expected, rel_tol=1e-9)


def test_a_margin_asks_for_more_and_a_weight_counts() -> None:
    assert loss([(1, 0, 2, 1)]) > loss([(1, 0, 0, 1)])
    easy, hard = (5.0, 0.0, 0.0), (0.0, 5.0, 0.0)
    assert loss([(*easy, 9), (*hard, 1)]) < loss([(*easy, 1), (*hard, 1)]) < loss([(*easy, 1), (*hard, 9)])


def test_extreme_scores_and_weights_of_zero_stay_finite() -> None:
    assert loss([(-1e6, 1e6, 0, 1)]) == 2e6
    assert loss([(1.0, 2.0, 0.0, 0.0)]) == 0.0
