"""Workers in this process's service: one thread and one worker process each, jobs from one queue, for any number of event loops."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import json
import os
import queue
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from typing import Any

from code_reward.errors import DataError, SandboxError
from code_reward.problem import Test
from reward_servers.sandbox.handle import WorkerHandle, WorkerLost
from reward_servers.sandbox.isolation import Isolation, Level
from reward_servers.sandbox.outcome import Execution, Limits, Mode, Observations, Outcome, read_answer

_ATTEMPTS = 2
_Item = tuple[dict[str, Any] | None, "Future[dict[str, Any]]"]


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
        job = _job(program, entry_point, limits, tests=json.dumps([vars(test) for test in tests]), mode=mode or self._mode)
        return read_answer(Outcome, _valid(await self._submit(job)))

    async def observe(self, program: str, calls: Sequence[str], *, limits: Limits | None = None) -> Observations:
        """See `Sandbox.observe`."""
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
        for name in (*(files or {}), *fetch):
            if os.path.isabs(name) or ".." in name.split("/") or not name:
                raise DataError(f"{name!r} is not the name of a file in the working directory; give a relative path without '..'.")
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
                    item[1].cancel()
        for _ in self._threads:
            self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._join)

    async def _submit(self, job: dict[str, Any] | None) -> dict[str, Any]:
        future: Future[dict[str, Any]] = Future()
        with self._closing:
            if self._closed:
                raise SandboxError("This sandbox is closed; make a new one.")
            self._jobs.put((job, future))
        return await asyncio.wrap_future(future)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _serve(self, worker: WorkerHandle) -> None:
        isolation: Isolation | None = None
        while (item := self._jobs.get()) is not None:
            job, future = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                if isolation is None or not worker.is_running:
                    isolation = worker.start()
                future.set_result(isolation.model_dump() if job is None else _ask(worker, job))
            except SandboxError as error:
                future.set_result({"kind": "sandbox_error", "message": str(error)})
            except Exception as error:
                future.set_exception(error)
        worker.stop()


def _job(program: str, entry_point: str | None, limits: Limits | None, **rest: Any) -> dict[str, Any]:
    limits = limits or Limits()
    return {"program": program, "entry_point": entry_point, "limits": limits.model_dump(), "tests": None, "calls": None, **rest}


def _valid(answer: dict[str, Any]) -> dict[str, Any]:
    if "invalid" in answer:
        raise DataError(answer["invalid"])
    return answer


def _ask(worker: WorkerHandle, job: dict[str, Any]) -> dict[str, Any]:
    """The answer to a job; `sandbox_error` when two workers in turn were lost over it. Raises `SandboxError` when none starts."""
    for _ in range(_ATTEMPTS):
        if not worker.is_running:
            worker.start()
        try:
            return worker.ask(job)
        except WorkerLost as error:
            lost = error
    return {"kind": "sandbox_error", "message": f"two workers in turn were lost over this program ({lost})"}
