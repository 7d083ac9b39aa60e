"""The HTTP side of the embedded server: requests to items, items to the batcher, scores to replies.

`RewardModel` is what it needs of a model; the tests give it a stand-in. That the model is the right one was checked before
(`reward_servers.embedded.serving`), so `/health` answers 200 from the first request on.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any, Protocol

from fastapi import FastAPI, Request, Response
from fastapi.responses import JSONResponse

from reward_servers.batching import Batcher, QueueFull
from reward_servers.embedded.metrics import Metrics
from reward_servers.wire import Request as WireRequest
from reward_servers.wire import Result, WireError, check_ids, classify_reply, embeddings_reply, read_classify, read_embeddings
from reward_servers.wrong_address import name_addresses

MAX_BODY_BYTES = 64 * 2**20


class RewardModel(Protocol):
    """Scores token ids; `logits` may hold values that are not finite, and is called in one thread only."""

    vocabulary_size: int
    context_length: int

    def logits(self, batch: Sequence[list[int]]) -> list[float]: ...


@dataclass
class Service:
    """One model behind HTTP.

    Args:
        tokenize: A text to ids, for clients that send text; raises for text that cannot be tokenised.
    """

    model: RewardModel
    tokenize: Callable[[str], list[int]]
    batcher: Batcher
    metrics: Metrics

    async def score(self, items: Sequence[Any]) -> tuple[list[Result], list[int]]:
        """A result and a token count for each item: a bad item does not fail the others."""
        checked = [await self._check(item) for item in items]
        good = [ids for ids in checked if not isinstance(ids, WireError)]
        try:
            scores = iter(await self.batcher.submit(good) if good else [])
        except QueueFull as error:
            raise WireError("overloaded", str(error), retry_after=max(1, math.ceil(error.retry_after))) from error
        except Exception as error:  # Whatever the model raises becomes a typed answer.
            raise WireError("failed", f"The reward model failed ({type(error).__name__}: {error}); see the server's log.") from error
        results = [ids if isinstance(ids, WireError) else _finite(next(scores)) for ids in checked]
        self._count(results)
        return results, [0 if isinstance(ids, WireError) else len(ids) for ids in checked]

    async def _check(self, item: Any) -> list[int] | WireError:
        try:
            if isinstance(item, str):
                try:
                    item = await asyncio.to_thread(self.tokenize, item)
                except (UnicodeEncodeError, TypeError, ValueError) as error:
                    raise WireError("bad_request", f"A text cannot be tokenised ({error}); send valid Unicode.") from error
            return check_ids(item, self.model.vocabulary_size, self.model.context_length)
        except WireError as error:
            return error

    def _count(self, results: Sequence[Result]) -> None:
        for result in results:
            if isinstance(result, WireError):
                self.metrics.item_errors.labels(result.kind).inc()
            else:
                self.metrics.items.inc()


def _finite(score: float) -> Result:
    return score if math.isfinite(score) else WireError("not_finite", f"The reward model gave {score}; check its weights.")


def build_app(service: Service, name: str) -> FastAPI:
    """The routes of the server; `name` is what clients see as the model's name."""
    app = FastAPI(title="code-reward embedded server", openapi_url=None)
    name_addresses(app)
    metrics, batcher = service.metrics, service.batcher

    async def answer(request: Request, read: Callable[[bytes], WireRequest], write: Callable[..., Any]) -> Response:
        start = perf_counter()
        try:
            asked = read(await _body(request))
            start = perf_counter()
            results, tokens = await _while_connected(request, service.score(asked.items))
            if all(isinstance(result, WireError) for result in results):
                raise results[0]  # type: ignore[misc]
            response = JSONResponse(write(results, tokens, perf_counter() - start, asked.single))
        except WireError as error:
            headers = {"Retry-After": str(error.retry_after)} if error.retry_after else None
            response = JSONResponse(error.body(), error.status, headers)
        metrics.requests.labels(request.url.path, response.status_code).inc()
        metrics.request_seconds.observe(perf_counter() - start)
        return response

    @app.post("/classify")
    async def classify(request: Request) -> Response:
        return await answer(request, read_classify, classify_reply)

    @app.post("/v1/embeddings")
    async def embeddings(request: Request) -> Response:
        return await answer(request, read_embeddings, lambda results, tokens, seconds, single: embeddings_reply(results, tokens, name))

    @app.get("/health")
    async def health() -> Response:
        return Response()

    # The second name of each is what sglang-router asks a worker for.
    @app.get("/get_model_info")
    @app.get("/model_info")
    async def model_info() -> dict[str, Any]:
        return {"model_path": name, "tokenizer_path": name, "is_generation": False}

    @app.get("/get_server_info")
    @app.get("/server_info")
    async def server_info() -> dict[str, Any]:
        return {"model_path": name, "served_model_name": name, "context_length": service.model.context_length, "tp_size": 1, "dp_size": 1}

    @app.get("/metrics")
    async def show_metrics() -> Response:
        metrics.queue_items.set(batcher.waiting)
        metrics.queue_tokens.set(batcher.waiting_tokens)
        return Response(metrics.text(), media_type="text/plain; version=0.0.4")

    return app


async def _body(request: Request) -> bytes:
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise WireError("too_large", f"The body is over {MAX_BODY_BYTES >> 20} MB; send fewer items at once.")
    return bytes(body)


async def _while_connected(request: Request, work: Awaitable[Any]) -> Any:
    """The result of `work`, which is cancelled if the client hangs up: nobody would read the answer."""
    task = asyncio.ensure_future(work)
    gone = asyncio.ensure_future(request.receive())
    try:
        await asyncio.wait({task, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not task.done():
            task.cancel()
        return await task
    except asyncio.CancelledError:
        raise WireError("failed", "The client hung up.") from None
    finally:
        gone.cancel()
