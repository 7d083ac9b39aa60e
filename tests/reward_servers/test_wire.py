"""The wire: what is asked, what is answered, and that nothing but a finite number is ever read as a score."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reward_servers.wire import (
    CLASSIFY,
    EMBEDDINGS,
    BadReply,
    WireError,
    check_ids,
    classify_reply,
    embeddings_reply,
    read_classify,
    read_embeddings,
)


def body(**record):
    return json.dumps(record).encode()


@pytest.mark.parametrize(
    ("value", "items", "single"),
    [
        ([1, 2], [[1, 2]], True),
        ([[1, 2], [3]], [[1, 2], [3]], False),
        ([[1, 2]], [[1, 2]], False),
        ([[1], "x", None], [[1], "x", None], False),
        ([1, 2.5], [[1, 2.5]], True),
    ],
)
def test_ids_are_one_input_or_a_list_of_inputs(value, items, single):
    for request in (read_classify(body(input_ids=value)), read_embeddings(body(input=value))):
        assert (request.items, request.single) == (items, single)


def test_texts_are_one_input_or_a_list_of_inputs():
    assert read_classify(body(text="a", model="x")).items == read_embeddings(body(input="a")).items == ["a"]
    assert read_classify(body(text=["a", "b"])).items == ["a", "b"]
    assert not read_embeddings(body(input=["a"])).single


@pytest.mark.parametrize(
    "wrong", [b"", b"{", b"[1]", b'"x"', b"\xff", body(), body(text="a", input_ids=[1]), body(input_ids=[]), body(text=3), b"[" * 100_000]
)
def test_a_request_without_sense_is_an_error_with_a_sentence(wrong):
    for read in (read_classify, read_embeddings):
        with pytest.raises(WireError) as caught:
            read(wrong)
        assert caught.value.status == 400
        assert caught.value.message.endswith(".")


@pytest.mark.parametrize(
    ("item", "kind"),
    [
        ([], "empty"),
        ("x", "not_ids"),
        (None, "not_ids"),
        ({"a": 1}, "not_ids"),
        ([1, "2"], "not_ids"),
        ([1, 2.0], "not_ids"),
        ([True], "not_ids"),
        ([[1]], "not_ids"),
        ([-1], "out_of_vocabulary"),
        ([10], "out_of_vocabulary"),
        ([10**30], "out_of_vocabulary"),
        ([1] * 5, "too_long"),
    ],
)
def test_a_bad_item_has_its_kind(item, kind):
    with pytest.raises(WireError) as caught:
        check_ids(item, 10, 4)
    assert caught.value.kind == kind


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_replies_are_read_back_exactly(scores):
    tokens = [1] * len(scores)
    assert CLASSIFY.read(json.dumps(classify_reply(scores, tokens, 0.1, False)).encode(), len(scores)) == scores
    assert EMBEDDINGS.read(json.dumps(embeddings_reply(scores, tokens, "rm")).encode(), len(scores)) == scores


def test_an_error_stands_in_the_place_of_its_item():
    results = [1.5, WireError("too_long", "Cut it."), -2.0]
    classify = json.dumps(classify_reply(results, [1, 0, 1], 0.1, False)).encode()
    embeddings = json.dumps(embeddings_reply(results, [1, 0, 1], "rm")).encode()
    for read in (CLASSIFY.read(classify, 3), EMBEDDINGS.read(embeddings, 3)):
        assert read[::2] == [1.5, -2.0]
        assert (read[1].kind, read[1].message) == ("too_long", "Cut it.")
    # A client of SGLang takes embedding[0] or embedding[-1]; it must not find a number.
    assert json.loads(classify)[1]["embedding"] == json.loads(embeddings)["data"][1]["embedding"] == []


def test_embeddings_come_in_the_order_of_their_index():
    data = [{"index": 1, "embedding": [2.0]}, {"index": 0, "embedding": [1.0]}]
    assert EMBEDDINGS.read(json.dumps({"data": data}).encode(), 2) == [1.0, 2.0]


@pytest.mark.parametrize("indices", [[0, 0], [1, 2], [0, 2]])
def test_embeddings_that_may_be_another_inputs_are_a_bad_reply(indices):
    with pytest.raises(BadReply):
        EMBEDDINGS.read(json.dumps({"data": [{"index": i, "embedding": [1.0]} for i in indices]}).encode(), 2)


@pytest.mark.parametrize("score", ["NaN", "Infinity", "-Infinity", "null"])
def test_a_score_that_is_not_finite_is_an_error_of_its_item(score):
    (result,) = CLASSIFY.read(f'[{{"embedding": [{score}]}}]'.encode(), 1)
    assert result.kind == "not_finite"


@pytest.mark.parametrize(
    "reply",
    [
        b"",
        b"<html>",
        b"[",
        b"null",
        b"{}",
        b"[]",
        b"[1.0]",
        b'[{"embedding": [1.0]}, {"embedding": [1.0]}]',
        b'[{"embedding": [1.0, 2.0]}]',
        b'[{"embedding": []}]',
        b'[{"embedding": ["1.0"]}]',
        b'[{"embedding": [true]}]',
        b'[{"embedding": 1.0}]',
        b'[{"score": 1.0}]',
        b'{"data": [{"embedding": [1.0]}]}',
        b'{"data": null}',
        b"\xff\xfe",
    ],
)
def test_what_is_not_one_score_per_input_is_a_bad_reply(reply):
    for dialect in (CLASSIFY, EMBEDDINGS):
        with pytest.raises(BadReply):
            dialect.read(reply, 1)


@given(st.binary(max_size=200), st.integers(0, 3))
def test_arbitrary_bytes_are_never_a_score(reply, count):
    for dialect in (CLASSIFY, EMBEDDINGS):
        try:
            results = dialect.read(reply, count)
        except BadReply:
            continue
        assert count == 0
        assert results == []
