"""How a child tells the referee what comes of a program: one JSON line per event in the results file, and a bell.

The bell is not rung for every event: a hung call cannot lose what is in the file before it, and a fast one need not wake the referee.
"""

from __future__ import annotations

import json
import os
import time
from typing import Any

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
        """A message of the referee."""
        message = read_message(self._bell)
        if message is None:
            raise EOFError("the referee is gone")
        return message


def read_message(fd: int) -> bytes | None:
    """A message with its length before it; None at the end."""
    header = _read(fd, 4)
    return None if header is None else _read(fd, int.from_bytes(header, "big"))


def _read(fd: int, size: int) -> bytes | None:
    data = os.read(fd, size)
    while len(data) < size:
        part = os.read(fd, size - len(data))
        if not part:
            return None
        data += part
    return data


def describe(error: BaseException) -> tuple[str, str]:
    """The kind of outcome, and a sentence, for an exception that a program let go."""
    kind = "out_of_memory" if isinstance(error, MemoryError) else "refused" if isinstance(error, PermissionError) else "failed"
    try:
        return kind, f"{type(error).__name__}: {error}"[:500]
    except BaseException:
        return kind, "an exception that cannot be shown"
