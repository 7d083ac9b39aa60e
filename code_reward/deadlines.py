"""A limit on how long something is awaited, by which no cancellation is lost.

Before Python 3.12 `asyncio.wait_for` forgets that it was cancelled when what it waits for ends in the same turn of the loop: a request that
somebody gave up goes on, and a loop around it may never end. Python 3.10 has no `asyncio.timeout`, and what there is for it forgets, too.
`asyncio.wait` does not.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

T = TypeVar("T")


async def within(seconds: float | None, work: Awaitable[T]) -> T:
    """The result of `work`, which is cancelled when there is none after `seconds`, or when the caller is.

    Raises:
        asyncio.TimeoutError: The time is up.
    """
    task = asyncio.ensure_future(work)
    task.add_done_callback(told_to_nobody)
    try:
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if not done:
            raise asyncio.TimeoutError
        return task.result()
    finally:
        if not task.done():
            task.cancel()
            await asyncio.wait({task})


def told_to_nobody(work: asyncio.Future[T]) -> None:
    """What `work` raises is no news where everybody who waited for it has left; for `add_done_callback`."""
    if not work.cancelled():
        work.exception()
