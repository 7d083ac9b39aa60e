"""The embedded server's HTTP side around a stand-in model, in process."""

import asyncio
import json
import threading

import httpx
import pytest
from waiting import until

from reward_servers.batching import Batcher
from reward_servers.embedded import app as app_module
from reward_servers.embedded.app import Service, build_app
from reward_servers.embedded.metrics import Metrics
from reward_servers.wire import CLASSIFY, EMBEDDINGS


class Model:
    """Scores an input by its sum; 90 gives NaN, 91 raises, and `go` holds it."""

    vocabulary_size, context_length = 100, 10

    def __init__(self) -> None:
        self.go = threading.Event()
        self.go.set()
        self.scored: list[list[int]] = []

    def logits(self, batch):
        self.go.wait(300)
        self.scored += batch
        if any(91 in ids for ids in batch):
            raise RuntimeError("out of memory")
        return [float("nan") if 90 in ids else float(sum(ids)) for ids in batch]


def tokenize(text):
    return list(text.encode("ascii"))


@pytest.fixture
def model():
    return Model()


@pytest.fixture
def service(model):
    metrics = Metrics()
    batcher = Batcher(model.logits, batch_tokens=100, queue_tokens=30, observe=metrics.batch)
    yield Service(model, tokenize, batcher, metrics)
    model.go.set()
    batcher.close()


@pytest.fixture
async def http(service):
    transport = httpx.ASGITransport(build_app(service, "tiny-rm"))
    async with httpx.AsyncClient(transport=transport, base_url="http://rm") as client:
        yield client


async def test_one_input_is_answered_as_one_and_a_list_as_a_list(http):
    single = await http.post("/classify", json={"input_ids": [1, 2]})
    assert single.json()["embedding"] == [3.0]
    assert single.json()["meta_info"]["prompt_tokens"] == 2
    several = await http.post("/classify", json={"input_ids": [[1, 2], [4]]})
    assert [entry["embedding"] for entry in several.json()] == [[3.0], [4.0]]


async def test_embeddings_are_those_of_openai(http):
    reply = (await http.post("/v1/embeddings", json={"model": "x", "input": [[1, 2], [4]]})).json()
    assert [(entry["index"], entry["embedding"]) for entry in reply["data"]] == [(0, [3.0]), (1, [4.0])]
    assert (reply["model"], reply["usage"]) == ("tiny-rm", {"prompt_tokens": 3, "total_tokens": 3})
    single = (await http.post("/v1/embeddings", json={"input": [1, 2]})).json()
    assert single["data"][0]["embedding"] == [3.0]


async def test_texts_are_tokenised(http):
    assert (await http.post("/classify", json={"text": "! "})).json()["embedding"] == [65.0]
    reply = (await http.post("/v1/embeddings", json={"input": ["!", " "]})).json()
    assert [entry["embedding"] for entry in reply["data"]] == [[33.0], [32.0]]


async def test_one_bad_item_does_not_fail_the_others(http):
    items = [[1, 2], [], [1] * 11, [100], ["x"], [90], [5], "é", 7, None]
    for dialect in (CLASSIFY, EMBEDDINGS):
        reply = await http.post(dialect.path, json=dialect.ask(items))
        assert reply.status_code == 200
        results = dialect.read(reply.content, len(items))
        assert [results[0], results[6]] == [3.0, 5.0]
        errors = [result for i, result in enumerate(results) if i not in (0, 6)]
        kinds = ["empty", "too_long", "out_of_vocabulary", "not_ids", "not_finite", "bad_request", "not_ids", "not_ids"]
        assert [error.kind for error in errors] == kinds
        assert all(error.message.endswith(".") for error in errors)


@pytest.mark.parametrize(
    ("content", "status", "kind"),
    [
        (b"{", 400, "bad_request"),
        (b'{"input_ids": []}', 400, "empty"),
        (b'{"input_ids": [100]}', 400, "out_of_vocabulary"),
        (b'{"input_ids": [[], [100]]}', 400, "empty"),
        (b'{"input_ids": [90]}', 500, "not_finite"),
        (b'{"input_ids": [91]}', 500, "failed"),
        (b'{"input_ids": [91, 1]}', 500, "failed"),
        (b'{"text": "\\ud800"}', 400, "bad_request"),
    ],
)
async def test_a_request_without_a_good_item_fails_with_a_sentence(http, content, status, kind):
    reply = await http.post("/classify", content=content)
    assert (reply.status_code, reply.json()["error"]["kind"]) == (status, kind)
    assert reply.json()["error"]["message"].endswith(".")


async def test_a_body_over_the_limit_is_refused(http, monkeypatch):
    monkeypatch.setattr(app_module, "MAX_BODY_BYTES", 100)
    assert (await http.post("/classify", json={"input_ids": [[1]] * 100})).status_code == 413


def works(service):
    """Whether the model has a batch, and no other waits."""
    return service.batcher._drain is not None and not service.batcher.waiting


async def test_a_full_queue_is_answered_503_with_retry_after(http, service, model):
    model.go.clear()
    running = asyncio.create_task(http.post("/classify", json={"input_ids": [1]}))
    await until(lambda: works(service))
    waiting = asyncio.create_task(http.post("/classify", json={"input_ids": [[1] * 10] * 3}))
    await until(lambda: service.batcher.waiting == 3)
    refused = await http.post("/classify", json={"input_ids": [1]})
    assert refused.status_code == 503
    assert int(refused.headers["Retry-After"]) >= 1
    model.go.set()
    assert [(await reply).status_code for reply in (running, waiting)] == [200, 200]


async def test_the_work_of_a_client_that_hung_up_is_dropped(service, model):
    app = build_app(service, "tiny-rm")
    scope = {"type": "http", "method": "POST", "path": "/classify", "headers": [], "query_string": b"", "http_version": "1.1"}
    messages = [{"type": "http.request", "body": json.dumps({"input_ids": [7]}).encode()}, {"type": "http.disconnect"}]

    async def receive():
        return messages.pop(0)

    async def send(message):
        pass

    model.go.clear()
    running = asyncio.create_task(service.score([[1]]))
    await until(lambda: works(service))
    await app(scope, receive, send)
    model.go.set()
    await running
    await service.score([[2]])
    assert model.scored == [[1], [2]]


async def test_health_info_and_metrics(http):
    assert (await http.get("/health")).status_code == 200
    for path in ("/get_model_info", "/model_info"):
        assert (await http.get(path)).json() == {"model_path": "tiny-rm", "tokenizer_path": "tiny-rm", "is_generation": False}
    await http.post("/classify", json={"input_ids": [[1, 2], [], [3]]})
    await http.post("/classify", content=b"{")
    text = (await http.get("/metrics")).text
    for line in (
        'code_reward_requests_total{path="/classify",status="200"} 1.0',
        'code_reward_requests_total{path="/classify",status="400"} 1.0',
        "code_reward_items_total 2.0",
        'code_reward_item_errors_total{kind="empty"} 1.0',
        "code_reward_batch_items_sum 2.0",
        "code_reward_batch_tokens_sum 3.0",
        "code_reward_queue_items 0.0",
    ):
        assert line in text


async def test_the_softmax_endpoint_is_not_offered(http):
    assert (await http.post("/v1/classify", json={"input": [1]})).status_code == 404
