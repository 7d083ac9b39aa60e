import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import ConfigurationError
from code_reward.hybrid import hybrid
from code_reward.shaping import squash
from code_reward.verdict import Missing, Rejected, Scored

RATE, LOGIT = Scored(0.75), Scored(-2.0)
MODEL = Scored(squash(-2.0))
DOWN, REJECTED = Missing("timeout"), Rejected("no_code")

reasons = st.sampled_from(["no_code", "timeout"])
others = reasons.map(Rejected) | reasons.map(Missing)
tests_verdicts = st.none() | others | st.floats(0, 1).map(Scored)
model_verdicts = others | st.floats(allow_nan=False, allow_infinity=False).map(Scored)
modes = st.sampled_from(["gated", "weighted"])


@given(tests_verdicts, model_verdicts, modes, st.floats(0, 1), st.booleans())
def test_a_score_lies_between_0_and_1_and_needs_a_scored_part(tests, model, mode, weight, stand_in):
    verdict = hybrid(tests, model, mode=mode, tests_weight=weight, stand_in=stand_in)
    if isinstance(verdict, Scored):
        assert 0 <= verdict.value <= 1
        assert isinstance(tests, Scored) or isinstance(model, Scored)


@pytest.mark.parametrize(
    ("tests", "model", "expected"),
    [
        (RATE, LOGIT, RATE),
        (RATE, DOWN, RATE),
        (RATE, REJECTED, RATE),
        (REJECTED, LOGIT, REJECTED),
        (None, LOGIT, MODEL),
        (None, REJECTED, REJECTED),
        (None, DOWN, Missing("model_timeout")),
        (DOWN, LOGIT, Missing("tests_timeout")),
        (DOWN, REJECTED, Missing("tests_timeout")),
    ],
)
def test_gated_follows_the_tests_where_the_problem_has_any(tests, model, expected):
    assert hybrid(tests, model) == expected


@pytest.mark.parametrize(
    ("tests", "model", "expected"),
    [(DOWN, LOGIT, MODEL), (DOWN, REJECTED, REJECTED), (DOWN, DOWN, Missing("tests_timeout")), (RATE, DOWN, RATE)],
)
def test_gated_with_a_stand_in_follows_the_model_where_the_tests_are_missing(tests, model, expected):
    assert hybrid(tests, model, stand_in=True) == expected


@pytest.mark.parametrize(
    ("tests", "model", "expected"),
    [
        (RATE, LOGIT, Scored(0.25 * 0.75 + 0.75 * squash(-2.0))),
        (RATE, REJECTED, REJECTED),
        (REJECTED, DOWN, REJECTED),
        (RATE, DOWN, Missing("model_timeout")),
        (DOWN, LOGIT, Missing("tests_timeout")),
        (None, LOGIT, Missing("tests_absent")),
    ],
)
def test_weighted_needs_both_parts(tests, model, expected):
    assert hybrid(tests, model, mode="weighted", tests_weight=0.25) == expected


@pytest.mark.parametrize(
    ("tests", "model", "expected"),
    [(RATE, DOWN, RATE), (DOWN, LOGIT, MODEL), (None, LOGIT, MODEL), (DOWN, DOWN, Missing("tests_timeout"))],
)
def test_weighted_with_a_stand_in_takes_the_part_that_is_there(tests, model, expected):
    assert hybrid(tests, model, mode="weighted", stand_in=True) == expected


@given(st.floats(0, 1), st.floats(-50, 50), st.floats(1e-3, 50), st.floats(0, 0.9))
def test_weighted_rises_with_the_models_score(rate, low, step, weight):
    lower, higher = (hybrid(Scored(rate), Scored(score), mode="weighted", tests_weight=weight) for score in (low, low + step))
    assert lower.value < higher.value


@pytest.mark.parametrize(
    ("tests", "options", "message"),
    [
        (RATE, {"mode": "mixed"}, "'mixed'"),
        (RATE, {"tests_weight": 1.5}, r"\[0, 1\]"),
        (Scored(-3.0), {}, "pass rate"),
    ],
)
def test_impossible_settings_are_errors(tests, options, message):
    with pytest.raises(ConfigurationError, match=message):
        hybrid(tests, LOGIT, **options)
