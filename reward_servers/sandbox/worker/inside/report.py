"""How a child tells the referee what comes of a program: one JSON line per event in the results file, and a bell.

The bell is not rung for every event: a hung call cannot lose what is in the file before it, and a fast one need not wake the referee.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

from reward_servers.sandbox.worker.protocol import FAILED, NO_MEMORY, NO_RIGHT

_QUIET = 0.002


class Report:
    """The child's side of the results file `results` and of the bell `bell`, a socket."""

    def __init__(self, results: int, bell: int) -> None:
        self._results = results
        self._bell = bell
        self._clock = time.perf_counter
        self._write = os.write
        self._encode = json.JSONEncoder(separators=(",", ":")).encode
        self._rung = self._clock()

    def write(self, *event: Any) -> None:
        """Write one event; ring if the bell has been quiet for long."""
        line = self._encode(event).encode() + b"\n"
        while line:
            line = line[self._write(self._results, line) :]
        if self._clock() - self._rung > _QUIET:
            self.ring(b"!")

    def ring(self, sound: bytes) -> None:
        self._rung = self._clock()
        self._write(self._bell, sound)

    def receive(self) -> bytes:
        """A message of the referee, with its length before it."""
        return self._read(int.from_bytes(self._read(4), "big"))

    def _read(self, size: int) -> bytes:
        parts = []
        while size:
            part = os.read(self._bell, min(size, 1 << 20))
            if not part:
                raise EOFError("the referee is gone")
            parts.append(part)
            size -= len(part)
        return b"".join(parts)


def describe(error: BaseException) -> tuple[int, str]:
    """How an exception that a program let go is to be taken, and a sentence."""
    flag = NO_MEMORY if isinstance(error, MemoryError) else NO_RIGHT if isinstance(error, PermissionError) else FAILED
    try:
        return flag, f"{type(error).__name__}: {error}"[:500]
    except BaseException:
        return flag, "an exception that cannot be shown"
