"""Rows of published files, checked against the columns that a source needs.

A source names its columns as a pydantic model; this module reads the file whatever its container (a JSON array, or what
`code_reward.rows` reads) and turns rows into problems. Every complaint names the file and the row.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import BaseModel, ConfigDict, ValidationError

from code_reward.errors import DataError
from code_reward.extraction import REASONS
from code_reward.rows import raw_rows, read_rows
from code_reward.validity import check_program


class Record(BaseModel):
    """Base of a source's columns; columns that the source does not name are left out."""

    model_config = ConfigDict(extra="ignore")


class Identified(Protocol):
    """Anything with an id."""

    @property
    def id(self) -> str: ...


R = TypeVar("R", bound=Record)
T = TypeVar("T")
Item = TypeVar("Item", bound=Identified)


def read_records(path: str | Path, model: type[R]) -> list[R]:
    """Read `.json`, `.json.gz` (one array of objects), `.jsonl`, `.jsonl.gz` or `.parquet`; raises `DataError` naming the first bad row."""
    path = Path(path)
    if not path.name.endswith((".json", ".json.gz")):
        return read_rows(path, model)
    return each(path, _array(path), model.model_validate)


def _array(path: Path) -> list[Any]:
    rows = read_json(path)
    if not isinstance(rows, list):
        raise DataError(f"{path} holds a {type(rows).__name__}, not a list of rows; check that it is the published file.")
    return rows


def read_json(path: str | Path) -> Any:
    """Read a whole `.json` or `.json.gz` file; raises `DataError` if it is absent or not JSON."""
    path = Path(path)
    try:
        data = path.read_bytes()
        return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)
    except FileNotFoundError:
        raise DataError(f"{path} does not exist; check the path.", kind="no_such_file") from None
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} cannot be read as JSON ({error}); fetch it again.") from error


def from_json(value: object) -> object:
    """A column that is published as JSON text, read; an empty one, and what is no text, stays as it is."""
    return json.loads(value) if isinstance(value, str) and value else value


def each(path: str | Path, rows: Sequence[Any], convert: Callable[[Any], T]) -> list[T]:
    """Convert every row; a `DataError` or a failed validation is raised again with the file and the row's number (from 1)."""
    return list(_unless_wrong(_converted(path, enumerate(rows, start=1), convert)))


def read_problems(path: str | Path, model: type[R], convert: Callable[[R], Item | None]) -> list[Item]:
    """What `convert` makes of every row of a file: problems, or their forerunners, or None for a row that is not wanted.

    Also checks that no id occurs twice.
    """
    return list(_unless_wrong(survey_problems(path, model, convert)))


def survey_problems(path: str | Path, model: type[R], convert: Callable[[R], Item | None]) -> Iterator[Item | DataError]:
    """The same row by row, with the error in the place of a row that is wrong; raises `DataError` if the file itself cannot be read."""
    seen: set[str] = set()

    def once(row: Any) -> Item | None:
        converted = convert(model.model_validate(row))
        if converted is None:
            return None
        if converted.id in seen:
            raise DataError(f"the id {converted.id!r} occurs a second time; give every problem its own.")
        seen.add(converted.id)
        return converted

    return (one for one in _converted(path, raw_records(Path(path)), once) if one is not None)


def raw_records(path: Path) -> Iterator[tuple[int, Any]]:
    """Every row as it stands, with its number from 1; raises `DataError` where the file cannot be read."""
    if not path.name.endswith((".json", ".json.gz")):
        yield from raw_rows(path)
        return
    yield from enumerate(_array(path), start=1)


def _converted(path: str | Path, rows: Iterable[tuple[int, Any]], convert: Callable[[Any], T]) -> Iterator[T | DataError]:
    for number, row in rows:
        try:
            yield convert(row)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the row"
            yield DataError(f"{path}, row {number}: {where}: {first['msg']}; correct the row or remove it.")
        except DataError as error:
            yield DataError(f"{path}, row {number}: {error}", kind=error.kind)


def _unless_wrong(rows: Iterable[T | DataError]) -> Iterator[T]:
    for row in rows:
        if isinstance(row, DataError):
            raise row
        yield row


def checked(program: str, column: str, entry_point: str | None = None) -> str:
    """The program itself; raises `DataError` naming the column if it does not parse, is a stub, or does not define the entry point."""
    reason = check_program(program, entry_point)
    if reason is not None:
        raise DataError(f"{column}: {REASONS[reason]}; correct the row or remove it.")
    return program
