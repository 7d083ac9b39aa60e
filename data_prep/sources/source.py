"""`Source`: how one data set's published file becomes problems."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from code_reward.errors import DataError, explain
from code_reward.problem import Problem
from data_prep.sources.hub import Part


@dataclass(frozen=True)
class Source:
    """A problem source; third parties add theirs as the kind `problem_source` of `code_reward.plugins`.

    Args:
        read: From a file to its problems; raises `DataError` that names the first malformed row.
        origin: Where the file is published, and its licence.
        rows: From a file to its problems row by row, with the error in the place of a malformed row: for data sets of millions of rows,
            of which some always are. Absent: `read` and its strictness.
        hub: Its name on the Hugging Face hub, which is read where no file is given; empty where it is not there.
        part: Which of its rows, unless somebody says otherwise.
    """

    read: Callable[[Path], list[Problem]]
    origin: str
    rows: Callable[[Path], Iterator[Problem | DataError]] | None = None
    hub: str = ""
    part: Part = field(default_factory=Part)

    def survey(self, path: Path) -> Iterator[Problem | DataError]:
        """The problems of a file, and the error of each row that is none; raises `DataError`."""
        with _told(path):
            yield from self.read(path) if self.rows is None else self.rows(path)

    def every(self, path: Path) -> list[Problem]:
        """The problems of a file; raises `DataError` that names the first malformed row."""
        with _told(path):
            return self.read(path)


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """A row that makes no `Problem` is the file's fault, whoever's source made it."""
    try:
        yield
    except ValidationError as error:
        raise DataError(f"{path}: a row makes no problem ({explain(error)}); correct it, or the source that reads it.") from error
