"""The wire of reward model servers: SGLang's `/classify` and `/v1/embeddings`, as our server writes it and our client reads it.

A request holds one input or a list of inputs; an input is a text or a list of token ids:

    POST /classify        {"input_ids": [[1, 2], [3]]} or {"text": [...]}   ->  [{"embedding": [score], "meta_info": {...}}, ...]
    POST /v1/embeddings   {"input": [[1, 2], [3]]} or texts                 ->  {"data": [{"index": 0, "embedding": [score]}, ...], ...}

SGLang answers 400 to a whole list if one item is bad. Our server answers such a list with 200 and puts

    {"error": {"kind": "too_long", "message": "A sentence that says what to do."}}

in the place of a bad item (with `"embedding": []` beside it, so that a client of SGLang that does not know `error` fails instead of reading
a number). A list without any good item, or a bad single input, is answered 4xx with the same `error` object. Error kinds are `ErrorKind`.

Nothing here does any I/O, and `/v1/classify` is left out on purpose: it applies a softmax, so that one label always gives 1.0.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

ErrorKind = Literal["bad_request", "empty", "not_ids", "out_of_vocabulary", "too_long", "too_large", "overloaded", "not_finite", "failed"]

STATUS: dict[ErrorKind, int] = {"too_large": 413, "overloaded": 503, "not_finite": 500, "failed": 500}
"""HTTP status of a request that fails as a whole; 400 where not listed."""


class WireError(Exception):
    """What is wrong with a request or with one of its items; `message` is a sentence that says what to do."""

    def __init__(self, kind: ErrorKind, message: str, retry_after: int | None = None) -> None:
        super().__init__(message)
        self.kind, self.message, self.retry_after = kind, message, retry_after

    @property
    def status(self) -> int:
        return STATUS.get(self.kind, 400)

    def body(self) -> dict[str, Any]:
        return {"error": {"kind": self.kind, "message": self.message}}


@dataclass(frozen=True)
class Request:
    """The inputs of one request: texts, lists of ids, or anything else, which is that item's error; `single`: not sent as a list."""

    items: list[Any]
    single: bool


def read_classify(body: bytes) -> Request:
    """Read the body of `POST /classify`; raises `WireError` when the request as a whole makes no sense."""
    record = _record(body)
    given = [key for key in ("input_ids", "text") if record.get(key) is not None]
    if len(given) != 1:
        raise WireError("bad_request", 'Give either "text" or "input_ids".')
    return _request(record[given[0]])


def read_embeddings(body: bytes) -> Request:
    """Read the body of `POST /v1/embeddings`; raises as `read_classify`."""
    record = _record(body)
    if record.get("input") is None:
        raise WireError("bad_request", 'Give "input": a text, a list of texts, token ids, or a list of lists of token ids.')
    return _request(record["input"])


def _record(body: bytes) -> dict[str, Any]:
    try:
        record = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise WireError("bad_request", f"The body is not JSON ({error}); send one JSON object.") from error
    if not isinstance(record, dict):
        raise WireError("bad_request", "The body is not a JSON object; send one.")
    return record


def _request(value: Any) -> Request:
    if isinstance(value, str):
        return Request([value], single=True)
    if not isinstance(value, list) or not value:
        raise WireError("empty", "The request holds no input; give a text, token ids, or a list of either that is not empty.")
    if all(isinstance(item, (int, float)) for item in value):
        return Request([value], single=True)
    return Request(value, single=False)


def check_ids(item: Any, vocabulary_size: int, context_length: int) -> list[int]:
    """`item` if a model of that size can take it; raises `WireError`."""
    if not isinstance(item, list) or not set(map(type, item)) <= {int}:
        raise WireError("not_ids", "An input is neither a text nor a list of integers; send token ids.")
    if not item:
        raise WireError("empty", "An input is empty; send at least one token.")
    if len(item) > context_length:
        raise WireError("too_long", f"An input has {len(item)} tokens, the model takes {context_length}; cut it before sending.")
    if min(item) < 0 or max(item) >= vocabulary_size:
        raise WireError("out_of_vocabulary", f"An input has ids outside 0..{vocabulary_size - 1}; tokenise with this model's tokenizer.")
    return item


Result = float | WireError


def classify_reply(results: Sequence[Result], tokens: Sequence[int], seconds: float, single: bool) -> Any:
    """The body that answers `POST /classify`."""
    replies = [
        {"embedding": [], **result.body()}
        if isinstance(result, WireError)
        else {"embedding": [result], "meta_info": {"id": str(i), "prompt_tokens": count, "e2e_latency": seconds}}
        for i, (result, count) in enumerate(zip(results, tokens, strict=True))
    ]
    return replies[0] if single else replies


def embeddings_reply(results: Sequence[Result], tokens: Sequence[int], model: str) -> Any:
    """The body that answers `POST /v1/embeddings`."""
    data = [
        {"object": "embedding", "index": i, "embedding": [], **result.body()}
        if isinstance(result, WireError)
        else {"object": "embedding", "index": i, "embedding": [result]}
        for i, result in enumerate(results)
    ]
    return {"object": "list", "data": data, "model": model, "usage": {"prompt_tokens": sum(tokens), "total_tokens": sum(tokens)}}


class BadReply(Exception):
    """A reply that is not one score or error per item asked for."""


@dataclass(frozen=True)
class Dialect:
    """How a client asks one kind of endpoint and reads its answer."""

    path: str
    field: str
    entries: Callable[[Any], Any]

    def ask(self, batch: Sequence[Sequence[int]]) -> dict[str, Any]:
        """The JSON body that asks for the scores of `batch`."""
        # SGLang demands a model name at /v1/embeddings and ignores it.
        return {"model": "default", self.field: batch}

    def read(self, body: bytes, count: int) -> list[Result]:
        """The scores in a reply to `count` inputs; raises `BadReply`. A score that is not finite is a `WireError` of its item."""
        try:
            entries = self.entries(json.loads(body))
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise BadReply(f"{self.path} answered no list of scores: {body[:80]!r}") from error
        if not isinstance(entries, list) or len(entries) != count:
            raise BadReply(f"{self.path} answered {len(entries) if isinstance(entries, list) else 'no'} scores to {count} inputs")
        return [_result(entry) for entry in entries]


def _result(entry: Any) -> Result:
    if isinstance(entry, dict) and isinstance(error := entry.get("error"), dict):
        return WireError(error.get("kind", "failed"), str(error.get("message", "")))
    embedding = entry.get("embedding") if isinstance(entry, dict) else None
    if not isinstance(embedding, list) or len(embedding) != 1:
        raise BadReply("an entry holds no single score; is this a reward model?")
    score = embedding[0]
    # JSON has no NaN: some servers write the literal, others null.
    if score is None or (isinstance(score, float) and not math.isfinite(score)):
        return WireError("not_finite", "The reward model gave a score that is not finite.")
    if type(score) not in (int, float):
        raise BadReply(f"a score is {score!r}")
    return float(score)


def _data(reply: Any) -> list[Any]:
    data = sorted(reply["data"], key=lambda entry: int(entry["index"]))
    if [entry["index"] for entry in data] != list(range(len(data))):
        raise ValueError("The entries are not numbered from 0 on.")
    return data


CLASSIFY = Dialect("/classify", "input_ids", lambda reply: reply)
EMBEDDINGS = Dialect("/v1/embeddings", "input", _data)
