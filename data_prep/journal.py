"""An append-only journal: one JSON line per finished piece of work, so that a killed run goes on where it stopped.

A line is written at once and forced to the disk at most a second later, so a killed process loses nothing and a machine that loses power
at most that second. A line that a kill cut short is dropped when the journal is opened again.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from code_reward.errors import DataError

SYNC_SECONDS = 1.0


class Journal:
    """A file of keyed records, read whole when opened; a context manager. Only one process may write to it at a time.

    Args:
        path (`Path`): The file; made if absent. Raises `DataError` if a line before the last is not a record.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self.records: dict[str, Any] = {}
        self._file: BinaryIO = self._path.open("a+b")
        self._read()
        self._synced = time.monotonic()

    def write(self, key: str, value: Any) -> None:
        """Add a record; a later one with the same key replaces an earlier one."""
        self.records[key] = value
        self._file.write(json.dumps({"key": key, "value": value}).encode() + b"\n")
        self._file.flush()
        if time.monotonic() - self._synced >= SYNC_SECONDS:
            self._sync()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._sync()
        self._file.close()

    def _sync(self) -> None:
        os.fsync(self._file.fileno())
        self._synced = time.monotonic()

    def _read(self) -> None:
        self._file.seek(0)
        whole, _, rest = self._file.read().rpartition(b"\n")
        if rest:
            self._file.truncate(len(whole) + 1 if whole else 0)
        for number, line in enumerate(whole.splitlines(), start=1):
            try:
                record = json.loads(line)
                self.records[record["key"]] = record["value"]
            except (ValueError, KeyError, TypeError) as error:
                raise DataError(f"{self._path}, line {number}: not a journal record; remove the file to start anew.") from error
