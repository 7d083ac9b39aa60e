import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from rm_train.losses import bradley_terry, regression

logits = st.floats(-30, 30)


@given(logits, logits, st.floats(0, 5), st.sampled_from([0.0, 0.01]))
def test_bradley_terry_is_the_textbook_formula(chosen: float, rejected: float, margin: float, centring: float) -> None:
    scores, margins = torch.tensor([[chosen, rejected]], dtype=torch.float64), torch.tensor([margin], dtype=torch.float64)
    expected = math.log1p(math.exp(-(chosen - rejected - margin))) + centring * (chosen + rejected) ** 2
    assert float(bradley_terry(scores, margins, centring=centring)[0]) == pytest.approx(expected, rel=1e-9, abs=1e-12)


@given(logits, st.floats(0, 1))
def test_regression_is_the_square(score: float, value: float) -> None:
    loss = regression(torch.tensor([[score]], dtype=torch.float64), torch.tensor([value], dtype=torch.float64))
    assert float(loss[0]) == pytest.approx((score - value) ** 2)


def test_extreme_scores_stay_finite() -> None:
    assert bradley_terry(torch.tensor([[-1e6, 1e6]]), torch.zeros(1)).tolist() == [2e6]
