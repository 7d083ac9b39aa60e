"""`LLM`: asks a fleet of endpoints, with retries, and counts what it costs.

Two patiences. An endpoint that is away or busy says nothing about the question: the question waits, for minutes if need be, and goes to
whichever endpoint is well. An answer that does not come in time, or is not what the protocol promises, may be the question's own fault:
it is asked again a few times only.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from code_reward.errors import ConfigurationError
from data_prep.llm.budget import Budget
from data_prep.llm.endpoint import Endpoint, post
from data_prep.llm.errors import TRANSIENT, LLMError, RunStopped
from data_prep.llm.fleet import Fleet, Station
from data_prep.llm.request import Reply, Request

if TYPE_CHECKING:
    import aiohttp

_OF_THE_ANSWER = frozenset({"malformed", "timeout", "server_error"})
_ATTEMPTS = 4

log = logging.getLogger(__name__)


class Asker(Protocol):
    """Anything that answers requests: `LLM`, or a fake in a test."""

    async def ask(self, request: Request, urgency: float = 0.0) -> Reply:
        """Answer, or raise `LLMError`. Of requests that wait for an endpoint the most urgent goes first, then the oldest."""
        ...


class LLM:
    """A client of several endpoints; an async context manager, for one event loop.

    Args:
        endpoints: One or more; a role that no endpoint serves cannot be asked.
        budget (`Budget`, *optional*): Where spending is counted, and limited.
        patience_seconds (`float`, *optional*, defaults to 600): How long a question waits for an endpoint that is well.
    """

    def __init__(self, endpoints: Sequence[Endpoint], budget: Budget | None = None, patience_seconds: float = 600.0) -> None:
        self._fleet = Fleet(endpoints)
        self.budget = budget or Budget()
        self.troubles: Counter[str] = Counter()
        """How often each kind of failure happened, those included that a retry mended."""
        self._patience = patience_seconds
        self._stopped: RunStopped | None = None
        """Why no question that still waits is asked any more."""
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> LLM:
        import aiohttp

        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._session is not None:
            await self._session.close()

    async def ask(self, request: Request, urgency: float = 0.0) -> Reply:
        """Answer one request, see `Asker.ask`. Raises `LLMError` when no attempt succeeds, `RunStopped` when none ever will."""
        self.budget.reserve()
        try:
            reply = await self._ask(request, urgency)
            self.budget.add(reply)
            return reply
        finally:
            self.budget.release()

    async def _ask(self, request: Request, urgency: float) -> Reply:
        deadline = asyncio.get_running_loop().time() + self._patience
        bad_answers = 0
        while True:
            station = await self._take(request.role, deadline, urgency)
            try:
                if self._stopped is not None:
                    raise self._stopped
                return await self._attempt(station, request)
            except RunStopped as error:
                self._stopped = error
                raise
            except LLMError as error:
                self.troubles[error.kind] += 1
                bad_answers += error.kind in _OF_THE_ANSWER
                if error.kind not in TRANSIENT or bad_answers >= _ATTEMPTS:
                    raise
                log.info("Asking again: %s", error)
            finally:
                self._fleet.give_back(station)

    def trouble(self, role: str) -> LLMError | None:
        """Why an endpoint that serves `role` rests, if one does."""
        return next((one.trouble for one in self._fleet.stations if one.endpoint.serves(role) and one.trouble is not None), None)

    async def _take(self, role: str, deadline: float, urgency: float) -> Station:
        if not any(station.endpoint.serves(role) for station in self._fleet.stations):
            raise ConfigurationError(f"No endpoint serves the role {role!r}; give one.")
        station = await self._fleet.take(role, deadline, urgency)
        if station is None:
            trouble = self.trouble(role)
            said, kind = (f"; the last trouble: {trouble}", trouble.kind) if trouble else (" or more endpoints.", "timeout")
            raise LLMError(f"No endpoint was free within {self._patience:g} s; give more patience{said}", kind=kind)
        return station

    async def _attempt(self, station: Station, request: Request) -> Reply:
        if self._session is None:
            raise ConfigurationError("Use LLM as an async context manager: `async with LLM(…) as llm`.")
        try:
            reply = await post(self._session, station.endpoint, station.headers, request)
            _check_model(station, reply)
        except LLMError as error:
            if error.kind in TRANSIENT:
                self._fleet.rest(station, error)
            raise
        self._fleet.succeed(station)
        return reply


def _check_model(station: Station, reply: Reply) -> None:
    """An endpoint that silently serves another model would mix two judges in one file of labels."""
    station.model = station.model or reply.model
    if reply.model != station.model:
        raise LLMError(
            f"{station.endpoint.url} answers as {reply.model!r}, before as {station.model!r}; serve the old model or start another run.",
            kind="model_changed",
        )
