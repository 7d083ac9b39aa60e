"""The sandbox over HTTP: the same protocol as in process, spoken to a `python -m reward_servers.sandbox` server.

A server that cannot be reached, or answers nonsense, is a `sandbox_error`: it says nothing about the program.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import aiohttp

from code_reward.deadlines import within
from code_reward.errors import DataError
from code_reward.problem import Test
from reward_servers.sandbox.intake import execute_unreadable, fail_unreadable, is_text, observe_unreadable, require_text, write_tests
from reward_servers.sandbox.outcome import Answer, Execution, Limits, Mode, Observations, Outcome, read_answer

_ATTEMPTS = 4
_PAUSE = 0.5
_CONNECT_SECONDS = 10.0
_BEAT_SECONDS = 20.0
"""How long an answer may take before the server is asked whether it is there, and how often it is asked then."""
_MISSED_BEATS = 3
_GRACE_SECONDS = 180.0
"""How much longer than the wall limits of what may be queued before it an answer may take: workers start, and lost ones are replaced."""


class HttpSandbox:
    """A client of a sandbox server; one HTTP session per event loop, closed by `close` on the same loop.

    Args:
        url (`str`): The server's address, e.g. `http://127.0.0.1:8100`.
        mode (`str`, *optional*, defaults to `auto`): See `reward_servers.sandbox.connect`.
        concurrency (`int`, *optional*, defaults to 64): Requests under way at once; the rest wait here.

    A try ends when the server takes no connection for 10 s, or does not answer `/health` three times in a row, as a host that vanished:
    within a minute and a half. A server that is well has as long as all requests under way would need one after the other, each to its wall
    limit and with all the CPU time that its tests may use, and 3 minutes more: 26 minutes by default for one test. One with fewer workers
    than clients and nothing but sleepers to run may need longer, and is a `sandbox_error` then.
    """

    def __init__(self, url: str, mode: Mode = "auto", concurrency: int = 64) -> None:
        self._url = url.rstrip("/")
        self._mode = mode
        self._concurrency = concurrency
        self._lines: dict[asyncio.AbstractEventLoop, _Line] = {}

    async def run(self, program: str, tests: Sequence[Test], *, entry_point: str | None = None, limits: Limits | None = None) -> Outcome:
        """See `Sandbox.run`. A connection that fails is tried again with growing pauses; then the outcome is `sandbox_error`.

        Raises:
            DataError: The server says that the request is malformed.
        """
        require_text(write_tests(tests) + (entry_point or ""), "A test or the entry point")
        if not is_text(program):
            return fail_unreadable(len(tests), limits)
        request = {
            "program": program,
            "tests": [vars(test) for test in tests],
            "entry_point": entry_point,
            "mode": self._mode,
            "limits": (limits or Limits()).model_dump(),
        }
        return _read(Outcome, await self._ask("/run", request))

    async def observe(self, program: str, calls: Sequence[str], *, limits: Limits | None = None) -> Observations:
        """See `Sandbox.observe`; fails as `run` does."""
        require_text("".join(calls), "A call")
        if not is_text(program):
            return observe_unreadable(len(calls))
        request = {"program": program, "calls": list(calls), "limits": (limits or Limits()).model_dump()}
        return _read(Observations, await self._ask("/observe", request))

    async def execute(self, program: str, stdin: str = "", *, limits: Limits | None = None) -> Execution:
        """See `Sandbox.execute`; fails as `run` does."""
        require_text(stdin, "The standard input")
        if not is_text(program):
            return execute_unreadable()
        answer = await self._ask("/execute", {"program": program, "stdin": stdin, "limits": (limits or Limits()).model_dump()})
        return _read(Execution, answer)

    async def _ask(self, path: str, request: dict[str, Any]) -> dict[str, Any] | str:
        """The server's answer to `request`, or what was wrong with the last of several tries."""
        trouble = ""
        limits, steps = request["limits"], len(request.get("tests", ())) + len(request.get("calls", ())) + 1
        patience = (limits["wall_seconds"] + limits["cpu_seconds"] * steps) * self._concurrency + _GRACE_SECONDS
        for attempt in range(_ATTEMPTS):
            if attempt:
                await asyncio.sleep(_PAUSE * 3 ** (attempt - 1))
            try:
                async with self._line().room:
                    status, text = await within(patience, self._post(path, request))
                if status == 200:
                    answer = json.loads(text)
                    if isinstance(answer, dict) and "kind" in answer:
                        return answer
                    trouble = f"the server at {self._url} did not answer as a sandbox does; check its address"
                    break
                trouble = f"the sandbox server answered {status}: {text[:300]}"
                if status in (413, 422):
                    raise DataError(f"The sandbox server refuses the request: {text[:300]}")
                if status < 500:
                    break
            except asyncio.TimeoutError:
                trouble = f"the sandbox server at {self._url} is well, but gave no answer in {patience:.0f} s; give it more workers"
                break
            except (aiohttp.ClientError, OSError, ValueError) as error:
                if isinstance(error, DataError):
                    raise
                trouble = f"the sandbox server at {self._url} cannot be used: {error or type(error).__name__}"
        return trouble

    async def _post(self, path: str, request: dict[str, Any]) -> tuple[int, str]:
        """Status and body of one try; raises `ConnectionError` when the server falls silent."""
        asked = asyncio.create_task(self._talk("POST", path, json=request))
        missed = 0
        try:
            while not (await asyncio.wait({asked}, timeout=_BEAT_SECONDS))[0]:
                missed = 0 if await self._is_there() else missed + 1
                if missed == _MISSED_BEATS:
                    raise ConnectionError("it does not answer any more")
            return asked.result()
        finally:
            asked.cancel()

    async def _is_there(self) -> bool:
        try:
            await within(_CONNECT_SECONDS, self._talk("GET", "/health"))
        except (aiohttp.ClientError, asyncio.TimeoutError, OSError):
            return False
        return True

    async def _talk(self, method: str, path: str, **more: Any) -> tuple[int, str]:
        connecting = aiohttp.ClientTimeout(total=None, sock_connect=_CONNECT_SECONDS)
        try:
            async with self._line().session.request(method, f"{self._url}{path}", timeout=connecting, **more) as response:
                return response.status, await response.text()
        except asyncio.TimeoutError as error:
            raise ConnectionError(f"it took no connection in {_CONNECT_SECONDS:g} s") from error

    async def close(self) -> None:
        """Close this event loop's session."""
        line = self._lines.pop(asyncio.get_running_loop(), None)
        if line is not None:
            await line.session.close()

    def _line(self) -> _Line:
        loop = asyncio.get_running_loop()
        line = self._lines.get(loop)
        if line is None or line.session.closed:
            # What limits requests is the room: a question after the server's health must not wait for those that it is about.
            session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0))
            line = self._lines[loop] = _Line(session, asyncio.Semaphore(self._concurrency))
        return line


@dataclass(frozen=True)
class _Line:
    """What one event loop has."""

    session: aiohttp.ClientSession
    room: asyncio.Semaphore


def _read(model: type[Answer], answer: dict[str, Any] | str) -> Answer:
    if isinstance(answer, str):
        answer = {"kind": "sandbox_error", "message": answer}
    return read_answer(model, answer)
