"""Journals: append-only files of JSON lines that survive `kill -9`, so that long work goes on where it was stopped.

`Appender` adds lines: one is in the file when `append` returns, on the disk within a second (the forcing happens in a thread, so that an
event loop never waits for it). `read_lines` reads them, one at a time. `Journal` is a file of keyed records that is held in memory whole:
what `data_prep.label` needs, where a search's ledger (`data_prep.llm.ledger`) holds only what may still be asked for. A line that a kill
or a full disk cut short is removed, and passed over by readers.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from code_reward.errors import ConfigurationError, DataError

SYNC_SECONDS = 1.0
_BLOCK = 1 << 16


class Appender:
    """A file that lines are added to; only one process may have it open at a time.

    Raises:
        ConfigurationError: Another process is writing to it.
    """

    _failure: OSError | None = None

    def __init__(self, path: str | Path) -> None:
        self._path = path = Path(path)
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
        """Add one line, whole or not at all; raises `ConfigurationError` when the disk takes no more."""
        if self._failure is not None:
            raise self._refusal(self._failure)
        data = json.dumps(record, separators=(",", ":")).encode() + b"\n"
        end, written = os.fstat(self._fd).st_size, 0
        try:
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError as error:
            os.ftruncate(self._fd, end)
            raise self._refusal(error) from error
        self._dirty.set()

    def _refusal(self, error: OSError) -> ConfigurationError:
        return ConfigurationError(f"{self._path} cannot be written ({error.strerror}); make room and give the same command again.")

    def close(self) -> None:
        """Force what was added to the disk and close; raises `ConfigurationError` if any of it may not have got there."""
        self._closed.set()
        self._dirty.set()
        self._syncer.join()
        try:
            # A sync that failed is not made good by a later one that succeeds: the system forgets what it could not write.
            if self._failure is None:
                os.fsync(self._fd)
        except OSError as error:
            self._failure = error
        finally:
            os.close(self._fd)
        if self._failure is not None:
            raise self._refusal(self._failure)

    def _keep_syncing(self) -> None:
        while not self._closed.wait(SYNC_SECONDS if self._dirty.is_set() else 0):
            self._dirty.wait()
            if not self._closed.is_set():
                self._dirty.clear()
                try:
                    os.fsync(self._fd)
                except OSError as error:
                    # Told by the next append, or by closing: this thread has nobody to tell.
                    self._failure = error
                    return


class Journal:
    """A file of keyed records, read whole when opened; a context manager. Only one process may have it open.

    Args:
        path (`Path`): The file; made if absent. A last record that a kill cut short is dropped.

    Raises:
        DataError: The file is not a journal.
        ConfigurationError: Another process has it open.
    """

    def __init__(self, path: str | Path) -> None:
        self.records: dict[str, Any] = {}
        self._file = Appender(path)
        try:
            for number, record in enumerate(read_lines(Path(path)), start=1):
                if not isinstance(record, dict) or record.keys() != {"key", "value"}:
                    raise DataError(f"{path}, line {number}: not a journal record; remove the file to start anew.")
                self.records[record["key"]] = record["value"]
        except DataError:
            self._file.close()
            raise

    def write(self, key: str, value: Any) -> None:
        """Add a record; a later one with the same key replaces an earlier one."""
        self.records[key] = value
        self._file.append({"key": key, "value": value})

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()


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
