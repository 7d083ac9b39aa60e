"""Append-only files of JSON lines that survive `kill -9`: a line is in the file when `append` returns, on the disk within a second.

The forcing to disk happens in a thread, so that an event loop never waits for it. A line that a kill cut short is removed when the file is
opened for writing, and passed over when it is read.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from code_reward.errors import ConfigurationError, DataError

SYNC_SECONDS = 1.0
_BLOCK = 1 << 16


class Appender:
    """A file that lines are added to; only one process may have it open at a time.

    Raises:
        ConfigurationError: Another process is writing to it.
    """

    def __init__(self, path: str | Path) -> None:
        path = Path(path)
        path.parent.mkdir(parents=True, exist_ok=True)
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            os.close(self._fd)
            raise ConfigurationError(f"Another process is writing to {path}; wait for it or use another folder.") from error
        _drop_torn_line(self._fd)
        self._dirty = threading.Event()
        self._closed = threading.Event()
        self._syncer = threading.Thread(target=self._keep_syncing, name=f"sync-{path.name}", daemon=True)
        self._syncer.start()

    def append(self, record: Any) -> None:
        """Add one line. Raises `OSError` when the disk is full."""
        data = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        while data:
            data = data[os.write(self._fd, data) :]
        self._dirty.set()

    def close(self) -> None:
        """Force what was added to the disk and close."""
        self._closed.set()
        self._dirty.set()
        self._syncer.join()
        os.fsync(self._fd)
        os.close(self._fd)

    def _keep_syncing(self) -> None:
        while not self._closed.wait(SYNC_SECONDS if self._dirty.is_set() else 0):
            self._dirty.wait()
            if not self._closed.is_set():
                self._dirty.clear()
                os.fsync(self._fd)


def read_lines(path: Path) -> Iterator[Any]:
    """The records of a file, one at a time; none where there is no file. A last line without an end is passed over.

    Raises:
        DataError: Any other line is not JSON.
    """
    if not path.exists():
        return
    with path.open("rb") as lines:
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):
                return
            try:
                yield json.loads(line)
            except ValueError as error:
                raise DataError(f"{path}, line {number}: not a record ({error}); the disk may be damaged: restore the file.") from error


def _drop_torn_line(fd: int) -> None:
    end = os.fstat(fd).st_size
    while end:
        start = max(end - _BLOCK, 0)
        newline = os.pread(fd, end - start, start).rfind(b"\n")
        if newline >= 0:
            end = start + newline + 1
            break
        end = start
    os.ftruncate(fd, end)
