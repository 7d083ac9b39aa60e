import json
import math
import pickle
from dataclasses import FrozenInstanceError

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import DataError
from code_reward.verdict import Missing, Rejected, Scored, from_record, to_record

verdicts = st.floats(allow_nan=False, allow_infinity=False).map(Scored) | st.text().map(Rejected) | st.text().map(Missing)


@given(verdicts)
def test_a_verdict_survives_json(verdict):
    assert from_record(json.loads(json.dumps(to_record(verdict)))) == verdict


@given(verdicts)
def test_a_verdict_survives_pickle(verdict):
    assert pickle.loads(pickle.dumps(verdict)) == verdict


@given(st.text())
def test_missing_and_rejected_are_never_numbers_and_never_equal(reason):
    assert to_record(Missing(reason))["score"] is None
    assert to_record(Rejected(reason))["score"] is None
    assert Missing(reason) != Rejected(reason)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_score_must_be_finite(value):
    with pytest.raises(ValueError, match="not_finite"):
        Scored(value)


def test_a_verdict_cannot_be_changed():
    with pytest.raises(FrozenInstanceError):
        Scored(1.0).value = 2.0


@pytest.mark.parametrize(
    "record",
    [
        {},
        {"verdict": "scored"},
        {"verdict": "scored", "score": None},
        {"verdict": "scored", "score": math.nan},
        {"verdict": "scored", "score": math.inf},
        {"verdict": "scored", "score": 10**400},
        {"verdict": "scored", "score": "0.5"},
        {"verdict": "scored", "score": True},
        {"verdict": "rejected", "reason": None},
        {"verdict": "missing", "score": 0.0},
        {"verdict": "passed", "reason": "x"},
        {"verdict": ["scored"], "score": 1.0},
    ],
)
def test_anything_else_is_no_verdict(record):
    with pytest.raises(DataError, match="Not a verdict"):
        from_record(record)


def test_other_keys_of_the_metadata_do_not_matter():
    assert from_record({**to_record(Scored(2.5)), "shaped": 0.1, "rm": "x"}) == Scored(2.5)


def test_a_whole_number_is_a_score():
    score = from_record({"verdict": "scored", "score": 3})
    assert score == Scored(3.0)
    assert isinstance(score.value, float)
