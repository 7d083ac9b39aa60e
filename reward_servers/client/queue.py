"""What waits to be scored, and how it is cut into list requests: answers to one statement stay together, so that prefixes are shared."""

from __future__ import annotations

import asyncio
from collections import deque
from dataclasses import dataclass, field

from code_reward.verdict import Missing, Scored
from reward_servers.client.settings import ClientSettings, Reason


@dataclass(eq=False)
class Item:
    """One input on its way to a score. Several verdicts may wait for it; when none does any more it is dropped."""

    key: bytes
    ids: list[int]
    group: str
    future: asyncio.Future[Scored | Missing]
    waiters: int = 0
    not_finite: int = 0
    failure: Reason | None = None
    """What stood in the way last."""

    @property
    def wanted(self) -> bool:
        return self.waiters > 0 and not self.future.done()


@dataclass(eq=False)
class Batch:
    """Items that are asked for in one request; `failures`: how often that failed in a way that these items may be the cause of."""

    items: list[Item]
    failures: int = 0


@dataclass
class Queue:
    """Items by group, first come first served by the oldest item of each group; batches to be retried come before all."""

    settings: ClientSettings
    _groups: dict[str, deque[Item]] = field(default_factory=dict)
    _retries: deque[Batch] = field(default_factory=deque)
    _filled: asyncio.Event = field(default_factory=asyncio.Event)
    _items: int = 0
    _tokens: int = 0

    def put(self, item: Item) -> None:
        """Add a new item."""
        self._groups.setdefault(item.group, deque()).append(item)
        self._items += 1
        self._tokens += len(item.ids)
        self._filled.set()

    def put_back(self, batch: Batch) -> None:
        """Have a batch that failed sent again before anything else."""
        self._retries.append(batch)
        self._filled.set()

    async def ready(self) -> None:
        """Wait until there is something to send, and a little longer for company if it is little."""
        await self._filled.wait()
        if not self._retries and self._items < self.settings.list_items and self._tokens < self.settings.list_tokens:
            await asyncio.sleep(self.settings.gather_seconds)

    def take(self) -> Batch | None:
        """The next batch of items that somebody waits for, None if there is none."""
        while self._retries:
            batch = self._retries.popleft()
            batch.items = [item for item in batch.items if _keep(item)]
            if batch.items:
                return batch
        items: list[Item] = []
        tokens = 0
        while self._groups and len(items) < self.settings.list_items:
            group = next(iter(self._groups.values()))
            if items and tokens + len(group[0].ids) > self.settings.list_tokens:
                break
            item = self._pop(group)
            if _keep(item):
                items.append(item)
                tokens += len(item.ids)
        if not self._groups:
            self._filled.clear()
        return Batch(items) if items else None

    def _pop(self, group: deque[Item]) -> Item:
        item = group.popleft()
        if not group:
            del self._groups[item.group]
        self._items -= 1
        self._tokens -= len(item.ids)
        return item


def _keep(item: Item) -> bool:
    if not item.wanted:
        item.future.cancel()
    return item.wanted
