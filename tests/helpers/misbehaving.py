"""A reward model server that really misbehaves, over real sockets, as told; and that counts what it was asked.

It speaks the wire of a worker (`/classify`, `/v1/embeddings`) or of a router (no `/classify`), and scores with a function, so that a test
knows the right score of everything.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from hashlib import sha256
from typing import Any, Literal

from aiohttp import web

Score = Callable[[list[int]], float]

FAULTS = ["reset", "hang", "drip", "500", "503", "429", "404", "malformed", "short", "nan", "softmax", "closes", "refused", "other model"]
"""What can be wrong with a reward model, for `misbehave`."""

Fault = Literal["reset", "hang", "drip", "500", "503", "429", "404", "malformed", "short", "nan", "softmax", "closes"]


def score_of(ids: list[int]) -> float:
    """The score of the model that tests take for the right one: anything between -4 and 4, decided by the ids."""
    return int.from_bytes(sha256(json.dumps(ids).encode()).digest()[:4], "big") / 2**29 - 4


def other_score_of(ids: list[int]) -> float:
    """The score of another model."""
    return score_of([*ids, 0])


class Misbehaving:
    """One such server.

    Attributes:
        fault: What is wrong with it now; None: nothing.
        poison: Token ids that make the server refuse (400), crash on (500) or score NaN a whole request, by kind.
        score: What it scores with; set another function to become another model.
        lists: The number of inputs of each request answered with scores.
        scored: Every input scored.
        most_at_once: The highest number of requests in flight.
        requests, listings: How many requests for scores, and for the list of workers, have come.
        faults: How many requests for scores have met a fault.
        open: While this is cleared, requests for scores wait.
    """

    paths: tuple[str, ...] = ("/v1/embeddings", "/classify")

    def __init__(self, score: Score = score_of, *, router: bool = False) -> None:
        self.score, self.router = score, router
        self.fault: Fault | None = None
        self.poison: dict[int, Literal["400", "500", "nan", "reset"]] = {}
        self.delay = 0.0
        self.retry_after: str | None = None
        self.workers: list[str] = []
        self.lists: list[int] = []
        self.scored: list[tuple[int, ...]] = []
        self.requests = self.listings = self.faults = self.most_at_once = self._at_once = 0
        self.open = asyncio.Event()
        self.open.set()
        self.port = 0
        self._runner: web.AppRunner | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> Misbehaving:
        await self.start()
        return self

    async def __aexit__(self, *exception: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listen; on the same port as before if it listened before."""
        app = web.Application(client_max_size=2**28)
        app.router.add_get("/workers", self._list_workers)
        app.router.add_get("/health", self._say_health)
        for path in self.paths if not self.router else self.paths[:1]:
            app.router.add_post(path, self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.01)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", self.port, reuse_address=True)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def stop(self) -> None:
        """Close every connection and refuse new ones."""
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _list_workers(self, request: web.Request) -> web.Response:
        self.listings += 1
        return web.json_response({"workers": [{"id": str(i), "url": url, "is_healthy": True} for i, url in enumerate(self.workers)]})

    async def _say_health(self, request: web.Request) -> web.Response:
        return web.Response(status=503 if self.fault else 200)

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        self.requests += 1
        self._at_once += 1
        self.most_at_once = max(self.most_at_once, self._at_once)
        try:
            batch = self._read(await request.json())
            await self.open.wait()
            await asyncio.sleep(self.delay)
            return await self._misbehave(request, batch)
        finally:
            self._at_once -= 1

    def _read(self, record: Any) -> list[list[int]]:
        """The inputs of a request."""
        batch: list[list[int]] = record.get("input_ids") or record["input"]
        return batch

    async def _misbehave(self, request: web.Request, batch: list[list[int]]) -> web.StreamResponse:
        tokens = {i for ids in batch for i in ids}
        kinds = {kind for token, kind in self.poison.items() if token in tokens}
        fault = self.fault
        self.faults += fault is not None
        if fault == "closes" or "reset" in kinds:
            if request.transport is not None:  # Else the client has gone by itself.
                request.transport.abort()
            await asyncio.sleep(3600)
        if fault in ("500", "503", "429", "404"):
            return web.Response(status=int(fault), headers={"Retry-After": self.retry_after} if self.retry_after else None)
        if fault == "hang":
            await asyncio.sleep(3600)
        if "400" in kinds:
            return web.json_response({"error": {"message": "an input is too long"}}, status=400)
        if "500" in kinds:
            return web.Response(status=500)
        body = self._body(request.path, batch, {token for token, kind in self.poison.items() if kind == "nan"})
        if fault in ("reset", "drip"):
            return await self._trickle(request, body, fault)
        return web.Response(body=body, content_type="application/json")

    async def _trickle(self, request: web.Request, body: bytes, fault: str) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json", "Content-Length": str(len(body))})
        await response.prepare(request)
        for i in range(len(body) // 2):
            if request.transport is None:
                break
            await response.write(body[i : i + 1])
            await asyncio.sleep(0.05 if fault == "drip" else 0)
        if request.transport is not None:
            request.transport.abort()
        await asyncio.sleep(3600)
        return response

    def _body(self, path: str, batch: list[list[int]], poison: set[int]) -> bytes:
        if self.fault == "malformed":
            return b'[{"embedding": [1.0'
        scores = [float("nan") if self.fault == "nan" or poison & set(ids) else self.score(ids) for ids in batch]
        if self.fault == "softmax":
            scores = [1.0] * len(scores)
        if self.fault == "short":
            scores = scores[:-1]
        self.lists.append(len(batch))
        self.scored += [tuple(ids) for ids in batch]
        entries = [{"index": i, "embedding": [score]} for i, score in enumerate(scores)]
        return json.dumps({"data": entries} if path == "/v1/embeddings" else entries).encode()


async def misbehave(server: Misbehaving, fault: str) -> None:
    """Have one of `FAULTS`."""
    if fault == "refused":
        await server.stop()
    elif fault == "other model":
        server.score = other_score_of
    else:
        server.fault = fault  # type: ignore[assignment]
