"""The client's part in one event loop: token ids in, a score or a typed `Missing` out.

New items wait in a `Queue`; one task forms batches and hands each to the least busy worker of the `Fleet`. A reference item rides in every
request: whatever answers at that address now, a score is taken only beside a right reference score. A batch that fails goes back to the
queue's front and to whichever worker is next; the pauses between tries are the workers', so a healthy one takes over at once. A batch
that may itself be the cause (refused, or failed twice) is halved until the culprit is alone; it is given up only if the server is well.
Items are given up when nobody waits for them any more: deadlines are the waiters'.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from itertools import cycle
from typing import Any

import aiohttp

from code_reward.reference import Reference
from code_reward.verdict import Missing, Scored
from reward_servers.client.asking import AskError, Refused, ask
from reward_servers.client.cache import Cache, key_of
from reward_servers.client.discovery import follow_router, list_workers
from reward_servers.client.fleet import Fleet, Worker
from reward_servers.client.queue import Batch, Item, Queue
from reward_servers.client.settings import ClientSettings, Reason
from reward_servers.wire import Result

logger = logging.getLogger(__name__)

_CANCEL_SECONDS = 0.1
_TRIES = 2
"""Failures of an item alone, on a server that is well, after which it is given up; of a batch, after which it is halved."""


class Engine:
    """Scores token ids; make and use it inside one running event loop."""

    def __init__(
        self,
        reference: Reference,
        urls: Sequence[str],
        router: str | None,
        settings: ClientSettings,
        cache: Cache[float],
        on_wrong_model: Callable[[], None],
    ) -> None:
        self._cache = cache
        timeout = aiohttp.ClientTimeout(total=settings.request_seconds, sock_connect=settings.connect_seconds)
        # The fleet bounds the connections; a short DNS memory lets a server move.
        self._router = router
        self._session = aiohttp.ClientSession(timeout=timeout, connector=aiohttp.TCPConnector(limit=0, ttl_dns_cache=10))
        self._queue = Queue(settings)
        self.fleet = Fleet(self._session, reference, settings, on_wrong_model, self._nobody_answers)
        self.fleet.set_urls(urls)
        short = sorted(reference.items, key=lambda item: len(item.ids))[: max(1, len(reference.items) // 2)]
        self._riders = cycle([Reference(items=[item], tolerance=reference.tolerance) for item in short])
        self._flights: dict[bytes, Item] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._closed = False
        self._spawn(self._dispatch())
        if router is not None:
            self._spawn(follow_router(self._session, router, self.fleet, settings.refresh_seconds))

    async def score(self, ids: list[int], group: str, deadline: float) -> tuple[Scored | Missing, bool]:
        """The verdict on `ids` by the loop time `deadline`, and whether no forward pass was spent on it.

        Args:
            group: Inputs of one group share a prefix and travel together.
        """
        if self._closed:
            return Missing("closed"), False
        key = key_of(ids)
        score = self._cache.get(key)
        if score is not None:
            return Scored(score), True
        item = self._flights.get(key)
        joined = item is not None and not item.future.done()
        if item is None or not joined:
            item = self._launch(key, ids, group)
        item.waiters += 1
        try:
            await asyncio.wait({item.future}, timeout=max(0.0, deadline - asyncio.get_running_loop().time()))
        finally:
            item.waiters -= 1
        if item.future.done():
            return item.future.result(), joined
        return Missing(item.failure or self.fleet.reason or "timeout"), False

    async def check(self) -> None:
        """Ask every worker there is for the reference scores now; raises `AskError` for the first that is not as it should be."""
        if self._router is not None:
            self.fleet.set_urls(await list_workers(self._session, self._router))
        if not self.fleet.workers:
            raise AskError("no_worker", f"The router {self._router} lists no worker")
        for worker in list(self.fleet.workers.values()):
            await self.fleet.check(worker)

    def _launch(self, key: bytes, ids: list[int], group: str) -> Item:
        item = Item(key, ids, group, asyncio.get_running_loop().create_future())
        self._flights[key] = item
        item.future.add_done_callback(lambda _: self._land(item))
        self._queue.put(item)
        return item

    def _land(self, item: Item) -> None:
        if self._flights.get(item.key) is item:
            del self._flights[item.key]

    async def close(self) -> None:
        """Stop; whoever still waits gets `Missing("closed")`."""
        self._closed = True
        for item in list(self._flights.values()):
            self._resolve(item, Missing("closed"))
        # The session is closed last: whatever still runs would ask through it. What others' code does may lose a cancellation.
        try:
            while running := [task for task in (*self._tasks, *self.fleet.checks()) if not task.done()]:
                for task in running:
                    task.cancel()
                await asyncio.wait(running, timeout=_CANCEL_SECONDS)
        finally:
            await self._session.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _dispatch(self) -> None:
        while not self._closed:
            await self._queue.ready()
            worker = await self.fleet.acquire()
            batch = self._queue.take()
            if batch is None:
                self.fleet.release(worker)
            else:
                self._spawn(self._send(worker, batch))

    async def _send(self, worker: Worker, batch: Batch) -> None:
        try:
            results = await self._ask(worker, batch)
            self.fleet.succeeded(worker)
            self._settle(batch, results)
        except Refused as error:
            await self._suspect(worker, batch, error)
        except AskError as error:
            batch.failures += error.suspicious
            if batch.failures >= _TRIES:
                await self._suspect(worker, batch, error)
            else:
                self.fleet.failed(worker, error)
                self._retry(batch, error.reason)
        except Exception:  # A bug of ours must not leave its samples waiting.
            logger.exception("The reward client failed.")
            self._give_up(batch, "client_error")
        finally:
            self.fleet.release(worker)

    async def _ask(self, worker: Worker, batch: Batch) -> list[Result]:
        rider = next(self._riders)
        ids = [*(item.ids for item in batch.items), rider.items[0].ids]
        *results, proof = await ask(self._session, worker.url, worker.dialect, ids)
        self.fleet.prove(worker, rider, [proof])
        return results

    def _settle(self, batch: Batch, results: Sequence[Result]) -> None:
        again = []
        for item, result in zip(batch.items, results, strict=True):
            if isinstance(result, float):
                self._cache.put(item.key, result)
                self._resolve(item, Scored(result))
            elif result.kind in ("failed", "overloaded"):
                again.append(item)
            elif result.kind != "not_finite":
                self._resolve(item, Missing("refused"))
            elif item.not_finite:
                self._resolve(item, Missing("not_finite"))
            else:
                item.not_finite += 1
                again.append(item)
        if again:
            self._retry(Batch(again), "not_finite")

    async def _suspect(self, worker: Worker, batch: Batch, error: AskError) -> None:
        """If the worker is well without it, the batch is the cause: halve it, or give up the item that is alone."""
        try:
            await self.fleet.check(worker)
        except AskError as failure:
            self.fleet.failed(worker, failure)
            self._retry(Batch(batch.items), failure.reason)
            return
        middle = len(batch.items) // 2
        if middle == 0:
            logger.warning("Given up: %s", error)
            self._give_up(batch, error.reason)
            return
        for half in (batch.items[:middle], batch.items[middle:]):
            self._retry(Batch(half, failures=_TRIES - 1), error.reason)

    def _retry(self, batch: Batch, reason: Reason) -> None:
        for item in batch.items:
            item.failure = reason
        self._queue.put_back(batch)

    def _nobody_answers(self) -> None:
        """There is no reward model at any address, and none will be: nobody needs to wait for his deadline."""
        for item in list(self._flights.values()):
            self._resolve(item, Missing("not_found"))

    def _give_up(self, batch: Batch, reason: Reason) -> None:
        for item in batch.items:
            self._resolve(item, Missing(reason))

    def _resolve(self, item: Item, verdict: Scored | Missing) -> None:
        if not item.future.done():
            item.future.set_result(verdict)
