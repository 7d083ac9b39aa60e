"""One request of the server from its body to its answer: admitted or not, read, worked on for as long as its client is there, counted."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, TypeVar

from fastapi import Request, Response
from fastapi.responses import JSONResponse
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from pydantic import BaseModel

from code_reward.errors import DataError
from reward_servers.sandbox.bodies import Body, ClientGone, Reader, Refused

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0)
_CLIENT_GONE_STATUS = 499

Answer = TypeVar("Answer", bound=BaseModel)


class Metrics:
    """What the server counts; every name begins with `code_reward_sandbox_`."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.outcomes = Counter("code_reward_sandbox_outcomes", "Programs run.", ["kind"], registry=self.registry)
        self.waiting = Gauge("code_reward_sandbox_requests_open", "Requests waiting or running.", registry=self.registry)
        self.cpu = Histogram("code_reward_sandbox_cpu_seconds", "CPU time per program.", buckets=_SECONDS, registry=self.registry)

    def count(self, kind: str, seconds: float) -> None:
        self.outcomes.labels(kind).inc()
        self.cpu.observe(seconds)


class Desk:
    """Serves requests, at most `max_open` at a time.

    Args:
        max_open: Requests that may be open; further ones are answered 503.
    """

    def __init__(self, max_open: int) -> None:
        self.metrics = Metrics()
        self.reader = Reader()
        self._max_open = max_open
        self._open = 0

    async def serve(self, request: Request, model: type[Body], work: Callable[[Body], Coroutine[Any, Any, Answer]]) -> Response:
        """The answer that `work` gives to the body of a request; its mistakes are 4xx. When the client goes, the work is cancelled."""
        if self._open >= self._max_open:
            return _refuse(503, f"{self._max_open} programs wait already; try again later.")
        self._open += 1
        self.metrics.waiting.set(self._open)
        try:
            body = await self.reader.receive(request)
            try:
                answer = await _while_there(request, work(await self.reader.parse(model, body)))
            finally:
                self.reader.release(body)
        except Refused as error:
            return _refuse(error.status, str(error))
        except DataError as error:
            return _refuse(422, str(error))
        except ClientGone:
            return Response(status_code=_CLIENT_GONE_STATUS)
        finally:
            self._open -= 1
            self.metrics.waiting.set(self._open)
        return Response(answer.model_dump_json(), media_type="application/json")


async def _while_there(request: Request, work: Coroutine[Any, Any, Answer]) -> Answer:
    """What the work gives; it is cancelled, and `ClientGone` raised, when the client goes first."""
    job, gone = asyncio.ensure_future(work), asyncio.ensure_future(_leave(request.receive))
    try:
        await asyncio.wait({job, gone}, return_when=asyncio.FIRST_COMPLETED)
        if not job.done():
            raise ClientGone
        return job.result()
    finally:
        job.cancel()
        gone.cancel()


async def _leave(receive: Callable[[], Awaitable[Any]]) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def _refuse(status: int, sentence: str) -> Response:
    headers = {"Retry-After": "1"} if status == 503 else {}
    sentence = sentence[:1000].encode("ascii", "backslashreplace").decode()
    return JSONResponse({"error": sentence}, status, headers)
