"""The judge as a reward before an endpoint with a latency and a capacity: how much of the capacity is used, how the event loop fares.

The endpoint answers 64 questions at once, 1 s each, whatever it is asked, in a process of its own on a core of its own. A plain load
generator that holds as many requests in flight says what such an endpoint gives at best, beginning and end of the run included.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, process_time
from types import SimpleNamespace
from typing import Any, NamedTuple

import aiohttp
from code_reward_slime import connections
from code_reward_slime.rewards import judge_reward
from code_reward_slime.samples import record_of
from code_reward_slime.wiring import POST_PROCESS

from data_prep.judges.settings import JudgeSettings
from data_prep.llm.prompt import prompt
from scripts.bench_reward.corpus import Sample
from scripts.bench_reward.stall import REWARDS, reasoning_of, watched

CAPACITY, LATENCY = 64, 1.0
PLAIN, OURS = "plain load generator", "judge_reward"
AT_ONCE = CAPACITY + 16
"""Requests in flight: a few wait at the endpoint, so that it never does."""


class Measured(NamedTuple):
    """What was found."""

    answers: int
    rates: dict[str, list[float]]
    """Replies per second of each way, by round."""
    cpu: dict[str, list[float]]
    """CPU seconds of this process per reply likewise."""
    idle: list[float]
    """How late a timer came with nothing to do, in seconds."""
    busy: list[float]
    """And while 512 rewards with long reasoning were in flight."""
    seconds: float


async def measure(data: Path, model: Path, groups: Sequence[Sequence[Sample]], rounds: int, core: int) -> Measured:
    """Both ways in turn, `rounds` times; then the stall."""
    samples = [sample for group in groups for sample in group]
    ways = {PLAIN: _load, OURS: _rewards}
    rates: dict[str, list[float]] = {name: [] for name in ways}
    cpu: dict[str, list[float]] = {name: [] for name in ways}
    with _serving(core) as url:
        for work in ways.values():
            await work(url, samples[:CAPACITY])
        for _ in range(rounds):
            for name, work in ways.items():
                start, spent = perf_counter(), process_time()
                await work(url, samples)
                rates[name].append(len(samples) / (perf_counter() - start))
                cpu[name].append((process_time() - spent) / len(samples))
        reasoning = reasoning_of(data, model)
        long = [
            sample._replace(response=f"<think>\n{i} {reasoning}\n</think>\n{sample.response}") for i, sample in enumerate(samples[:REWARDS])
        ]
        await _rewards(url, long[:1])
        idle = await watched(asyncio.sleep(5))
        start = perf_counter()
        busy = await watched(_rewards(url, long))
        seconds = perf_counter() - start
    return Measured(len(samples), rates, cpu, idle, busy, seconds)


async def _load(url: str, samples: Sequence[Sample]) -> None:
    in_flight = asyncio.Semaphore(AT_ONCE)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def send(sample: Sample) -> None:
            body = _request(url, sample)
            async with in_flight, session.post(f"{url}/chat/completions", json=body) as response:
                assert response.status == 200
                await response.read()

        await asyncio.gather(*map(send, samples))


def _request(url: str, sample: Sample) -> dict[str, Any]:
    settings = JudgeSettings(urls=(url,), model="judge")
    values = {"statement": sample.statement, "program": sample.response, "trace": "(the program was not run)"}
    return prompt("judge").request("judge", settings.sampling(), **values).body("judge")


async def _rewards(url: str, samples: Sequence[Sample]) -> None:
    judge = {"urls": [url], "model": "judge", "concurrency": AT_ONCE, "cache_items": 0}
    args = Namespace(custom_reward_post_process_path=POST_PROCESS, code_reward_judge=judge)
    asked = [_asked(number, sample) for number, sample in enumerate(samples)]
    await asyncio.gather(*(judge_reward(args, sample) for sample in asked))
    assert all(record_of(sample)["verdict"] == "scored" for sample in asked)
    await connections.close()


def _asked(number: int, sample: Sample) -> Any:
    metadata = {"id": str(number), "statement": sample.statement, "entry_point": sample.entry_point}
    return SimpleNamespace(
        group_index=number,
        index=number,
        rollout_id=None,
        prompt="",
        response=sample.response,
        response_length=100,
        status=SimpleNamespace(value="completed"),
        metadata=metadata,
        reward=None,
        remove_sample=False,
    )


@contextmanager
def _serving(core: int) -> Iterator[str]:
    code = "from scripts.bench_reward.judge import serve; serve()"
    with subprocess.Popen(["taskset", "-c", str(core), sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield json.loads(process.stdout.readline())
        finally:
            process.terminate()


def serve() -> None:
    """Serve until terminated."""
    from data_prep.llm.simulated import SimulatedEndpoint

    async def run() -> None:
        async with SimulatedEndpoint([], latency=LATENCY, capacity=CAPACITY) as endpoint:
            print(json.dumps(endpoint.url), flush=True)
            await asyncio.Event().wait()

    asyncio.run(run())
