"""The sandbox over HTTP: the same protocol as in process, spoken to a `python -m reward_servers.sandbox` server.

A server that cannot be reached, or answers nonsense, is a `sandbox_error`: it says nothing about the program.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import aiohttp

from code_reward.errors import DataError
from code_reward.problem import Test
from reward_servers.sandbox.outcome import Answer, Execution, Limits, Mode, Observations, Outcome, read_answer

_ATTEMPTS = 4
_PAUSE = 0.5
_CONNECT_SECONDS = 10.0
_GRACE_SECONDS = 180.0
"""How much longer than the wall limits of what may be queued before it an answer may take: workers start, and lost ones are replaced."""


class HttpSandbox:
    """A client of a sandbox server; one HTTP session per event loop, closed by `close` on the same loop.

    Args:
        url (`str`): The server's address, e.g. `http://127.0.0.1:8100`.
        mode (`str`, *optional*, defaults to `auto`): See `reward_servers.sandbox.connect`.
        concurrency (`int`, *optional*, defaults to 64): Requests under way at once; the rest wait here.

    A try ends when the server takes no connection for 10 s, or says nothing for as long as all requests under way would need one after the
    other, each to its wall limit, and 3 minutes more: 19 minutes by default. So a host that vanishes is a `sandbox_error` in the end; so
    is a server with fewer workers than clients and nothing but sleepers to run.
    """

    def __init__(self, url: str, mode: Mode = "auto", concurrency: int = 64) -> None:
        self._url = url.rstrip("/")
        self._mode = mode
        self._concurrency = concurrency
        self._sessions: dict[asyncio.AbstractEventLoop, aiohttp.ClientSession] = {}

    async def run(self, program: str, tests: Sequence[Test], *, entry_point: str | None = None, limits: Limits | None = None) -> Outcome:
        """See `Sandbox.run`. A connection that fails is tried again with growing pauses; then the outcome is `sandbox_error`.

        Raises:
            DataError: The server says that the request is malformed.
        """
        request = {
            "program": program,
            "tests": [test.model_dump() for test in tests],
            "entry_point": entry_point,
            "mode": self._mode,
            "limits": (limits or Limits()).model_dump(),
        }
        answer = await self._ask("/run", request)
        return _read(Outcome, answer)

    async def observe(self, program: str, calls: Sequence[str], *, limits: Limits | None = None) -> Observations:
        """See `Sandbox.observe`; fails as `run` does."""
        request = {"program": program, "calls": list(calls), "limits": (limits or Limits()).model_dump()}
        return _read(Observations, await self._ask("/observe", request))

    async def execute(self, program: str, stdin: str = "", *, limits: Limits | None = None) -> Execution:
        """See `Sandbox.execute`; fails as `run` does."""
        answer = await self._ask("/execute", {"program": program, "stdin": stdin, "limits": (limits or Limits()).model_dump()})
        return _read(Execution, answer)

    async def _ask(self, path: str, request: dict[str, Any]) -> dict[str, Any] | str:
        """The server's answer to `request`, or what was wrong with the last of several tries."""
        trouble = ""
        patience = request["limits"]["wall_seconds"] * self._concurrency + _GRACE_SECONDS
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS, sock_read=patience)
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_PAUSE * 3 ** (attempt - 1))
            try:
                async with self._session().post(f"{self._url}{path}", json=request, timeout=timeout) as response:
                    if response.status == 200:
                        answer = await response.json()
                        if isinstance(answer, dict) and "kind" in answer:
                            return answer
                        trouble = f"the server at {self._url} did not answer as a sandbox does; check its address"
                        break
                    trouble = f"the sandbox server answered {response.status}: {(await response.text())[:300]}"
                    if response.status == 422:
                        raise DataError(f"The sandbox server refuses the request: {(await response.text())[:300]}")
                    if response.status < 500:
                        break
            except (aiohttp.ClientError, asyncio.TimeoutError, ValueError, OSError) as error:
                if isinstance(error, DataError):
                    raise
                trouble = f"the sandbox server at {self._url} cannot be used: {error or type(error).__name__}"
        return trouble

    async def close(self) -> None:
        """Close this event loop's session."""
        session = self._sessions.pop(asyncio.get_running_loop(), None)
        if session is not None:
            await session.close()

    def _session(self) -> aiohttp.ClientSession:
        loop = asyncio.get_running_loop()
        session = self._sessions.get(loop)
        if session is None or session.closed:
            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=self._concurrency))
            self._sessions[loop] = session
        return session


def _read(model: type[Answer], answer: dict[str, Any] | str) -> Answer:
    if isinstance(answer, str):
        answer = {"kind": "sandbox_error", "message": answer}
    return read_answer(model, answer)
