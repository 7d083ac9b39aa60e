"""From an answer to token ids without stalling the event loop: short answers here, one per turn of the loop, long ones in processes."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from code_reward.rm_input import Encoded, RMInput
from code_reward.verdict import Missing, Rejected
from reward_servers.client.settings import ClientSettings
from reward_servers.preparing import COMMAND, from_line, inputs_from_line

T = TypeVar("T")

logger = logging.getLogger(__name__)

_LINE_BYTES = 2**28


class Preparation:
    """Extracts and tokenises answers; make and use it inside one running event loop."""

    def __init__(self, folder: Path, rm_input: RMInput, settings: ClientSettings) -> None:
        self._folder, self._rm_input, self._settings = folder, rm_input, settings
        self._turn = asyncio.Lock()
        self._processes: set[asyncio.subprocess.Process] = set()
        self._closed = False
        self._idle: asyncio.LifoQueue[asyncio.subprocess.Process | None] = asyncio.LifoQueue()
        for _ in range(settings.preparation_processes):
            self._idle.put_nowait(None)

    async def prepare(self, statement: str, response: str, entry_point: str | None) -> Encoded | Rejected | Missing:
        """The reward model's input for an answer; `Missing` if preparing it failed, in a process twice."""
        if len(statement) + len(response) <= self._settings.inline_characters:
            # The lock lets the loop do its other work between two answers, however many wait.
            async with self._turn:
                await asyncio.sleep(0)
                return self._build(statement, response, entry_point)
        return await self._apart({"statement": statement, "response": response, "entry_point": entry_point}, from_line)

    async def by_line(self, statement: str, response: str, entry_point: str | None) -> list[list[int] | None] | Missing:
        """`code_reward.line_inputs.line_inputs`, always in a process; `Missing` as of `prepare`."""
        job = {"statement": statement, "response": response, "entry_point": entry_point, "by_line": True}
        return await self._apart(job, inputs_from_line)

    def _build(self, statement: str, response: str, entry_point: str | None) -> Encoded | Rejected | Missing:
        try:
            return self._rm_input.build(statement, response, entry_point)
        except Exception:  # A bug of ours must not end the run.
            logger.exception("An answer could not be prepared.")
            return Missing("preparation_failed")

    async def _apart(self, job: dict[str, Any], read: Callable[[bytes], T]) -> T | Missing:
        for _ in range(2):
            made = await self._in_process(job, read)
            if made is not None or self._closed:
                return Missing("closed") if made is None else made
        return Missing("preparation_failed")

    async def _in_process(self, job: dict[str, Any], read: Callable[[bytes], T]) -> T | None:
        process = await self._idle.get()
        healthy = False
        try:
            if self._closed:
                return None
            if process is None:
                process = await self._start()
            if self._closed:  # While it started.
                return None
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write(json.dumps(job).encode() + b"\n")
            await process.stdin.drain()
            line = await process.stdout.readline()
            healthy = line.endswith(b"\n")
            return read(line) if healthy else None
        except (OSError, ValueError, KeyError, TypeError) as error:
            logger.warning("A process that prepares answers failed (%s).", error)
            healthy = False
            return None
        finally:
            # A process whose answer was not read, be it for a deadline, must not answer the next job.
            if process is not None and not healthy:
                _kill(process)
            self._idle.put_nowait(process if healthy else None)

    async def _start(self) -> asyncio.subprocess.Process:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "TOKENIZERS_PARALLELISM": "false"}
        process = await asyncio.create_subprocess_exec(
            *COMMAND,
            str(self._folder),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
            limit=_LINE_BYTES,
        )
        self._processes = {process, *(other for other in self._processes if other.returncode is None)}
        return process

    async def close(self) -> None:
        """End the processes; answers that are being prepared become `Missing("closed")`."""
        self._closed = True
        for process in self._processes:
            _kill(process)
        await asyncio.gather(*(process.wait() for process in self._processes))


def _kill(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.kill()
