"""Reading the body of a request: bounded in bytes and in time, and parsed where a large one stops nothing else.

To parse JSON holds the interpreter for as long as it takes; what is large is therefore parsed in a process of its own. A body that is wrong
is described without showing what stood in it, which may be anything of any size.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import multiprocessing
import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from fastapi import Request
from pydantic import BaseModel, ValidationError

from code_reward.deadlines import told_to_nobody, within
from code_reward.pools import make_executor

MAX_BYTES = 64 << 20
_ALL_BYTES = 512 << 20
"""Of all bodies that are under way together."""
_LARGE = 128 << 10
_IDLE_SECONDS = 10.0
_WHOLE_SECONDS = 60.0
_SHOWN = 200
_M_MMAP_THRESHOLD, _LARGE_BLOCK = -3, 1 << 20
"""glibc's name of the setting, in malloc.h; and from how many bytes on a block is mapped by itself."""

Body = TypeVar("Body", bound=BaseModel)


class Refused(Exception):
    """A request that is not served, with the status and the sentence of its answer."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class ClientGone(Exception):
    """The client went before it had its answer."""


def map_large_blocks() -> None:
    """Have this process's memory for large bodies mapped piece by piece, so that the machine has it back with each; glibc would keep it."""
    with contextlib.suppress(AttributeError):
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE_BLOCK)


class Reader:
    """Reads bodies for one event loop. `close` ends its process."""

    def __init__(self) -> None:
        self._process: ProcessPoolExecutor | None = None
        self._bytes = 0

    async def receive(self, request: Request) -> bytes:
        """The body as it comes; to be given back by `release`. Raises `Refused`, and `ClientGone` when the client goes."""
        body = bytearray()
        try:
            await self._fill(body, request)
        except asyncio.TimeoutError as error:
            self._bytes -= len(body)
            raise Refused(408, "The body of the request does not come; send it at once.") from error
        except BaseException:
            self._bytes -= len(body)
            raise
        return bytes(body)

    def release(self, body: bytes) -> None:
        """Nothing of this body is under way any more."""
        self._bytes -= len(body)

    async def _fill(self, body: bytearray, request: Request) -> None:
        deadline = time.monotonic() + _WHOLE_SECONDS
        more = True
        while more:
            patience = min(_IDLE_SECONDS, deadline - time.monotonic())
            message = await within(patience, request.receive())
            if message["type"] == "http.disconnect":
                raise ClientGone
            part = message.get("body", b"")
            if len(body) + len(part) > MAX_BYTES:
                raise Refused(413, f"The body has more than {MAX_BYTES >> 20} MB; ask about fewer or smaller tests at a time.")
            if self._bytes + len(part) > _ALL_BYTES:
                raise Refused(503, "Too many large requests are under way; try again later.")
            self._bytes += len(part)
            body += part
            more = message.get("more_body", False)

    async def parse(self, model: type[Body], body: bytes) -> Body:
        """The model that the body describes. Raises `Refused` (422)."""
        if len(body) <= _LARGE:
            found = _parse(model, body)
        else:
            process = self._executor()
            try:
                work = asyncio.get_running_loop().run_in_executor(process, _parse, model, body)
                work.add_done_callback(told_to_nobody)
                found = await asyncio.shield(work)  # As in `code_reward.extracting`.
            except BrokenProcessPool as error:
                if self._process is process:  # Others were told, too, and one may have a new one.
                    self.close()
                raise Refused(503, "The body cannot be read for want of memory; try again later.") from error
        if isinstance(found, str):
            raise Refused(422, found)
        return found

    def close(self) -> None:
        if self._process is not None:
            self._process.shutdown(wait=False, cancel_futures=True)
            self._process = None

    def _executor(self) -> ProcessPoolExecutor:
        if self._process is None:
            self._process = make_executor(1, multiprocessing.get_context("spawn"))
        return self._process


def _parse(model: type[Body], body: bytes) -> Body | str:
    """The model, or what is wrong, in few characters."""
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_context=False, include_input=False)[:3]
        said = (f"{'.'.join(str(part)[:_SHOWN] for part in one['loc']) or 'body'}: {one['msg'][:_SHOWN]}" for one in wrong)
        return "; ".join(said)
