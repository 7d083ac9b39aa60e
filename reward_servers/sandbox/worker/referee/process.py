"""One child as the referee sees it: its results file, its bell, its CPU clock, its end."""

from __future__ import annotations

import contextlib
import json
import marshal
import os
import re
import socket
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from reward_servers.sandbox.worker.jail import kernel
from reward_servers.sandbox.worker.protocol import RESULT_BYTES
from reward_servers.sandbox.worker.referee.link import End, Link

_CHUNK = 1 << 18
_CREDENTIALS = socket.CMSG_SPACE(12)
_DIGITS = re.compile(rb"[0-9]{4000}")
_SMALLEST = 4096
"""Any event but a value fits into so many bytes."""
_SHORT = 0.02
"""Seconds. A look at the kernel's clocks costs a hundredth of a short life."""

Event = list[Any]


class Process:
    """A forked child. What it writes may be anything: `read` raises `ValueError` for what is not one JSON list per line.

    With `may_fork`, the CPU time of its children counts as its own.
    """

    def __init__(self, link: Link, role: str, work: Any, limits: dict[str, Any], extra_fds: Sequence[int] = ()) -> None:
        self.started = False
        self.obstacle = ""
        self.link = link
        self._may_fork = bool(limits["processes"])
        self._end: End | None = None
        self._cpu = self._mark = self._waited = 0.0
        self._born = time.monotonic()
        self._offset = 0
        self._partial = bytearray()
        self._skipping = False
        self._results = os.memfd_create("results")
        self._pid: int | None = None
        """The child's pid in this process's namespace, which the kernel tells with what the child sends."""
        self.bell, theirs = socket.socketpair()
        self.bell.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        try:
            self._number = link.fork(role, limits, [self._results, theirs.fileno(), *extra_fds])
        finally:
            theirs.close()
        self._send(marshal.dumps(work))

    def _send(self, data: bytes) -> None:
        """Give the child its work; a child that is gone does not hear it, which its end will tell."""
        try:
            self.bell.sendall(len(data).to_bytes(4, "big") + data)
        except OSError:
            return

    def cpu(self) -> tuple[float, float]:
        """CPU seconds so far: in all, and since the last step began."""
        if self._pid is not None:
            now = (kernel.cpu_seconds(self._pid) or 0.0) + (_below(self._pid) if self._may_fork else 0.0)
            self._cpu = max(self._cpu, now)
        return self._cpu, self._cpu - self._mark

    @property
    def kept_waiting(self) -> float:
        """Seconds for which the child would have run, but others did: our trouble, not its. Of a short life, nobody looks."""
        if self._end is None and time.monotonic() - self._born > _SHORT:
            with contextlib.suppress(OSError, ValueError, IndexError), open(f"/proc/{self._pid}/schedstat") as file:
                self._waited = max(self._waited, int(file.read().split()[1]) / 1e9)
        return self._waited

    def mark(self) -> None:
        """Begin a new step."""
        self._mark = self.cpu()[0]

    def listen(self) -> bool:
        """Take what has come over the bell: r = started, x = could not start. False when nothing will come any more."""
        try:
            heard, extra, _, _ = self.bell.recvmsg(1 << 16, _CREDENTIALS, socket.MSG_DONTWAIT)
        except BlockingIOError:
            return True
        except OSError:
            return False
        if self._pid is None and extra:
            self._pid = int.from_bytes(extra[0][2][:4], sys.byteorder)
        if not self.started and heard[:1] == b"x":
            self.obstacle = heard[1:].decode(errors="replace")[:500]
        elif not self.started and heard[:1] == b"r":
            self.started = True
        return bool(heard)

    def read(self, room: Callable[[], int]) -> Iterator[Event]:
        """The events written since the last read. One longer than `room()` says, when it is begun, is `["too_long"]`; it is not kept."""
        while True:
            end = self._partial.find(b"\n")
            if end >= 0:
                line = bytes(self._partial[:end])
                del self._partial[: end + 1]
                if self._skipping or len(line) > _SMALLEST + room():
                    self._skipping = False
                    yield ["too_long"]
                else:
                    yield _event(line)
                continue
            if self._skipping or len(self._partial) > _SMALLEST + room():
                self._partial.clear()
                self._skipping = True
            part = os.pread(self._results, min(_CHUNK, RESULT_BYTES - self._offset), self._offset)
            if not part:
                return
            self._offset += len(part)
            self._partial += part

    def check_end(self) -> bool:
        """Whether the child has ended."""
        if self._end is None:
            self._end = self.link.poll_end(self._number)
        return self._end is not None

    def stop(self) -> End:
        """Kill the child and all that came of it, if need be, and wait until it is gone."""
        if self._end is None:
            self.link.kill(self._number)
            self._end = self.link.wait_end(self._number)
        if self.bell.fileno() >= 0:
            self.listen()
        return self._end

    def close(self) -> None:
        """Give up the descriptors; nothing can be read any more."""
        if self.bell.fileno() >= 0:
            self.bell.close()
            os.close(self._results)


def _event(line: bytes) -> Event:
    """Long numbers are written in hexadecimal, as text: what Python takes seconds to read is refused unread."""
    event = json.loads(line, parse_int=_short if _DIGITS.search(line) else None)
    if not isinstance(event, list) or not event or not isinstance(event[0], str):
        raise ValueError("not an event")
    return event


def _short(digits: str) -> int:
    if len(digits) > 4000:
        raise ValueError("a number too long")
    return int(digits)


def _below(pid: int) -> float:
    """CPU seconds of the processes below this one."""
    total = 0.0
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children") as file:
                children = file.read().split()
            total += sum((kernel.cpu_seconds(int(child)) or 0.0) + _below(int(child)) for child in children)
    except OSError:  # Gone meanwhile.
        return total
    return total
