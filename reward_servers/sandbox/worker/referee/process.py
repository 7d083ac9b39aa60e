"""One child as the referee sees it: its results file, its bell, its CPU clock, its end."""

from __future__ import annotations

import json
import marshal
import os
import socket
import sys
from collections.abc import Sequence
from typing import Any

from reward_servers.sandbox.worker import kernel
from reward_servers.sandbox.worker.protocol import RESULT_BYTES
from reward_servers.sandbox.worker.referee.link import End, Link

_CHUNK = 1 << 15
_CREDENTIALS = socket.CMSG_SPACE(12)

Event = list[Any]


class Process:
    """A forked child. What it writes may be anything: `read` raises `ValueError` for what is not one JSON list per line."""

    def __init__(self, link: Link, role: str, work: Any, limits: dict[str, Any], extra_fds: Sequence[int] = ()) -> None:
        self.link = link
        self.started = False
        self.obstacle = ""
        self._tests = b""
        self.end: End | None = None
        self.last_events: list[Event] = []
        """What was still unread when the child was stopped."""
        self._mark = 0.0
        self._offset = 0
        self._partial = b""
        self._results = os.memfd_create("results")
        self._clock: int | None = None
        """The child's pid in this process's namespace, which the kernel tells with what the child sends."""
        self.bell, theirs = socket.socketpair()
        self.bell.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        try:
            self._number = link.fork(role, limits, [self._results, theirs.fileno(), *extra_fds])
        finally:
            theirs.close()
        self.send(marshal.dumps(work))

    def send(self, data: bytes) -> None:
        """Give the child a message; a child that is gone does not hear it, which its end will tell."""
        try:
            self.bell.sendall(len(data).to_bytes(4, "big") + data)
        except OSError:
            return

    def keep_tests(self, data: bytes) -> None:
        """Send this when the child asks for its tests; whether the program itself asks, before its time, nobody can tell from here."""
        self._tests = data

    def cpu_used(self) -> float:
        """CPU seconds since the last mark."""
        total = None if self._clock is None else kernel.cpu_seconds(self._clock)
        return 0.0 if total is None else total - self._mark

    def mark(self) -> None:
        """Begin a new step."""
        self._mark += self.cpu_used()

    def listen(self) -> None:
        """Take what has come over the bell: r = started, x = could not start, t = send the tests."""
        try:
            heard, extra, _, _ = self.bell.recvmsg(1 << 16, _CREDENTIALS, socket.MSG_DONTWAIT)
        except OSError:
            return
        if self._clock is None and extra:
            self._clock = int.from_bytes(extra[0][2][:4], sys.byteorder)
        if not self.started and heard[:1] == b"x":
            self.obstacle = heard[1:].decode(errors="replace")
        elif not self.started and heard[:1] == b"r":
            self.started = True
        if self._tests and b"t" in heard:
            self.send(self._tests)
            self._tests = b""

    def read(self) -> list[Event]:
        """The events written since the last read."""
        events = []
        while self._offset < RESULT_BYTES and (part := os.pread(self._results, _CHUNK, self._offset)):
            self._offset += len(part)
            *lines, self._partial = (self._partial + part).split(b"\n")
            events += [_event(line) for line in lines]
        return events

    def check_end(self) -> bool:
        """Whether the child has ended."""
        if self.end is None:
            self.end = self.link.poll_end(self._number)
        return self.end is not None

    def stop(self) -> End:
        """Kill the child and all that came of it, if need be, and wait until it is gone."""
        if self.end is None:
            self.link.kill(self._number)
            self.end = self.link.wait_end(self._number)
        if self.bell.fileno() >= 0:
            self.listen()
            self.last_events = self._read_rest()
            self.bell.close()
            os.close(self._results)
        return self.end

    def _read_rest(self) -> list[Event]:
        try:
            return self.read()
        except (ValueError, RecursionError):
            return []


def _event(line: bytes) -> Event:
    event = json.loads(line)
    if not isinstance(event, list) or len(event) < 2 or not isinstance(event[0], str):
        raise ValueError("not an event")
    return event
