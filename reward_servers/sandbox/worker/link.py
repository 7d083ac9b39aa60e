"""The referee's end of the line to a zygote: order forks, hear of ends."""

from __future__ import annotations

import json
import select
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any


class ZygoteLost(Exception):
    """The zygote is gone: our failure, not a program's."""


@dataclass(frozen=True)
class End:
    """How a child ended: the status of wait(2) and its CPU seconds."""

    status: int
    cpu: float


class Link:
    """A connected zygote. Every method raises `ZygoteLost` when it is no longer there."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._ends: dict[int, End] = {}

    def fileno(self) -> int:
        return self._control.fileno()

    def fork(self, role: str, limits: dict[str, Any], fds: Sequence[int]) -> int:
        """Have a child forked that inherits `fds`; its pid as this process sees it."""
        self.send({"do": "fork", "role": role, "limits": limits}, fds)
        while (message := self._hear()) is not None:
            if "pid" in message:
                return int(message["pid"])
        raise AssertionError

    def send(self, order: dict[str, Any], fds: Sequence[int] = ()) -> None:
        try:
            socket.send_fds(self._control, [json.dumps(order).encode()], list(fds))
        except OSError as error:
            raise ZygoteLost(str(error)) from error

    def poll_end(self, pid: int) -> End | None:
        """The end of this child, if it is known by now."""
        while pid not in self._ends and select.select([self._control], [], [], 0)[0]:
            self._hear()
        return self._ends.pop(pid, None)

    def wait_end(self, pid: int) -> End:
        """Wait for the end of this child."""
        while pid not in self._ends:
            self._hear()
        return self._ends.pop(pid)

    def _hear(self) -> dict[str, Any]:
        try:
            data = self._control.recv(1 << 16)
        except OSError as error:
            raise ZygoteLost(str(error)) from error
        if not data:
            raise ZygoteLost("the zygote ended")
        message: dict[str, Any] = json.loads(data)
        if "ended" in message:
            self._ends[message["ended"]] = End(message["status"], message["cpu"])
        return message
