"""What a group of 16 answers with 4 distinct programs costs: forward passes as the server counts them, reference items left out."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

from code_reward.reference import Reference
from reward_servers.client import RewardClient
from scripts.bench_reward.corpus import Sample
from scripts.bench_reward.servers import serving


async def measure(model: Path, group: Sequence[Sample], core: int) -> tuple[int, int]:
    """Forward passes for programs, and for reference items that rode in their lists."""
    samples = [group[i % 4] for i in range(16)]
    with serving("embedded", model, core) as server:
        async with RewardClient(model, [server.url]) as client:
            await client.verdicts(samples)
        scored, lists = _counter(server.url, "code_reward_items_total"), _counter(server.url, "code_reward_requests_total")
    # One check of all reference items, then one of them in each list.
    riders = lists - 1
    return scored - len(Reference.load(model).items) - riders, riders


def _counter(url: str, name: str) -> int:
    with urlopen(f"{url}/metrics") as response:
        text = response.read().decode()
    return int(sum(float(value) for value in re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.]+)$", text, re.MULTILINE)))
