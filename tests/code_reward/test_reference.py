"""A server that scores the reference items otherwise is found, and it is said how it differs."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from code_reward.errors import ConfigurationError, RewardServerError
from code_reward.reference import FILE, TOLERANCES, Difference, Reference, ReferenceItem, compare, require_equal

SCORES = [1.5, -0.5, 0.2, 8.0]


def reference(scores=SCORES, **changes) -> Reference:
    items = [ReferenceItem(statement=f"s{number}", answer="a", ids=[number, 1], score=score) for number, score in enumerate(scores)]
    return Reference(items=items, **changes)


def difference(scores, dtype="float32", expected=SCORES) -> Difference:
    found = compare(reference(expected), scores, dtype)
    assert found is not None
    return found


def moved(index: int, by: float) -> list[float]:
    return [score + by * (number == index) for number, score in enumerate(SCORES)]


@pytest.mark.parametrize("dtype", TOLERANCES)
def test_scores_within_the_tolerance_are_equal(dtype):
    tolerance = TOLERANCES[dtype]
    assert compare(reference(), SCORES, dtype) is None
    assert compare(reference(), moved(2, 0.9 * tolerance), dtype) is None
    assert compare(reference(), moved(2, -0.9 * tolerance), dtype) is None
    assert compare(reference(), moved(2, 1.1 * tolerance), dtype) is not None
    assert compare(reference(), moved(2, -1.1 * tolerance), dtype) is not None


def test_the_tolerance_grows_with_large_scores_only():
    assert compare(reference(), moved(3, 0.0079), "float32") is None
    assert compare(reference(), moved(3, 0.0081), "float32") is not None
    assert compare(reference(), moved(1, 0.0011), "float32") is not None


def test_the_tolerance_of_the_file_counts():
    strict = reference(tolerance={"float32": 1e-6, "bfloat16": 0.5})
    assert compare(strict, moved(2, 1e-5), "float32") is not None
    assert compare(strict, moved(2, 0.4), "bfloat16") is None
    assert compare(strict, moved(2, 0.9 * TOLERANCES["float16"]), "float16") is None


def test_the_worst_item_is_named():
    found = difference([1.5, -0.7, 0.21, 8.05])
    assert found.kind == "other_scores"
    assert "reference item 1 scored -0.7, not -0.5" in found.message
    assert "float32" in found.message


def test_a_random_bias_is_recognised():
    assert "off by about +0.118" in difference([score + 0.118 for score in SCORES]).message
    assert "off by" not in difference(moved(0, 0.118)).message
    assert "off by" not in difference([1.0], expected=[2.0]).message
    assert "off by about -1" in difference([1.0, 2.0], expected=[2.0, 3.0]).message
    assert "off by" not in difference([1.0, 2.0, 9.0], expected=[2.0, 3.0, 4.0]).message


def test_a_setting_that_may_be_wrong_is_recognised():
    rounded = [1.55, -0.48, 0.2, 7.95]
    assert "none by more than bfloat16 allows (if that is what the server computes in, set dtype to it)" in difference(rounded).message
    assert "none by more than float16 or bfloat16 allows" in difference(moved(0, 0.005)).message
    assert "allows" not in difference(moved(0, 0.2)).message, "no dtype explains that"
    assert "allows" not in difference(moved(0, 0.2), "bfloat16").message
    assert "allows" not in difference([score + 0.05 for score in SCORES]).message, "rounding does not shift all alike"
    near = difference([1.51, 1.5, 3.0], expected=[1.5, 1.505, 3.0])
    assert near.kind == "other_order"
    assert "none by more than float16 or bfloat16 allows" in near.message, "rounding swaps what lies close together"


def test_another_order_is_told_from_inexact_scores():
    found = difference([8.0, 1.5, -0.5, 0.2])
    assert found.kind == "other_order"
    assert "pairs of items have changed order" in found.message
    assert "6 pairs" in difference([0.0] * 4).message
    assert "a pair of items has changed" in difference([1.5, 0.21, 0.2, 8.0]).message
    assert difference([0.1, 0.0], expected=[0.0, 0.0019]).kind == "other_scores"
    assert difference([2 * score for score in SCORES]).kind == "other_scores"


@pytest.mark.parametrize("scores", [[], SCORES[:3], [*SCORES, 0.0]])
def test_another_number_of_scores_is_a_difference(scores):
    assert difference(scores).kind == "number_of_scores"
    assert f"{len(scores)} scores" in difference(scores).message


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("index", [0, 3])
def test_a_score_that_is_not_finite_is_a_difference(bad, index):
    found = difference([*SCORES[:index], bad, *SCORES[index + 1 :]])
    assert found.kind == "not_finite"
    assert f"reference item {index}" in found.message


FINITE = st.floats(-50, 50)


@given(st.lists(st.tuples(FINITE, st.floats(-0.99, 0.99)), min_size=1, max_size=8), st.sampled_from(sorted(TOLERANCES)))
def test_scores_within_the_tolerance_keep_their_order(pairs, dtype):
    allowed = [TOLERANCES[dtype] * max(1.0, abs(score)) for score, _ in pairs]
    scores = [score + share * limit for (score, share), limit in zip(pairs, allowed, strict=True)]
    expected = [score for score, _ in pairs]
    assert compare(reference(expected), scores, dtype) is None
    order = range(len(pairs))
    assert all(
        scores[low] < scores[high] for low in order for high in order if expected[low] + allowed[low] + allowed[high] < expected[high]
    )


def test_a_wrong_server_is_refused_by_name():
    require_equal(reference(), SCORES, "float32", "http://worker-1:30000")
    with pytest.raises(RewardServerError, match=r"http://worker-1:30000 is not the expected reward model: reference item 0") as caught:
        require_equal(reference(), moved(0, 1.0), "float32", "http://worker-1:30000")
    assert caught.value.kind == "wrong_model"


def test_a_file_gives_back_what_was_saved(tmp_path):
    saved = reference([0.1 + 0.2, 1e-17, -3.0], tolerance={"float32": 2e-3})
    saved.save(tmp_path)
    assert Reference.load(tmp_path) == saved
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"items": []}, "items"),
        ({"tolerance": {"float8": 1.0}}, "float8"),
        ({"tolerance": {"float32": 0.0}}, "tolerance"),
        ({"model": "x"}, "model"),
        ({"items": [{"statement": "s", "answer": "a", "ids": [1], "score": "NaN"}]}, "score"),
        ({"items": [{"statement": "s", "answer": "a", "ids": [], "score": 1.0}]}, "ids"),
    ],
)
def test_a_bad_file_is_refused(tmp_path, change, message):
    reference().save(tmp_path)
    path = tmp_path / FILE
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    with pytest.raises(ConfigurationError, match=message):
        Reference.load(tmp_path)


@pytest.mark.parametrize("content", ["", "{", "[]"])
def test_what_is_no_reference_file_is_refused(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(ConfigurationError, match=FILE):
        Reference.load(tmp_path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=f"{FILE} does not exist"):
        Reference.load(tmp_path)
