"""Samples per second, the ways side by side: what each idea adds, from CodeRM-NT's way to ours, and the plain load generator.

Every way scores the same answers, all of them at once, as slime's rollout does; the client works on one core, the server on another. The
rounds are interleaved, so that other work on the machine disturbs all ways alike.
"""

from __future__ import annotations

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import NamedTuple, TypeVar
from unittest.mock import patch

import aiohttp

from code_reward.verdict import Scored
from reward_servers.client import ClientSettings, RewardClient, asking
from reward_servers.client import engine as client_engine
from reward_servers.wire import CLASSIFY, Dialect, Result
from scripts.bench_reward.corpus import Sample
from scripts.bench_reward.servers import Server, Variant, serving

T = TypeVar("T")
Score = Callable[[Sequence[Sample]], Awaitable[list[float]]]

AT_ONCE = 64
"""Requests in flight of the client that does not block; slime's own remote_rm allows as many."""


class Way(NamedTuple):
    """One way from answers to scores."""

    name: str
    server: Variant
    connect: Callable[[str], AbstractAsyncContextManager[Score]]
    """Gives, for a server's address, what scores samples there; connecting is not timed, for a run does it once."""


class Timing(NamedTuple):
    """One run of one way."""

    seconds: float
    server_cpu: float
    """Processor seconds of the server."""


async def measure(model: Path, groups: Sequence[Sequence[Sample]], rounds: int, core: int) -> tuple[int, dict[str, list[Timing]]]:
    """The number of samples, and the timings of each way."""
    samples = [sample for group in groups for sample in group]
    ways = [
        Way("CodeRM-NT: blocking client, one forward pass per sample", "one_by_one", _blocking),
        Way(f"the same server, {AT_ONCE} requests in flight", "one_by_one", _concurrent),
        Way("our client, lists, padded batches", "padded", partial(_client, model)),
        Way("our client, lists, packed", "packed", partial(_client, model)),
        Way("our client, lists, packed, prefixes shared", "embedded", partial(_client, model)),
    ]
    timings: dict[str, list[Timing]] = {}
    right: list[float] | None = None
    with ExitStack() as stack:
        servers = {variant: stack.enter_context(serving(variant, model, core)) for variant in dict.fromkeys(way.server for way in ways)}
        for _ in range(rounds):
            for way in ways:
                lists: list[Sequence[list[int]]] = []
                with patch.object(client_engine, "ask", _recording(lists)):
                    async with way.connect(servers[way.server].url) as score:
                        lists.clear()
                        scores, timing = await _timed(servers[way.server], score(samples))
                timings.setdefault(way.name, []).append(timing)
                right = right or scores
                assert all(abs(score - expected) < 1e-3 for score, expected in zip(scores, right, strict=True)), way.name
            _, timing = await _timed(servers["embedded"], _load(servers["embedded"].url, lists))
            timings.setdefault("plain load generator, the same lists", []).append(timing)
    return len(samples), timings


async def _timed(server: Server, work: Awaitable[T]) -> tuple[T, Timing]:
    cpu, start = server.cpu_seconds(), perf_counter()
    result = await work
    return result, Timing(perf_counter() - start, server.cpu_seconds() - cpu)


@asynccontextmanager
async def _blocking(url: str) -> AsyncIterator[Score]:
    """A new connection per sample, and the event loop stands still until its answer is there."""

    async def reward(sample: Sample) -> float:
        request = urllib.request.Request(f"{url}/predict", _predict_body(sample), {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as response:  # noqa: ASYNC210
            return float(json.load(response)["rewards"])

    yield lambda samples: asyncio.gather(*map(reward, samples))


@asynccontextmanager
async def _concurrent(url: str) -> AsyncIterator[Score]:
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:

        async def reward(sample: Sample) -> float:
            async with session.post(f"{url}/predict", data=_predict_body(sample), headers={"Content-Type": "application/json"}) as response:
                return float((await response.json())["rewards"])

        yield lambda samples: asyncio.gather(*map(reward, samples))


def _predict_body(sample: Sample) -> bytes:
    prompt = f"<|im_start|>user\n{sample.statement}<|im_end|>\n<|im_start|>assistant\n"
    return json.dumps({"question": prompt, "response": sample.response}).encode()


@asynccontextmanager
async def _client(model: Path, url: str) -> AsyncIterator[Score]:
    async with RewardClient(model, [url], settings=ClientSettings(cache_items=0)) as client:

        async def score(samples: Sequence[Sample]) -> list[float]:
            verdicts = [judged.verdict for judged in await client.verdicts(samples)]
            assert all(isinstance(verdict, Scored) for verdict in verdicts)
            return [verdict.value for verdict in verdicts if isinstance(verdict, Scored)]

        # The server is checked against the reference scores before it is first asked.
        await client.verdict("Write a function `one()`.", "```python\ndef one():\n    return 1\n```")
        yield score


def _recording(lists: list[Sequence[list[int]]]) -> Callable[..., Awaitable[list[Result]]]:

    async def wrapped(session: aiohttp.ClientSession, url: str, dialect: Dialect, batch: Sequence[list[int]]) -> list[Result]:
        lists.append(batch)
        return await asking.ask(session, url, dialect, batch)

    return wrapped


async def _load(url: str, lists: Sequence[Sequence[list[int]]]) -> None:
    """As many lists in flight as our client has."""
    in_flight = asyncio.Semaphore(ClientSettings().lists_per_worker)
    bodies = [json.dumps(CLASSIFY.ask(batch)).encode() for batch in lists]
    async with aiohttp.ClientSession() as session:

        async def send(body: bytes) -> None:
            async with in_flight, session.post(f"{url}/classify", data=body, headers={"Content-Type": "application/json"}) as response:
                assert response.status == 200
                await response.read()

        await asyncio.gather(*map(send, bodies))
