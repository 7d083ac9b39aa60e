import math
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import ConfigurationError
from code_reward.shaping import PRESETS, shape, softplus, squash
from code_reward.verdict import Missing, Rejected, Scored

LARGEST = sys.float_info.max

scores = st.floats(allow_nan=False, allow_infinity=False)
presets = st.sampled_from(["default", "codescaler", "coderm-nt", "raw"])


def reward(score: float, preset: str = "default") -> float:
    value = shape(Scored(score), preset, rejected=-9.0 if preset == "raw" else None)
    assert value is not None
    return value


@given(scores, scores, presets)
def test_every_preset_never_falls(a, b, preset):
    low, high = sorted((a, b))
    assert reward(low, preset) <= reward(high, preset)


@given(scores, presets, st.integers(min_value=1, max_value=8))
def test_every_preset_never_falls_between_neighbouring_floats(score, preset, steps):
    higher = score
    for _ in range(steps):
        higher = min(math.nextafter(higher, math.inf), LARGEST)
    assert reward(score, preset) <= reward(higher, preset)


@given(st.floats(-1e4, 1e4), st.floats(1e-6, 1e4))
def test_default_rises_strictly_where_logits_lie(score, step):
    assert reward(score) < reward(score + step)


@pytest.mark.parametrize(("low", "high"), [(-1e300, -1e299), (-1e6 - 1, -1e6), (-60, -50), (40, 41), (1e6, 1e6 + 1), (300, 400)])
def test_default_tells_far_tails_apart(low, high):
    assert reward(low) < reward(high)


@given(scores)
def test_default_is_bounded_and_puts_every_rejected_answer_strictly_below(score):
    rejected = shape(Rejected("no_code"))
    assert rejected is not None
    assert 0 <= reward(score) <= 1
    assert np.float32(rejected) < np.float32(reward(score))
    assert rejected < reward(score)


@pytest.mark.parametrize("score", [-LARGEST, -1e308, -1e38, -745.0, LARGEST])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.float16])
def test_default_keeps_its_gap_at_extreme_scores_in_every_precision(score, dtype):
    assert dtype(reward(score)) - dtype(shape(Rejected("no_code"))) >= 0.5


@given(st.floats(-700, 700))
def test_codescaler_is_softplus(score):
    assert reward(score, "codescaler") == pytest.approx(np.logaddexp(0.0, score), rel=1e-14, abs=0)


@given(scores)
def test_codescaler_neither_overflows_nor_goes_below_its_rejected_answers(score):
    assert math.isfinite(reward(score, "codescaler"))
    assert reward(score, "codescaler") >= shape(Rejected("no_code"), "codescaler") == 0.0


def test_softplus_is_exact_and_does_not_fall_where_its_formula_changes():
    around = np.linspace(25, 45, 4001).tolist()
    values = [softplus(value) for value in around]
    assert values == sorted(values)
    assert values == pytest.approx(np.logaddexp(0.0, around), rel=5e-16, abs=0)


def test_coderm_nt_clips_and_ties_a_very_bad_program_with_none():
    assert [reward(value, "coderm-nt") for value in (-9.0, -1.5, 2.0, 9.0)] == [-4.0, -1.5, 2.0, 4.0]
    assert shape(Rejected("truncated"), "coderm-nt") == -4.0


def test_raw_gives_the_score_and_the_callers_value():
    assert shape(Scored(-123.5), "raw", rejected=-200) == -123.5
    assert shape(Rejected("no_code"), "raw", rejected=-200) == -200.0


@pytest.mark.parametrize("verdict", [Scored(1.0), Rejected("no_code"), Missing("timeout")])
def test_raw_without_a_rejected_value_is_an_error_whatever_the_verdict(verdict):
    with pytest.raises(ConfigurationError, match="no value for rejected"):
        shape(verdict, "raw")


@pytest.mark.parametrize("preset", ["default", "codescaler", "coderm-nt"])
def test_a_rejected_value_for_a_preset_that_has_its_own_is_an_error(preset):
    with pytest.raises(ConfigurationError, match="its own value"):
        shape(Scored(1.0), preset, rejected=0.0)


@pytest.mark.parametrize("rejected", [math.nan, math.inf, -math.inf])
def test_a_rejected_value_that_is_not_finite_is_an_error(rejected):
    with pytest.raises(ConfigurationError, match="finite"):
        shape(Scored(1.0), "raw", rejected=rejected)


@given(presets, st.text())
def test_missing_is_never_a_number(preset, reason):
    assert shape(Missing(reason), preset, rejected=-1.0 if preset == "raw" else None) is None


def test_an_unknown_preset_is_an_error_that_names_the_known_ones():
    with pytest.raises(ConfigurationError, match=r"'codescalar'.*coderm-nt, codescaler, default, raw"):
        shape(Scored(1.0), "codescalar")


def test_the_presets_are_those_that_the_documentation_names():
    assert PRESETS.names() == ["coderm-nt", "codescaler", "default", "raw"]


def test_squash_is_centred():
    assert squash(0.0) == 0.5
    assert squash(3.0) + squash(-3.0) == 1.0
