"""Extraction inside an event loop: short answers at once, long ones in processes of their own, because parsing them takes up to 0.5 s.

The reward client does the same for what the reward model reads (`reward_servers.client.preparation`); this is for whoever runs the program,
or only wants to know whether there is one.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from threading import Lock
from typing import Final
from weakref import WeakKeyDictionary

from code_reward.deadlines import told_to_nobody
from code_reward.extraction import Extraction, Policy, extract_code
from code_reward.pools import make_executor

INLINE_CHARACTERS: Final = 2_000
_PROCESSES: Final = 2


class _Pool:
    """Started when the first long answer comes, and again when a process of it died. Serves any number of event loops."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._executor: ProcessPoolExecutor | None = None

    async def get(self) -> ProcessPoolExecutor:
        """Starting processes takes a while, and is done in a thread."""
        executor = self._executor
        return await asyncio.to_thread(self._start) if executor is None else executor

    def _start(self) -> ProcessPoolExecutor:
        with self._lock:
            if self._executor is None:
                # Never a fork: inside a Ray actor it deadlocks. Kinder than the event loop, which may have no other core.
                spawning = multiprocessing.get_context("spawn")
                executor = make_executor(_PROCESSES, spawning, os.nice, (5,))
                for _ in range(_PROCESSES):
                    executor.submit(int)
                self._executor = executor
            return self._executor

    def drop(self, executor: ProcessPoolExecutor) -> None:
        with self._lock:
            if self._executor is executor:
                self._executor = None
        executor.shutdown(wait=False, cancel_futures=True)


_POOL = _Pool()
_turns: WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Lock] = WeakKeyDictionary()


async def extract(response: str, policy: Policy = "last", entry_point: str | None = None) -> Extraction:
    """`extract_code`, without stalling the event loop. Raises `BrokenProcessPool` if two processes in turn died of the answer."""
    for attempt in range(2):
        executor = None
        try:
            # One per turn of the loop, however many wait, so that it does its other work between them: even handing one out takes time.
            async with _turns.setdefault(asyncio.get_running_loop(), asyncio.Lock()):
                await asyncio.sleep(0)
                if len(response) <= INLINE_CHARACTERS:
                    return extract_code(response, policy, entry_point)
                executor = await _POOL.get()
                work = asyncio.get_running_loop().run_in_executor(executor, extract_code, response, policy, entry_point)
            # A pool's own future is never cancelled: before Python 3.12 the pool would answer nobody any more after a process of it died.
            work.add_done_callback(told_to_nobody)
            return await asyncio.shield(work)
        except BrokenProcessPool:
            if executor is not None:
                _POOL.drop(executor)
            if attempt:
                raise
    raise AssertionError("unreachable")
