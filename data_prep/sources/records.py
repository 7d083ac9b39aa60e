"""Rows of published files, checked against the columns that a source needs.

A source names its columns as a pydantic model; this module reads the file whatever its container (a JSON array, or what
`code_reward.rows` reads) and turns rows into problems. Every complaint names the file and the row.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, ValidationError

from code_reward.errors import DataError
from code_reward.extraction import REASONS
from code_reward.rows import column_names, explain, lacking_columns, raw_rows, read_rows
from code_reward.validity import check_program

LEFT_OUT = "left_out"
"""Kind of the error that stands for a row of no use, which is counted and never raised alone."""
MISFIT = "misfit"
"""Kind of the error of a file without the columns that its source wants."""


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
    except (FileNotFoundError, NotADirectoryError):
        raise DataError(f"{path} does not exist; check the path.", kind="no_such_file") from None
    except (OSError, EOFError, ValueError) as error:
        raise DataError(f"{path} cannot be read as JSON ({error}); fetch it again.") from error


def from_json(value: object) -> object:
    """A column that is published as JSON text, read; an empty one, and what is no text, stays as it is."""
    return json.loads(value) if isinstance(value, str) and value else value


def each(path: str | Path, rows: Sequence[Any], convert: Callable[[Any], T]) -> list[T]:
    """Convert every row; a `DataError` or a failed validation is raised again with the file and the row's number (from 1)."""
    return list(_unless_wrong(_converted(path, enumerate(rows, start=1), convert)))


def left_out(why: str) -> DataError:
    """To be raised for a row that is as published and of no use; `why` is a few words, under which such rows are counted."""
    return DataError(why, kind=LEFT_OUT)


def read_problems(path: str | Path, model: type[R], convert: Callable[[R], Item | None], *, repeats: bool = False) -> list[Item]:
    """What `convert` makes of every row of a file: problems, or their forerunners, or None for a row that is not wanted.

    Also checks that no id occurs twice, and that some row came to something.
    """
    return list(_unless_wrong(survey_problems(path, model, convert, repeats=repeats)))


def survey_problems(
    path: str | Path, model: type[R], convert: Callable[[R], Item | None], *, repeats: bool = False
) -> Iterator[Item | DataError]:
    """The same row by row, with the error in the place of a row that is wrong; raises `DataError` if the file itself cannot be read.

    With `repeats` a second row of an id is left out: in a set that has a row for every answer, or whose ids are digests.
    """
    seen: set[str] = set()

    def once(row: Any) -> Item | None:
        converted = convert(model.model_validate(row))
        if converted is None:
            return None
        if converted.id in seen and repeats:
            raise left_out("the same problem again")
        if converted.id in seen:
            raise DataError(f"the id {converted.id!r} occurs a second time; give every problem its own.")
        seen.add(converted.id)
        return converted

    rows = raw_records(Path(path), columns_of(model))
    return (one for one in _converted(path, rows, once, model) if one is not None)


def has_column(path: Path, name: str) -> bool:
    """Whether a file is of the form that has this column; of a file that is one array, whether its first row has it."""
    if path.name.endswith((".json", ".json.gz")):
        return name in next((row for row in _array(path) if isinstance(row, dict)), {})
    return name in column_names(path)


def columns_of(model: type[BaseModel]) -> list[str]:
    """The columns that a model reads, under each name that it knows for them."""
    return [name for field, info in model.model_fields.items() for name in _names(field, info.validation_alias)]


def _names(field: str, alias: Any) -> list[str]:
    if isinstance(alias, AliasChoices):
        return [str(choice) for choice in alias.choices]
    return [alias or field]


def raw_records(path: Path, columns: Sequence[str] | None = None) -> Iterator[tuple[int, Any]]:
    """Every row as it stands, with its number from 1; raises `DataError` where the file cannot be read.

    Of a parquet file only `columns` are read, where they are given.
    """
    if not path.name.endswith((".json", ".json.gz")):
        yield from raw_rows(path, columns)
        return
    yield from enumerate(_array(path), start=1)


def _converted(
    path: str | Path, rows: Iterable[tuple[int, Any]], convert: Callable[[Any], T], model: type[BaseModel] | None = None
) -> Iterator[T | DataError]:
    for number, row in rows:
        try:
            yield convert(row)
        except ValidationError as error:
            yield _misfit(Path(path), model, error) or DataError(f"{path}, row {number}: {explain(error, row)}")
        except DataError as error:
            yield error if error.kind == LEFT_OUT else DataError(f"{path}, row {number}: {error}", kind=error.kind)


def _misfit(path: Path, model: type[BaseModel] | None, error: ValidationError) -> DataError | None:
    """That a file is of another set, or of another form of it; None where it has all columns that are wanted."""
    lacking = lacking_columns(error)
    if model is None or not lacking or path.name.endswith((".json", ".json.gz")):
        return None
    columns = column_names(path)
    if not set(lacking) - set(columns):
        return None
    wanted = [name for name, field in model.model_fields.items() if field.is_required()]
    return DataError(
        f"{path} has the columns {', '.join(columns)}; this source wants {', '.join(wanted)}, so it lacks {', '.join(lacking)}: "
        "give the published file, or read it as another source (docs/real_data.md lists their columns).",
        kind=MISFIT,
    )


def _unless_wrong(rows: Iterable[T | DataError]) -> Iterator[T]:
    """The rows themselves; raises for the first that is wrong, and where every row is left out."""
    came, without = 0, Counter[str]()
    for row in rows:
        if not isinstance(row, DataError):
            came += 1
            yield row
        elif row.kind == LEFT_OUT:
            without[str(row)] += 1
        else:
            raise row
    if without and not came:
        raise DataError(f"All {without.total()} rows are left out ({', '.join(without)}); give another file.")


def checked(program: str, column: str, entry_point: str | None = None) -> str:
    """The program itself; raises `DataError` naming the column if it does not parse, is a stub, or does not define the entry point."""
    reason = check_program(program, entry_point)
    if reason is not None:
        raise DataError(f"{column}: {REASONS[reason]}; correct the row or remove it.")
    return program
