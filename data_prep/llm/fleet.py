"""Which endpoint takes the next request: the least loaded one that is well. An endpoint that fails rests, longer each time.

Belongs to one event loop.
"""

from __future__ import annotations

import asyncio
import heapq
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count

from data_prep.llm.endpoint import Endpoint
from data_prep.llm.errors import LLMError

_FIRST_REST = 0.5
_LONGEST_REST = 30.0


@dataclass
class Station:
    """One endpoint's state."""

    endpoint: Endpoint
    headers: dict[str, str]
    busy: int = 0
    failures: int = 0
    """In a row."""
    rests_until: float = 0.0
    trouble: LLMError | None = None
    """Why it rests."""
    model: str = ""
    """What it called its model in its first answer."""

    @property
    def load(self) -> float:
        return self.busy / self.endpoint.concurrency


@dataclass(order=True)
class _Waiter:
    """The most urgent comes first, then who came first."""

    urgency: float
    number: int
    woken: asyncio.Future[None] = field(compare=False)


class Fleet:
    """The endpoints of a run.

    Args:
        endpoints (`Sequence[Endpoint]`): One or more.
    """

    def __init__(self, endpoints: Sequence[Endpoint]) -> None:
        self.stations = [Station(endpoint, endpoint.headers()) for endpoint in endpoints]
        self._waiting: dict[str, list[_Waiter]] = {"policy": [], "judge": []}
        self._numbers = count()

    async def take(self, role: str, deadline: float, urgency: float = 0.0) -> Station | None:
        """A free station for `role`, when there is one; None when loop time `deadline` passes before. Give it back with `give_back`."""
        loop, number = asyncio.get_running_loop(), next(self._numbers)
        while (station := self._free(role, loop.time())) is None:
            if loop.time() >= deadline:
                return None
            # One that gave up waiting stays in the heap, done, until its turn comes.
            waiter = _Waiter(-urgency, number, loop.create_future())
            heapq.heappush(self._waiting[role], waiter)
            try:
                await asyncio.wait({waiter.woken}, timeout=max(min(self._next_change(loop.time()), deadline) - loop.time(), 0.001))
            except asyncio.CancelledError:
                # It may have been woken for a place that it now leaves: the next one takes it.
                waiter.woken.cancel()
                for one in self.stations:
                    self._wake(one)
                raise
            waiter.woken.cancel()
        station.busy += 1
        return station

    def give_back(self, station: Station) -> None:
        """The request is over."""
        station.busy -= 1
        self._wake(station)

    def succeed(self, station: Station) -> None:
        """It is well."""
        station.failures = 0
        station.trouble = None

    def rest(self, station: Station, trouble: LLMError) -> None:
        """Leave this station alone for a while: twice as long with every failure in a row, and as long as it asked for."""
        now = asyncio.get_running_loop().time()
        if station.rests_until > now:
            return  # Requests that were under way when it fell ill fail together: one illness.
        station.trouble = trouble
        station.rests_until = now + max(min(_FIRST_REST * 2**station.failures, _LONGEST_REST), trouble.retry_after)
        station.failures = min(station.failures + 1, 16)

    def _free(self, role: str, now: float) -> Station | None:
        ready = [
            station
            for station in self.stations
            if station.endpoint.serves(role) and station.rests_until <= now and station.busy < self._room(station)
        ]
        return min(ready, key=lambda station: station.load, default=None)

    def _room(self, station: Station) -> int:
        # One that was ill is tried with a single request first.
        return 1 if station.failures else station.endpoint.concurrency

    def _next_change(self, now: float) -> float:
        return min((station.rests_until for station in self.stations if station.rests_until > now), default=now + _LONGEST_REST)

    def _wake(self, station: Station) -> None:
        """Let as many look again as this station has room for."""
        for role, waiting in self._waiting.items():
            room = self._room(station) - station.busy if station.endpoint.serves(role) else 0
            while waiting and room > 0:
                woken = heapq.heappop(waiting).woken
                if not woken.done():
                    woken.set_result(None)
                    room -= 1
