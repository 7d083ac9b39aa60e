"""One list request to one server: what comes back is a result per input or a typed failure, nothing else."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from email.utils import parsedate_to_datetime
from time import time

import aiohttp

from reward_servers.client.settings import Reason
from reward_servers.wire import BadReply, Dialect, Result

LONGEST_RETRY_AFTER = 60.0
"""Seconds. A server that names a longer time, by mistake or for its own reasons, may be well long before: verdicts must not wait for it."""


class AskError(Exception):
    """A request without usable answer.

    Args:
        received: The server had the request, so that what was sent may be the cause.
        retry_after: How many seconds the server asked us to wait, at most `LONGEST_RETRY_AFTER`.
    """

    def __init__(
        self, reason: Reason, message: str, *, received: bool = True, status: int | None = None, retry_after: float | None = None
    ) -> None:
        super().__init__(message)
        self.reason, self.received, self.status, self.retry_after = reason, received, status, retry_after

    @property
    def suspicious(self) -> bool:
        """Whether the inputs sent may be the cause."""
        return self.received and self.reason not in ("overloaded", "not_found", "wrong_model")


class Refused(AskError):
    """The server says that something is wrong with what we sent."""


_REASONS: dict[int, Reason] = {404: "not_found", 408: "timeout", 429: "overloaded", 503: "overloaded"}
_REFUSALS = (400, 413, 422)


async def ask(session: aiohttp.ClientSession, url: str, dialect: Dialect, batch: Sequence[Sequence[int]]) -> list[Result]:
    """Ask the server at `url` for the scores of `batch`; raises `AskError`."""
    body = json.dumps(dialect.ask(batch)).encode()
    try:
        async with session.post(url + dialect.path, data=body, headers={"Content-Type": "application/json"}) as response:
            reply = await response.read()
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as error:
        # The second is the time limit of connecting (aiohttp 3.9 has no class for it alone); our sessions set none for single reads.
        raise AskError("unreachable", f"{url}: {error}", received=False) from error
    except asyncio.TimeoutError as error:
        raise AskError("timeout", f"{url} did not answer in time") from error
    except (aiohttp.ClientError, OSError) as error:
        raise AskError("unreachable", f"{url}: {error}") from error
    if response.status == 200:
        try:
            return dialect.read(reply, len(batch))
        except BadReply as error:
            raise AskError("bad_reply", f"{url}: {error}") from error
    raise _failure(url, response, reply)


def _failure(url: str, response: aiohttp.ClientResponse, reply: bytes) -> AskError:
    status = response.status
    message = f"{url} answered {status}: {reply[:200].decode(errors='replace')}"
    if status in _REFUSALS:
        return Refused("refused", message, status=status)
    reason = _REASONS.get(status, "server_error" if status >= 500 else "bad_reply")
    return AskError(reason, message, status=status, retry_after=_retry_after(response.headers.get("Retry-After")))


def _retry_after(header: str | None) -> float | None:
    """Seconds from a Retry-After header, which holds seconds or a date; never more than `LONGEST_RETRY_AFTER`."""
    if header is None:
        return None
    try:
        seconds = float(header) if header.strip().isdigit() else parsedate_to_datetime(header).timestamp() - time()
    except ValueError:
        return None
    return min(max(0.0, seconds), LONGEST_RETRY_AFTER)
