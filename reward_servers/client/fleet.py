"""The workers that a client may ask: which one next, which to leave alone, and the proof that each serves the right reward model.

A worker is asked only while it is verified, that is, since it gave the reference scores nothing has suggested that it may be another
process. Connections that break, a run of failures or a wrong reference score end that (the circuit breaker opens); after a pause that grows
with the failures the same check decides whether it is used again. Failures short of that only pause the worker while others are asked.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import aiohttp

from code_reward.deadlines import within
from code_reward.reference import Reference, compare
from reward_servers.client.asking import AskError, ask
from reward_servers.client.settings import ClientSettings, Reason
from reward_servers.wire import CLASSIFY, EMBEDDINGS, Dialect, Result, WireError

logger = logging.getLogger(__name__)

FOR_GOOD_SECONDS = 5.0
"""A server that is being started may answer 404 for a moment; a wrong address does for ever."""


@dataclass(eq=False)
class Worker:
    """One server and what the client knows of it; times are the event loop's."""

    url: str
    dialect: Dialect = CLASSIFY
    verified: bool = False
    in_flight: int = 0
    failures: int = 0
    not_found_since: float | None = None
    not_before: float = 0.0
    reason: Reason | None = None
    checking: asyncio.Task[None] | None = None


@dataclass
class Fleet:
    """The workers of one client in one event loop."""

    session: aiohttp.ClientSession
    reference: Reference
    settings: ClientSettings
    on_wrong_model: Callable[[], None]
    """Called whenever a server gives other reference scores."""
    on_not_found: Callable[[], None]
    """Called whenever all servers have answered for `FOR_GOOD_SECONDS` that there is no reward model at their address (404)."""
    workers: dict[str, Worker] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def set_urls(self, urls: Sequence[str]) -> None:
        """Make `urls` the fleet; what is known of those that stay is kept."""
        for gone in set(self.workers) - set(urls):
            del self.workers[gone]
        for url in urls:
            self.workers.setdefault(url, Worker(url))
        self._changed.set()

    @property
    def reason(self) -> Reason | None:
        """Why there may be no worker to ask just now."""
        if not self.workers:
            return "no_worker"
        return next((worker.reason for worker in self.workers.values() if worker.reason), None)

    async def acquire(self) -> Worker:
        """The verified worker with the fewest requests in flight; waits until there is one. Must be given back by `release`."""
        while True:
            worker = self._choose()
            if worker is not None:
                worker.in_flight += 1
                return worker
            self._changed.clear()
            now = asyncio.get_running_loop().time()
            pauses = [worker.not_before - now for worker in self.workers.values() if worker.not_before > now]
            try:
                await within(min(pauses, default=None), self._changed.wait())
            except asyncio.TimeoutError:
                continue  # A pause is over.

    def _choose(self) -> Worker | None:
        now = asyncio.get_running_loop().time()
        due = [worker for worker in self.workers.values() if worker.not_before <= now]
        for worker in due:
            if not worker.verified and (worker.checking is None or worker.checking.done()):
                worker.checking = asyncio.create_task(self._verify(worker))
        ready = [worker for worker in due if worker.verified and worker.in_flight < self.settings.lists_per_worker]
        return min(ready, key=lambda worker: worker.in_flight, default=None)

    def checks(self) -> list[asyncio.Task[None]]:
        """The checks against the reference scores that were begun."""
        return [worker.checking for worker in self.workers.values() if worker.checking is not None]

    def release(self, worker: Worker) -> None:
        """Give back what `acquire` gave."""
        worker.in_flight -= 1
        self._changed.set()

    def succeeded(self, worker: Worker) -> None:
        """A request was answered as it should."""
        worker.failures, worker.not_found_since, worker.reason = 0, None, None

    def failed(self, worker: Worker, error: AskError) -> None:
        """A request failed: pause the worker, and have it checked again if it may be dead or another one."""
        if worker.reason != error.reason:
            logger.warning("%s", error)
        worker.failures += 1
        worker.reason = error.reason
        worker.not_before = max(worker.not_before, asyncio.get_running_loop().time() + self._pause(worker.failures, error.retry_after))
        if error.reason in ("unreachable", "not_found", "wrong_model", "not_finite") or worker.failures >= self.settings.breaker_failures:
            worker.verified = False
        if error.reason == "wrong_model":
            self.on_wrong_model()
        now = asyncio.get_running_loop().time()
        worker.not_found_since = None if error.reason != "not_found" else worker.not_found_since or now
        begun = [other.not_found_since for other in self.workers.values()]
        if begun and all(since is not None and now - since >= FOR_GOOD_SECONDS for since in begun):
            self.on_not_found()
        self._changed.set()

    def _pause(self, failures: int, retry_after: float | None) -> float:
        """Seconds to leave a worker alone; random, so that many clients do not come back at once."""
        if retry_after is not None:
            return retry_after * random.uniform(1.0, 1.1)
        backoff = self.settings.backoff_seconds * 2.0 ** min(failures - 1, 30)
        return min(self.settings.max_backoff_seconds, backoff) * random.uniform(0.5, 1.0)

    async def _verify(self, worker: Worker) -> None:
        try:
            await self.check(worker)
        except AskError as error:
            self.failed(worker, error)
        else:
            worker.verified = True
            self.succeeded(worker)
            self._changed.set()

    async def check(self, worker: Worker) -> None:
        """Have `worker` score every reference item; raises `AskError`, with the reason `wrong_model` if the scores are others."""
        batch = [item.ids for item in self.reference.items]
        try:
            results = await ask(self.session, worker.url, worker.dialect, batch)
        except AskError as error:
            if error.status != 404:
                raise
            # A router does not know SGLang's own endpoint, a worker knows both.
            worker.dialect = EMBEDDINGS if worker.dialect is CLASSIFY else CLASSIFY
            results = await ask(self.session, worker.url, worker.dialect, batch)
        self.prove(worker, self.reference, results)

    def prove(self, worker: Worker, reference: Reference, results: Sequence[Result]) -> None:
        """Raise `AskError` (`wrong_model`) unless `results` are the scores of `reference`."""
        refusals = [result for result in results if isinstance(result, WireError)]
        difference = refusals[0] if refusals else compare(reference, [float(score) for score in results], self.settings.dtype)  # type: ignore[arg-type]
        if difference is not None:
            raise AskError("wrong_model", f"{worker.url} is not the expected reward model: {difference.message}")
