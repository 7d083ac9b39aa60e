"""Workers in this process's service: one thread and one worker process each, jobs from one queue, for any number of event loops."""

from __future__ import annotations

import asyncio
import json
import os
import queue
import struct
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from code_reward.errors import SandboxError
from code_reward.problem import Test
from reward_servers.sandbox.outcome import Limits, Mode, Outcome

_ROOT = str(Path(__file__).resolve().parents[2])
_START = "import sys; sys.path[0] = sys.argv[1]; from reward_servers.sandbox.worker.main import main; main(sys.argv[1], sys.argv[2:])"
_ATTEMPTS = 2
# All that programs see of the environment. Symbols are bound once, not in every fork; and hashes are not salted, so that the order of a
# set, and with it the verdict on a program that shows it, is the same every time.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}
_ENVIRONMENT |= {"LD_BIND_NOW": "1", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}


class WorkerLost(Exception):
    """A worker process ended while it had a job."""


class Worker:
    """A worker process: give it a job, get an outcome; started when first needed and again when it was lost."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self.layers: dict[str, str] = {}

    def start(self) -> None:
        """Start the process and read which layers of isolation it has; raises `SandboxError`."""
        libraries = sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")})
        command = [sys.executable, "-s", "-S", "-B", "-X", "utf8", "-c", _START, _ROOT, *libraries]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=_ENVIRONMENT, cwd="/")
        try:
            self.layers = self._read()
        except WorkerLost as error:
            raise SandboxError("A sandbox worker does not start; its message is on standard error.") from error

    def run(self, job: dict[str, Any]) -> Outcome:
        """Decide one job; `sandbox_error` when two worker processes in turn were lost over it."""
        for _ in range(_ATTEMPTS):
            try:
                if self._process is None:
                    self.start()
                self._write(job)
                return Outcome.model_validate(self._read())
            except (WorkerLost, OSError):
                self.stop()
            except SandboxError as error:
                self.stop()
                return Outcome(kind="sandbox_error", message=str(error))
        return Outcome(kind="sandbox_error", message="the worker process was lost twice over this program")

    def stop(self) -> None:
        """End the process and everything below it."""
        if self._process is not None:
            self._process.kill()
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    pipe.close()
            self._process.wait()
            self._process = None

    def _write(self, job: dict[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        data = json.dumps(job).encode()
        self._process.stdin.write(struct.pack("!I", len(data)) + data)
        self._process.stdin.flush()

    def _read(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(self._read_exactly(struct.unpack("!I", self._read_exactly(4))[0]))
        return message

    def _read_exactly(self, size: int) -> bytes:
        assert self._process is not None
        assert self._process.stdout is not None
        data = self._process.stdout.read(size)
        if len(data) < size:
            raise WorkerLost
        return data


_Item = tuple[dict[str, Any], "Future[Outcome]"]


class LocalSandbox:
    """A sandbox in this process's service. Safe for thousands of concurrent `run`s and for several event loops.

    Args:
        workers (`int`, *optional*, defaults to the number of usable cores): Programs that run at once.
        mode (`str`, *optional*, defaults to `auto`): See `reward_servers.sandbox.connect`.
    """

    def __init__(self, workers: int | None = None, mode: Mode = "auto") -> None:
        self._mode = mode
        self._jobs: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._closed = False
        count = workers or len(os.sched_getaffinity(0))
        self._threads = [threading.Thread(target=self._serve, name=f"sandbox-{i}", daemon=True) for i in range(count)]
        for thread in self._threads:
            thread.start()

    async def run(self, program: str, tests: Sequence[Test], *, entry_point: str | None = None, limits: Limits | None = None) -> Outcome:
        """See `Sandbox.run`."""
        if self._closed:
            raise SandboxError("This sandbox is closed; make a new one.")
        job = {
            "program": program,
            "tests": json.dumps([vars(test) for test in tests]),
            "entry_point": entry_point,
            "mode": self._mode,
            "limits": (limits or Limits()).model_dump(),
        }
        future: Future[Outcome] = Future()
        self._jobs.put((job, future))
        return await asyncio.wrap_future(future)

    async def close(self) -> None:
        """Stop the workers; what is queued is cancelled."""
        if self._closed:
            return
        self._closed = True
        while not self._jobs.empty():
            item = self._jobs.get()
            if item is not None:
                item[1].cancel()
        for _ in self._threads:
            self._jobs.put(None)
        await asyncio.get_running_loop().run_in_executor(None, self._join)

    def _join(self) -> None:
        for thread in self._threads:
            thread.join()

    def _serve(self) -> None:
        worker = Worker()
        while (item := self._jobs.get()) is not None:
            job, future = item
            if not future.set_running_or_notify_cancel():
                continue
            try:
                future.set_result(worker.run(job))
            except Exception as error:
                future.set_exception(error)
        worker.stop()
