"""Dynamic batching: whatever waits while the model works is its next batch, up to a budget of tokens.

There is no time to wait out: an idle model takes what is there at once, a busy one lets the queue grow, so batches form exactly under
load. The queue is first in, first out, so nothing starves; the scorer packs without padding, so lengths need no sorting: a batch is
measured in tokens, and that is what its cost depends on. One thread runs the model; the event loop stays free. Nothing here knows of HTTP.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from time import perf_counter

Score = Callable[[Sequence[list[int]]], list[float]]


class QueueFull(Exception):
    """The queue holds all it may; `retry_after` is about how many seconds it takes to empty."""

    def __init__(self, retry_after: float) -> None:
        super().__init__(f"The queue is full; ask again in {retry_after:.0f} s.")
        self.retry_after = retry_after


@dataclass(frozen=True)
class _Waiting:
    ids: list[int]
    future: asyncio.Future[float]


@dataclass
class Batcher:
    """Gathers what many callers submit into batches for one model.

    Args:
        score: Scores one batch of token ids; called in one thread only.
        batch_tokens: Tokens per batch; a longer single item is a batch of its own.
        queue_tokens: Tokens that may wait; more raise `QueueFull`, except into an empty queue.
        observe: Called after each batch with (items, tokens, seconds).
    """

    score: Score
    batch_tokens: int
    queue_tokens: int
    observe: Callable[[int, int, float], None] = lambda items, tokens, seconds: None
    waiting_tokens: int = 0
    _queue: deque[_Waiting] = field(default_factory=deque)
    _thread: ThreadPoolExecutor = field(default_factory=lambda: ThreadPoolExecutor(1, "model"))
    _drain: asyncio.Task[None] | None = None
    _tokens_per_second: float = 10_000.0

    @property
    def waiting(self) -> int:
        """How many items are in the queue."""
        return len(self._queue)

    async def submit(self, batch: Sequence[list[int]]) -> list[float]:
        """The scores of `batch`, in order. Cancelling takes what still waits out of the queue; an exception of `score` is raised here."""
        tokens = sum(map(len, batch))
        if self.waiting_tokens and self.waiting_tokens + tokens > self.queue_tokens:
            raise QueueFull(self.waiting_tokens / self._tokens_per_second)
        loop = asyncio.get_running_loop()
        waiting = [_Waiting(ids, loop.create_future()) for ids in batch]
        self._queue.extend(waiting)
        self.waiting_tokens += tokens
        if self._drain is None or self._drain.done():
            self._drain = loop.create_task(self._work())
        return list(await asyncio.gather(*(item.future for item in waiting)))

    def close(self) -> None:
        """Let the model thread end once it is idle."""
        self._thread.shutdown(wait=False)

    async def _work(self) -> None:
        loop = asyncio.get_running_loop()
        while self._queue:
            batch = self._take()
            if not batch:
                continue
            start = perf_counter()
            try:
                scores = await loop.run_in_executor(self._thread, self.score, [item.ids for item in batch])
            except Exception as error:  # Whatever the model raises is the answer to this batch, not the end of the queue.
                _answer(batch, error)
                continue
            seconds, tokens = perf_counter() - start, sum(len(item.ids) for item in batch)
            self._tokens_per_second += 0.2 * (tokens / max(seconds, 1e-9) - self._tokens_per_second)
            self.observe(len(batch), tokens, seconds)
            _answer(batch, scores)

    def _take(self) -> list[_Waiting]:
        """The oldest items that fit into a batch and that somebody still waits for."""
        batch: list[_Waiting] = []
        tokens = 0
        while self._queue and (not batch or tokens + len(self._queue[0].ids) <= self.batch_tokens):
            item = self._queue.popleft()
            self.waiting_tokens -= len(item.ids)
            if not item.future.done():
                batch.append(item)
                tokens += len(item.ids)
        return batch


def _answer(batch: Sequence[_Waiting], answer: Sequence[float] | Exception) -> None:
    for i, item in enumerate(batch):
        if item.future.done():
            continue
        if isinstance(answer, Exception):
            item.future.set_exception(answer)
        else:
            item.future.set_result(answer[i])
