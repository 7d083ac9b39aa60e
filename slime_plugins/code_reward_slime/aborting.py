"""Giving up verdicts that nobody wants: slime, once it has its batch, waits for every reward of the surplus groups that it throws away."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, Final, TypeVar
from weakref import WeakKeyDictionary

from code_reward.deadlines import told_to_nobody
from code_reward_slime.trainer import is_aborting

POLL_SECONDS: Final = 0.1

T = TypeVar("T")


class _Watch:
    """The verdicts in flight in one event loop, and the one task that looks whether they are still wanted."""

    def __init__(self) -> None:
        self.tasks: set[asyncio.Task[Any]] = set()
        self.given_up: set[asyncio.Task[Any]] = set()
        self._watching: asyncio.Task[None] | None = None

    def add(self, task: asyncio.Task[Any], args: Any) -> None:
        self.tasks.add(task)
        if self._watching is None or self._watching.done():
            self._watching = asyncio.create_task(self._look(args))

    async def _look(self, args: Any) -> None:
        while self.tasks:
            if is_aborting(args):
                self.given_up |= self.tasks
                for task in self.tasks:
                    task.cancel()
            await asyncio.sleep(POLL_SECONDS)


_watches: WeakKeyDictionary[asyncio.AbstractEventLoop, _Watch] = WeakKeyDictionary()


async def unless_aborting(args: Any, work: Coroutine[Any, Any, T]) -> T | None:
    """The result of `work`; None, soon, when slime is aborting or begins to."""
    if is_aborting(args):
        work.close()
        return None
    watch = _watches.setdefault(asyncio.get_running_loop(), _Watch())
    task = asyncio.create_task(work)
    task.add_done_callback(told_to_nobody)
    watch.add(task, args)
    try:
        await asyncio.wait({task})  # Raises for the caller's own cancellation alone.
        if task.cancelled() and task in watch.given_up:
            return None
        return task.result()
    finally:
        task.cancel()
        watch.tasks.discard(task)
        watch.given_up.discard(task)
