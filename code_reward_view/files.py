"""The files of a run: which of them hold answers, what is new in them, and the row of an answer that somebody looks at.

Four kinds: lines of JSON (also gzipped), search trees (a line per tree, an answer per rollout), parquet, and files that are read whole
(slime's dumps and the pages of its rollout log). Lines are read on from where they were left; a line without an end is one that is still
being written. A line that is no JSON is counted, and the rest is read.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Literal

from code_reward.errors import DataError
from code_reward.rows import raw_rows
from code_reward_view.dumps import is_dump, read_samples
from code_reward_view.entry import Entry, entry_of, is_other_turn
from code_reward_view.log_pages import read_page
from code_reward_view.trees import entries_of_tree, is_tree, rows_of_tree

Kind = Literal["lines", "trees", "parquet", "whole"]
Place = tuple[int, int]
"""Where an answer stands: the byte of its line, or the number of its row; and which answer of a tree it is."""

ENDINGS: Final = (".jsonl", ".jsonl.gz", ".parquet", ".pt", ".md")
CHUNK: Final = 2000
_ANSWER: Final = {"response", "completion", "program"}
_TRUE: Final = {"passed", "correct"}
_SAID: Final = {"reward", "score", "verdict", "metadata"}


@dataclass
class File:
    """A file with answers, and how far it was read."""

    path: Path
    kind: Kind
    rank: int
    """How much its rows say of the answers: what is shown first."""
    read: int = 0
    """Bytes of lines, or rows."""
    seen: tuple[int, int] = (0, 0)
    """Inode and, of a file that is read whole, the time of its last change, when it was first read."""
    broken: int = 0
    """Lines that are no JSON."""
    half_written: bool = False

    def news(self) -> Iterator[list[tuple[Entry, Place]]]:
        """What was not read yet, in chunks. Raises `DataError` for a file that cannot be read at all."""
        self.seen = _mark(self)
        readers: dict[Kind, Callable[[File], Iterator[list[tuple[Entry, Place]]]]] = {
            "lines": _read_lines,
            "trees": _read_trees,
            "parquet": _read_parquet,
            "whole": _read_whole,
        }
        yield from readers[self.kind](self)

    @property
    def began_anew(self) -> bool:
        """Whether it is no longer the file that was read."""
        try:
            return bool(self.read) and (_mark(self) != self.seen or (self.kind in ("lines", "trees") and self._size() < self.read))
        except OSError:
            return True

    def _size(self) -> int:
        # What a gzipped file holds is not its size; it is written at once.
        return self.path.stat().st_size if self.path.suffix != ".gz" else self.read

    def row(self, place: Place) -> dict[str, Any]:
        """The row of an answer; raises `DataError` when it is no longer there."""
        start, part = place
        if self.kind == "parquet":
            return dict(_parquet_rows(self.path, self.seen)[start])
        if self.kind == "whole":
            return dict(_whole_rows(self.path, self.seen)[1][start])
        line = _line_at(self.path, start)
        return rows_of_tree(line)[part] if self.kind == "trees" else line


def recognise(path: Path) -> File | None:
    """The file, if it holds answers; None if it does not, or not yet."""
    if path.suffix == ".pt":
        told = is_dump(path)
        return None if told is False else File(path, "whole", rank=5 if told else 0)
    if path.suffix == ".md":
        return File(path, "whole", rank=1) if re.fullmatch(r"rollout_\d+\.md", path.name) else None
    try:
        columns = _columns(path)
    except DataError:
        return None
    if path.suffix != ".parquet" and is_tree(columns):
        return File(path, "trees", rank=3)
    if not _ANSWER & columns.keys():
        return None
    kind: Kind = "parquet" if path.suffix == ".parquet" else "lines"
    return File(path, kind, rank=2 * ("step" in columns) + 2 * bool(_TRUE & columns.keys()) + bool(_SAID & columns.keys()))


def _columns(path: Path) -> dict[str, Any]:
    """The first row, or the columns of a parquet file."""
    if path.suffix == ".parquet":
        import pyarrow
        import pyarrow.parquet

        try:
            return dict.fromkeys(pyarrow.parquet.read_schema(path).names)
        except (OSError, pyarrow.ArrowException) as error:
            raise DataError(f"{path} cannot be read as parquet ({error}).") from error
    for _, row in _lines(path, 0):
        if isinstance(row, dict):
            return row
    return {}


def _open(path: Path) -> Any:
    return gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb")


def _lines(path: Path, start: int) -> Iterator[tuple[tuple[int, int], Any]]:
    """((start, end), row) of every whole line from byte `start`; the row is None where a line is no JSON object."""
    try:
        with _open(path) as file:
            file.seek(start)
            for line in file:
                if not line.endswith(b"\n"):
                    return
                end = start + len(line)
                try:
                    row = json.loads(line)
                except (ValueError, RecursionError):
                    row = None
                if line.strip():
                    yield (start, end), row if isinstance(row, dict) else None
                start = end
    except (OSError, EOFError) as error:
        raise DataError(f"{path} cannot be read ({error}).") from error


def _line_at(path: Path, start: int) -> dict[str, Any]:
    for (found, _), row in _lines(path, start):
        if found == start and isinstance(row, dict):
            return row
        break
    raise DataError(f"{path} has changed; open the page again.")


def _read_lines(file: File) -> Iterator[list[tuple[Entry, Place]]]:
    return _from_lines(file, lambda row: [entry_of(row)])


def _read_trees(file: File) -> Iterator[list[tuple[Entry, Place]]]:
    return _from_lines(file, entries_of_tree)


def _from_lines(file: File, entries: Callable[[dict[str, Any]], list[Entry]]) -> Iterator[list[tuple[Entry, Place]]]:
    chunk: list[tuple[Entry, Place]] = []
    for (start, end), row in _lines(file.path, file.read):
        file.read = end
        if row is None:
            file.broken += 1
            continue
        chunk += [(one, (start, part)) for part, one in enumerate(entries(row))]
        if len(chunk) >= CHUNK:
            yield chunk
            chunk = []
    yield chunk


def _read_parquet(file: File) -> Iterator[list[tuple[Entry, Place]]]:
    chunk: list[tuple[Entry, Place]] = []
    if file.read:
        return
    for start, row in raw_rows(file.path):
        chunk.append((entry_of(row), (start - 1, 0)))
        if len(chunk) >= CHUNK:
            file.read = start
            yield chunk
            chunk = []
    file.read = max(file.read + len(chunk), 1)
    yield chunk


@lru_cache(maxsize=2)
def _parquet_rows(path: Path, seen: tuple[int, int]) -> list[dict[str, Any]]:
    return [row for _, row in raw_rows(path)]


def _read_whole(file: File) -> Iterator[list[tuple[Entry, Place]]]:
    if file.read:
        return
    try:
        step, rows = _whole_rows(file.path, file.seen)
        file.half_written = False
    except DataError as error:
        if error.kind != "half_written":
            raise
        file.half_written = True
        return
    file.read = max(len(rows), 1)
    yield [(entry_of(row, step), (number, 0)) for number, row in enumerate(rows) if not is_other_turn(row)]


@lru_cache(maxsize=4)
def _whole_rows(path: Path, seen: tuple[int, int]) -> tuple[int | None, list[dict[str, Any]]]:
    return read_page(path) if path.suffix == ".md" else read_samples(path)


def _mark(file: File) -> tuple[int, int]:
    status = file.path.stat()
    return status.st_ino, 0 if file.kind in ("lines", "trees") else status.st_mtime_ns
