"""Workers that a router knows: `GET /workers` of sglang-router and of slime's fork, asked again and again.

The answer is only a list of addresses: a router keeps dead workers listed, and whether a worker serves the right model is for the `Fleet`
to find out. The workers are then asked directly. A router that should be asked itself is given as an ordinary URL.
"""

from __future__ import annotations

import asyncio
import json
import logging
from typing import Any

import aiohttp

from reward_servers.client.asking import AskError
from reward_servers.client.fleet import Fleet

logger = logging.getLogger(__name__)


async def follow_router(session: aiohttp.ClientSession, router: str, fleet: Fleet, seconds: float) -> None:
    """Keep `fleet` what `router` lists; while the router does not answer, the fleet stays as it is. Runs until cancelled."""
    while True:
        try:
            fleet.set_urls(await list_workers(session, router))
        except AskError as error:
            logger.warning("%s", error)
        # Without any worker samples are waiting: ask again soon.
        await asyncio.sleep(seconds if fleet.workers else min(1.0, seconds))


async def list_workers(session: aiohttp.ClientSession, router: str) -> list[str]:
    """The addresses of the workers of `router`; raises `AskError`."""
    try:
        async with session.get(router + "/workers") as response:
            response.raise_for_status()
            return _urls(json.loads(await response.read()))
    except (aiohttp.ClientError, asyncio.TimeoutError, OSError) as error:
        raise AskError("unreachable", f"The router {router} lists no workers ({error or 'no answer in time'})") from error
    except ValueError as error:
        raise AskError("bad_reply", f"The router {router} lists no workers ({error})") from error


def _urls(reply: Any) -> list[str]:
    """Both shapes in the wild: `{"workers": [{"url": ...}]}` and `{"urls": [...]}`."""
    workers = reply.get("workers", reply.get("urls")) if isinstance(reply, dict) else None
    if isinstance(workers, list):
        urls = [worker.get("url") if isinstance(worker, dict) else worker for worker in workers]
        if all(isinstance(url, str) for url in urls):
            return [str(url).rstrip("/") for url in urls]
    raise ValueError(f"not a list of workers: {str(reply)[:200]}")
