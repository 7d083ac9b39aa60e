"""The referee's end of the line to a zygote: order forks, hear of ends."""

from __future__ import annotations

import marshal
import resource
import socket
import sys
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
        self._orders = 0
        self._base_memory = 0

    def fileno(self) -> int:
        return self._control.fileno()

    def hear_ready(self) -> Any:
        """The zygote's first message, which it sends when it can fork."""
        data, extra, _, _ = self._control.recvmsg(1 << 16, socket.CMSG_SPACE(12))
        if not data:
            raise ZygoteLost("the zygote did not start")
        self._base_memory = _virtual_memory(int.from_bytes(extra[0][2][:4], sys.byteorder))
        return marshal.loads(data)

    def fork(self, role: str, limits: dict[str, Any], fds: Sequence[int]) -> int:
        """Have a child forked that inherits `fds`; a number to ask for it by."""
        self._orders += 1
        memory = self._base_memory + (limits["memory_mb"] << 20)
        self.send(("fork", self._orders, role, {**limits, "address_space": memory}), fds)
        return self._orders

    def kill(self, number: int) -> None:
        """Have a child killed, and all that came of it; harmless when it has ended."""
        self.send(("kill", number))

    def send(self, order: tuple[Any, ...], fds: Sequence[int] = ()) -> None:
        try:
            socket.send_fds(self._control, [marshal.dumps(order)], fds)
        except OSError as error:
            raise ZygoteLost(str(error)) from error

    def poll_end(self, number: int) -> End | None:
        """The end of this child, if it is known by now."""
        while number not in self._ends and self._hear(socket.MSG_DONTWAIT):
            pass
        return self._ends.pop(number, None)

    def wait_end(self, number: int) -> End:
        """Wait for the end of this child."""
        while number not in self._ends:
            self._hear(0)
        return self._ends.pop(number)

    def _hear(self, flags: int) -> bool:
        try:
            data = self._control.recv(1 << 12, flags)
        except BlockingIOError:
            return False
        except OSError as error:
            raise ZygoteLost(str(error)) from error
        if not data:
            raise ZygoteLost("the zygote ended")
        number, status, cpu = marshal.loads(data)
        self._ends[number] = End(status, cpu)
        return True


def _virtual_memory(pid: int) -> int:
    """Bytes of address space before any program: a program's own memory limit starts there."""
    with open(f"/proc/{pid}/statm") as file:
        return int(file.read().split()[0]) * resource.getpagesize()
