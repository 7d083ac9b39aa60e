"""The published rows of a task set, checked for their columns and named."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from benchmarks.sets.task_set import Row
from code_reward.errors import DataError
from code_reward.rows import raw_rows
from data_prep.sources.hub import Part, locate


def published_rows(path: Path, part: Part, columns: Sequence[str], *, key: str, wanted: str) -> dict[str, Row]:
    """The rows of a file, of a folder of files, or of a data set on the hub, by their column `key`, the oldest file's order kept.

    Raises `DataError` for a row without one of `columns`; `wanted` says what to give instead.
    """
    tasks: dict[str, Row] = {}
    for file in locate(path, part):
        for number, row in raw_rows(file):
            for column in columns:
                if column not in row:
                    raise DataError(f"{file}, row {number}: no column {column!r}; give {wanted}.")
            tasks[row[key]] = row
    return tasks
