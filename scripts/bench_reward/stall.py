"""How long the event loop stands still while 512 rewards with reasoning of 16,000 tokens are in flight: how late a timer comes."""

from __future__ import annotations

import asyncio
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

from code_reward.checkpoint_tokenizer import read_tokenizer
from code_reward.errors import ConfigurationError
from code_reward.verdict import Scored
from reward_servers.client import ClientSettings, RewardClient
from scripts.bench_reward.corpus import Sample
from scripts.bench_reward.servers import serving

REWARDS = 512
REASONING_TOKENS = 16_000
TICK_SECONDS = 0.001


class Stall(NamedTuple):
    """How late a timer came."""

    idle: list[float]
    """Seconds, while the loop had nothing else to do: what the machine itself costs."""
    busy: list[float]
    """Seconds, while the rewards were in flight."""
    seconds: float
    """From the first reward asked for to the last verdict."""


async def measure(data: Path, model: Path, groups: Sequence[Sequence[Sample]], core: int) -> Stall:
    """Ask for all rewards at once, and watch a timer."""
    samples = [sample for group in groups for sample in group][:REWARDS]
    assert len(samples) == REWARDS, "give at least 32 groups"
    reasoning = reasoning_of(data, model)
    answers = [Sample(s.statement, f"<think>\n{i} {reasoning}\n</think>\n{s.response}", s.entry_point) for i, s in enumerate(samples)]
    with serving("embedded", model, core) as server:
        async with RewardClient(model, [server.url], settings=ClientSettings(deadline_seconds=600)) as client:
            await client.verdict(*samples[0])
            idle = await watched(asyncio.sleep(5))
            start = perf_counter()
            judged: list[Scored] = []

            async def ask() -> None:
                judged.extend(one.verdict for one in await client.verdicts(answers) if isinstance(one.verdict, Scored))

            busy = await watched(ask())
            seconds = perf_counter() - start
    assert len(judged) == REWARDS
    return Stall(idle, busy, seconds)


async def watched(work: object) -> list[float]:
    """How late a timer comes while `work` goes on, in seconds."""
    late: list[float] = []

    async def watch() -> None:
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + TICK_SECONDS
            await asyncio.sleep(TICK_SECONDS)
            late.append(loop.time() - due)

    watching = asyncio.create_task(watch())
    await work  # type: ignore[misc]
    watching.cancel()
    return late


def reasoning_of(data: Path, model: Path) -> str:
    """Real reasoning (KodCode's DeepSeek-R1 traces), joined and cut to the length."""
    path = data / "problems" / "kodcode_sample.json.gz"
    if not path.is_file():
        raise ConfigurationError(f"{path} does not exist; see docs/real_data.md.")
    with gzip.open(path, "rt") as file:
        texts = [turn["value"] for record in json.load(file) for turn in record["conversations"] if "</think>" in turn["value"]]
    whole = "\n".join(text.partition("</think>")[0].replace("<think>", "") for text in texts)[: 8 * REASONING_TOKENS]
    tokenizer, _, _ = read_tokenizer(model)
    offsets = tokenizer.encode(whole, add_special_tokens=False).offsets
    return whole[: offsets[REASONING_TOKENS - 1][1]]
