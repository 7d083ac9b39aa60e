"""Workers in this process's service: one thread and one worker process each, jobs from one queue, for any number of event loops."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import os
import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from code_reward.errors import DataError, SandboxError
from code_reward.problem import Test
from reward_servers.sandbox.handle import WorkerHandle, WorkerLost
from reward_servers.sandbox.intake import (
    check_names,
    execute_unreadable,
    fail_unreadable,
    is_text,
    observe_unreadable,
    require_text,
    write_tests,
)
from reward_servers.sandbox.isolation import Isolation, Level
from reward_servers.sandbox.outcome import Execution, Limits, Mode, Observations, Outcome, read_answer

_ATTEMPTS = 2
_PARTING_SECONDS = 1.0
"""How long a program may still run for whom nobody waits any more; most end by themselves, and a worker takes half a second to start."""


@dataclass
class _Item:
    """A job, or None for the question what a worker is isolated by; and where its answer goes."""

    job: dict[str, Any] | None
    future: Future[dict[str, Any]] = field(default_factory=Future)
    abandoned: bool = False
    worker: WorkerHandle | None = None
    """Who works on it now."""
    changing: threading.Lock = field(default_factory=threading.Lock)

    def give_to(self, worker: WorkerHandle | None) -> bool:
        """Whether somebody still wants the answer; if so, `abandon` ends it there from now on."""
        with self.changing:
            self.worker = None if self.abandoned else worker
            return not self.abandoned

    def abandon(self) -> None:
        """End what is left of it: nobody wants the answer."""
        with self.changing:
            self.abandoned = True
            if self.worker is not None:
                self.worker.interrupt()


class LocalSandbox:
    """A sandbox in this process's service. Safe for thousands of concurrent `run`s and for several event loops.

    Args:
        workers (`int`, *optional*, defaults to the number of usable cores): Programs that run at once.
        mode (`str`, *optional*, defaults to `auto`): See `reward_servers.sandbox.connect`.
        require (`str`, *optional*, defaults to `limited`): The isolation below which nothing is run; see `isolation`.
        without (`Sequence[str]`, *optional*): Layers of isolation to leave out; for tests of what remains.
    """

    def __init__(self, workers: int | None = None, mode: Mode = "auto", require: Level = "limited", without: Sequence[str] = ()) -> None:
        self._mode = mode
        self._jobs: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._closed = False
        self._closing = threading.Lock()
        """Nothing is queued after the sandbox was closed: nobody would take it."""
        count = workers or len(os.sched_getaffinity(0))
        handles = [WorkerHandle(require, without) for _ in range(count)]
        self._threads = [threading.Thread(target=self._serve, args=[handle], daemon=True) for handle in handles]
        for thread in self._threads:
            thread.start()

    async def run(
        self,
        program: str,
        tests: Sequence[Test],
        *,
        entry_point: str | None = None,
        limits: Limits | None = None,
        mode: Mode | None = None,
    ) -> Outcome:
        """See `Sandbox.run`; `mode` is for this program only."""
        written = write_tests(tests)
        require_text(entry_point or "", "The entry point")
        if not is_text(program):
            return fail_unreadable(len(tests), limits)
        job = _job(program, entry_point, limits, tests=written, mode=mode or self._mode)
        return read_answer(Outcome, _valid(await self._submit(job)))

    async def observe(self, program: str, calls: Sequence[str], *, limits: Limits | None = None) -> Observations:
        """See `Sandbox.observe`."""
        require_text("".join(calls), "A call")
        if not is_text(program):
            return observe_unreadable(len(calls))
        job = _job(program, None, limits, calls=list(calls), mode=self._mode)
        return read_answer(Observations, _valid(await self._submit(job)))

    async def execute(
        self,
        program: str,
        stdin: str = "",
        *,
        limits: Limits | None = None,
        files: Mapping[str, bytes] | None = None,
        fetch: Sequence[str] = (),
    ) -> Execution:
        """Run a program as a script, with `files` beside it, and fetch what it left under the names `fetch`.

        Raises:
            DataError: A name is not that of a file in or below the working directory.
        """
        check_names(files or {}, fetch)
        require_text(stdin, "The standard input")
        if not is_text(program):
            return execute_unreadable()
        encoded = {name: base64.b64encode(content).decode() for name, content in (files or {}).items()}
        answer = await self._submit(_job(program, None, limits, stdin=stdin, files=encoded, fetch=list(fetch)))
        found = {name: base64.b64decode(content) for name, content in answer.get("files", {}).items()}
        return read_answer(Execution, {**answer, "files": found})

    async def isolation(self) -> Isolation:
        """What a worker has around its programs. Raises `SandboxError` when none starts or it has too little."""
        answer = await self._submit(None)
        if "kind" in answer:
            raise SandboxError(answer["message"])
        return Isolation.model_validate(answer)

    async def close(self) -> None:
        """Stop the workers; what is queued is cancelled."""
        with self._closing:
            if self._closed:
                return
            self._closed = True
        with contextlib.suppress(queue.Empty):
            while True:
                item = self._jobs.get_nowait()
                if item is not None:
                    item.future.cancel()
        for _ in self._threads:
            self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._join)

    async def _submit(self, job: dict[str, Any] | None) -> dict[str, Any]:
        item = _Item(job)
        with self._closing:
            if self._closed:
                raise SandboxError("This sandbox is closed; make a new one.")
            self._jobs.put(item)
        try:
            return await asyncio.wrap_future(item.future)
        except asyncio.CancelledError:
            if not item.future.done():
                parting = threading.Timer(_PARTING_SECONDS, item.abandon)
                parting.daemon = True
                parting.start()
            raise

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _serve(self, worker: WorkerHandle) -> None:
        isolation: Isolation | None = None
        while (item := self._jobs.get()) is not None:
            if not item.future.set_running_or_notify_cancel():
                continue
            try:
                if isolation is None or not worker.is_running:
                    isolation = worker.start()
                item.future.set_result(isolation.model_dump() if item.job is None else _ask(worker, item, item.job))
            except SandboxError as error:
                item.future.set_result({"kind": "sandbox_error", "message": str(error)})
            except Exception as error:
                item.future.set_exception(error)
        worker.stop()


def _job(program: str, entry_point: str | None, limits: Limits | None, **rest: Any) -> dict[str, Any]:
    limits = limits or Limits()
    return {"program": program, "entry_point": entry_point, "limits": limits.model_dump(), "tests": None, "calls": None, **rest}


def _valid(answer: dict[str, Any]) -> dict[str, Any]:
    if "invalid" in answer:
        raise DataError(answer["invalid"])
    return answer


def _ask(worker: WorkerHandle, item: _Item, job: dict[str, Any]) -> dict[str, Any]:
    """The answer to a job; `sandbox_error` when two workers in turn were lost over it. Raises `SandboxError` when none starts."""
    for _ in range(_ATTEMPTS):
        if not worker.is_running:
            worker.start()
        try:
            if not item.give_to(worker):
                return {"kind": "sandbox_error", "message": "nobody waits for this program any more"}
            return worker.ask(job)
        except WorkerLost as error:
            lost = error
            if item.abandoned:
                break
        finally:
            item.give_to(None)
    return {"kind": "sandbox_error", "message": f"two workers in turn were lost over this program ({lost})"}
