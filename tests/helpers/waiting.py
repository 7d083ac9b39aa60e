"""Waiting in tests: for something to have happened, never for a time, so that a busy machine only makes them slower."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from code_reward.verdict import Missing
from reward_servers.client import RewardClient


async def until(happened: Callable[[], object]) -> None:
    """Return once `happened()` is true; how long that may take is the time-out of the whole test."""
    while not happened():  # noqa: ASYNC110  (what happens is a count in somebody else's hands, not an event)
        await asyncio.sleep(0.001)


async def until_known(client: RewardClient, reason: str) -> None:
    """Return once `client` gives `reason` for a missing verdict, and not only that the time was too short to learn anything."""
    while (await client.verdict("Anything.", "```python\nanything = 1\n```")).verdict != Missing(reason):
        pass
