"""One worker process as its caller sees it: start it, give it a job, get the answer, start another when it was lost.

A worker answers each job once, by the job's number, before it gets the next. One that does anything else is stopped: what it says next
could be about another program.
"""

from __future__ import annotations

import contextlib
import itertools
import json
import socket
import struct
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from code_reward.errors import SandboxError
from code_reward.pools import deaf
from reward_servers.sandbox.isolation import Isolation, Level, assess, require

_ROOT = str(Path(__file__).resolve().parents[2])
_START = "import sys; sys.path[0] = sys.argv[1]; from reward_servers.sandbox.worker.main import main; main()"
# All that programs see of the environment. Symbols are bound once, not in every fork; and hashes are not salted, so that the order of a
# set, and with it the verdict on a program that shows it, is the same every time.
_ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/tmp", "TMPDIR": "/tmp", "LANG": "C.UTF-8"}
_ENVIRONMENT |= {"LD_BIND_NOW": "1", "PYTHONHASHSEED": "0", "OPENBLAS_NUM_THREADS": "1"}
_START_SECONDS = 60.0
_SILENCE_SECONDS = 60.0
"""After so long without a sign a worker is given up. A job may take as long as its limits allow, for all tests and all counter-tests."""
_MAX_ANSWER = 256 << 20


class WorkerLost(Exception):
    """A worker process ended, or fell silent, while it had a job."""


class WorkerHandle:
    """A worker process. Not for several threads at once.

    Args:
        level: The isolation that it must have.
        without: Layers of isolation to leave out; for tests of what remains.
    """

    def __init__(self, level: Level = "limited", without: Sequence[str] = ()) -> None:
        self._level = level
        self._without = without
        self._process: subprocess.Popen[bytes] | None = None
        self._line: socket.socket | None = None
        self._numbers = itertools.count(1)

    def start(self) -> Isolation:
        """Start the process; what it has around its programs. Raises `SandboxError` when it does not start or has too little."""
        try:
            self._spawn()
            answer = self._receive(_START_SECONDS)
        except OSError as error:
            raise SandboxError(
                f"A sandbox worker cannot be started ({error}); free what this machine is short of, or use fewer."
            ) from error
        except WorkerLost as error:
            self.stop()
            raise SandboxError("A sandbox worker does not start; its message is on standard error.") from error
        isolation = assess(answer)
        try:
            require(isolation, self._level)
        except SandboxError:
            self.stop()
            raise
        return isolation

    def _spawn(self) -> None:
        arguments = json.dumps({"libraries": _libraries(), "without": list(self._without)})
        command = [sys.executable, "-s", "-S", "-X", "utf8", "-c", _START, _ROOT, arguments]
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                with deaf():
                    self._process = subprocess.Popen(command, stdin=theirs.fileno(), stdout=subprocess.DEVNULL, env=_ENVIRONMENT, cwd="/")
            except OSError:
                ours.close()
                raise
        self._line = ours

    @property
    def is_running(self) -> bool:
        return self._process is not None

    def ask(self, job: dict[str, Any]) -> dict[str, Any]:
        """Give the worker a job and wait for its answer; raises `WorkerLost`. Whatever is raised, the worker is stopped."""
        number = next(self._numbers)
        data = json.dumps({"id": number, **job}).encode()
        try:
            self._send(data)
            return self._hear(number)
        except OSError as error:
            self.stop()
            raise WorkerLost(str(error)) from error
        except BaseException:
            self.stop()
            raise

    def _hear(self, number: int) -> dict[str, Any]:
        """The answer to the job of this number, after any signs that it is still worked on."""
        while True:
            message = self._receive(_SILENCE_SECONDS)
            answer = message.get("answer")
            if message.get("id") != number or not isinstance(answer, (dict, type(None))):
                raise WorkerLost("the worker answered what it was not asked")
            if answer is not None:
                return answer

    def _send(self, data: bytes) -> None:
        assert self._line is not None
        self._line.settimeout(0)
        with contextlib.suppress(BlockingIOError):
            self._line.recv(1, socket.MSG_PEEK)
            raise WorkerLost("the worker said something, or ended, before it was asked")
        self._line.settimeout(_SILENCE_SECONDS)
        self._line.sendall(struct.pack("!I", len(data)) + data)

    def interrupt(self) -> None:
        """End the process, from another thread; what it was asked is lost."""
        process = self._process
        if process is not None:
            process.kill()

    def stop(self) -> None:
        """End the process and everything below it."""
        if self._process is not None and self._line is not None:
            self._process.kill()
            self._line.close()
            self._process.wait()
        self._process = self._line = None

    def _receive(self, seconds: float) -> dict[str, Any]:
        assert self._line is not None
        self._line.settimeout(seconds)
        size = struct.unpack("!I", self._receive_exactly(4))[0]
        if size > _MAX_ANSWER:
            raise WorkerLost(f"the worker's answer would have {size} bytes")
        data = self._receive_exactly(size)
        try:
            message = json.loads(data)
            if b"\\ud" in data:  # Perhaps halves of characters, which no answer can be written with.
                message = json.loads(json.dumps(message, ensure_ascii=False).encode(errors="replace"))
        except ValueError as error:
            raise WorkerLost(f"the worker's answer is not JSON: {error}") from error
        if not isinstance(message, dict):
            raise WorkerLost("the worker's answer is no object")
        return message

    def _receive_exactly(self, size: int) -> bytes:
        assert self._line is not None
        parts = []
        while size:
            try:
                part = self._line.recv(min(size, 1 << 20))
            except OSError as error:
                raise WorkerLost(str(error)) from error
            if not part:
                raise WorkerLost("the worker ended")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def _libraries() -> list[str]:
    """The folders of installed packages, those of an environment below this one included."""
    also = {path for path in sys.path if path.endswith(("site-packages", "dist-packages"))}
    return sorted({sysconfig.get_path("purelib"), sysconfig.get_path("platlib")} | also)
