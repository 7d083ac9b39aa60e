"""A journal of finished work, one keyed record each, so that a killed run goes on where it stopped."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

from code_reward.errors import DataError
from data_prep.llm.append import Appender, read_lines


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
