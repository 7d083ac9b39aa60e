"""Files of rows: JSONL, gzipped JSONL and parquet, one pydantic model per row.

A killed writer leaves the old file or none (`code_reward.files`). In parquet a column that is not of one plain type in every row (lists
and mappings, whose shape may differ from row to row as that of tests does; columns that some rows lack) is stored as JSON text. The
file's schema metadata names these columns, so that reading gives back exactly what was written.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from types import TracebackType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from code_reward.errors import DataError
from code_reward.files import replacing

Row = TypeVar("Row", bound=BaseModel)
T = TypeVar("T")

_JSON_COLUMNS = b"code_reward.json_columns"
_GROUP_CHARACTERS = 8 << 20
"""Text that a row group of a file that is written row by row may hold, beyond its last row."""
_BUFFER = 1 << 20
"""Bytes of a parquet column that are read ahead, where else a row group's whole column would be; and of rows that are decoded together."""
_BATCH = 16
"""Rows of a parquet file that are read together; some data sets have megabytes a row."""


def read_rows(path: str | Path, model: type[Row]) -> list[Row]:
    """Read every row of a `.jsonl`, `.jsonl.gz` or `.parquet` file; raises `DataError` that names the first bad row."""
    path = Path(path)
    rows = []
    for number, record in raw_rows(path):
        try:
            rows.append(model.model_validate(record))
        except ValidationError as error:
            raise DataError(f"{path}, row {number}: {explain(error, record)}") from error
    return rows


def read_all(paths: Sequence[str | Path], model: type[Row]) -> list[Row]:
    """The rows of several files together; raises `DataError` for a file that has none, so that nothing is never taken for a result."""
    return [row for path in paths for row in at_least_one(read_rows(path, model), f"{path} has no rows; give a file that does.")]


def at_least_one(rows: Sequence[T], otherwise: str) -> Sequence[T]:
    """The rows themselves; where there are none raises `DataError` with what is to be said then."""
    if not rows:
        raise DataError(otherwise, kind="empty")
    return rows


def explain(error: ValidationError, record: Any) -> str:
    """What is wrong with a row, and what to do: of columns that are not there, which ones there are."""
    lacking = lacking_columns(error)
    if lacking and isinstance(record, dict):
        return f"no column {', '.join(lacking)} among {', '.join(record) or 'none at all'}; rename yours, or give the right file."
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"]) or "the row"
    return f"{where}: {first['msg']}; correct the row or remove it."


def lacking_columns(error: ValidationError) -> list[str]:
    """The columns that a row lacks."""
    return [str(one["loc"][0]) for one in error.errors() if one["type"] == "missing" and len(one["loc"]) == 1]


def write_rows(path: str | Path, rows: Sequence[BaseModel]) -> None:
    """Write rows to a `.jsonl`, `.jsonl.gz` or `.parquet` file, at once or not at all."""
    path = Path(path)
    if _format(path) == "parquet":
        with replacing(path) as temporary:
            _write_parquet(temporary, [row.model_dump(mode="json") for row in rows])
        return
    with writing_rows(path) as write:
        for row in rows:
            write(row)


@contextmanager
def writing_rows(path: str | Path, group: int = 2000) -> Iterator[Callable[[BaseModel], None]]:
    """Give a function that adds a row to a file, for more rows than memory has room for; the file appears when the body succeeds.

    Args:
        path: A `.jsonl`, `.jsonl.gz` or `.parquet` file.
        group: Rows of a parquet file that are held and written together, fewer where they are large; the first group decides which
            columns there are and of which types.

    Raises:
        DataError: Another ending, or rows of a parquet file that are not like those of the first group.
    """
    path = Path(path)
    kind = _format(path)
    with replacing(path) as temporary:
        if kind == "parquet":
            with _Groups(temporary, group) as groups:
                yield groups.add
            return
        # A fixed mtime and no name: the same rows give the same bytes.
        with temporary.open("wb") as raw, gzip.GzipFile("", "wb", fileobj=raw, mtime=0) if kind == "jsonl.gz" else nullcontext(raw) as file:

            def add(row: BaseModel) -> None:
                file.write(_line(row))

            yield add


def _line(row: BaseModel) -> bytes:
    return (json.dumps(row.model_dump(mode="json"), ensure_ascii=False) + "\n").encode("utf-8", "surrogatepass")


class _Groups:
    """A parquet file of row groups."""

    def __init__(self, path: Path, size: int) -> None:
        self._path, self._size = path, size
        self._records: list[dict[str, Any]] = []
        self._characters = 0
        self._writer: Any = None

    def __enter__(self) -> _Groups:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if kind is None and (self._records or self._writer is None):
            self._flush()
        if self._writer is not None:
            self._writer.close()

    def add(self, row: BaseModel) -> None:
        self._records.append(row.model_dump(mode="json"))
        self._characters += _size(self._records[-1])
        if len(self._records) == self._size or self._characters > _GROUP_CHARACTERS:
            self._flush()

    def _flush(self) -> None:
        import pyarrow.parquet

        table = _table(self._records, self._writer.schema) if self._writer else _table(self._records, leave_open=True)
        if self._writer is None:
            self._writer = pyarrow.parquet.ParquetWriter(self._path, table.schema)
        self._writer.write_table(table)
        self._records, self._characters = [], 0


def _size(value: Any) -> int:
    """The characters of all texts in a record, about what it takes in memory."""
    if isinstance(value, str):
        return len(value)
    if isinstance(value, dict):
        return sum(map(_size, value.values()))
    return sum(map(_size, value)) if isinstance(value, list) else 0


def _format(path: Path) -> str:
    for suffix in ("jsonl", "jsonl.gz", "parquet"):
        if path.name.endswith("." + suffix):
            return suffix
    raise DataError(f"{path}: unknown file type; use .jsonl, .jsonl.gz or .parquet.")


def raw_rows(path: str | Path, columns: Sequence[str] | None = None) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each record, not validated, with its number or line number (from 1), a few in memory at a time.

    Args:
        path: A `.jsonl`, `.jsonl.gz` or `.parquet` file.
        columns: Columns to decode of a parquet file, where it has them; None: all.

    Raises:
        DataError: The file cannot be read on.
    """
    path = Path(path)
    kind = _format(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; check the path.", kind="no_such_file")
    if kind == "parquet":
        yield from enumerate(_read_parquet(path, columns), start=1)
        return
    opener = gzip.open if kind == "jsonl.gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", errors="surrogatepass", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield number, _parse(path, number, line)
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); fetch or write it again.") from error


def _parse(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}, row {number}: not JSON that can be read ({error}); the file may be cut short.") from error
    if not isinstance(record, dict):
        raise DataError(f"{path}, row {number}: a {type(record).__name__}, not an object; write one JSON object per line.")
    return record


def column_names(path: str | Path) -> list[str]:
    """The columns of a parquet file, or those that the first row of a file of lines has; empty where there is no row."""
    if _format(Path(path)) == "parquet":
        import pyarrow.parquet

        return list(pyarrow.parquet.read_schema(path).names)
    return next((list(record) for _, record in raw_rows(path)), [])


def _read_parquet(path: Path, columns: Sequence[str] | None) -> Iterator[dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        # Without a buffer ahead, and group by group: what was read would stay in memory to the end of the file.
        with pyarrow.parquet.ParquetFile(path, pre_buffer=False, buffer_size=_BUFFER) as file:
            schema = file.schema_arrow
            json_columns = set(json.loads((schema.metadata or {}).get(_JSON_COLUMNS, b"[]")))
            wanted = None if columns is None else [name for name in schema.names if name in columns]
            # Without any of them the first column serves to count the rows: which are lacking is for others to say.
            chosen = wanted or schema.names[: None if wanted is None else 1]
            for group in range(file.num_row_groups):
                for batch in file.iter_batches(_BATCH, row_groups=[group], columns=chosen):
                    yield from (_restored(record, json_columns) for record in _records(batch))
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path} cannot be read as parquet ({error}); fetch or write it again.") from error


def _records(batch: Any) -> Iterator[dict[str, Any]]:
    """The rows of a batch; large ones one at a time, because Python's objects are what takes the memory."""
    step = len(batch) if batch.nbytes < _BUFFER else 1
    for first in range(0, len(batch), step):
        yield from batch.slice(first, step).to_pylist()


def _restored(record: dict[str, Any], json_columns: set[str]) -> dict[str, Any]:
    # A null in a JSON column is a value that was not there; None was written as the text "null".
    there = {name: value for name, value in record.items() if name not in json_columns or value is not None}
    return {name: json.loads(value) if name in json_columns else value for name, value in there.items()}


def _write_parquet(path: Path, records: list[dict[str, Any]]) -> None:
    import pyarrow.parquet

    pyarrow.parquet.write_table(_table(records), path)


def _table(records: list[dict[str, Any]], schema: Any = None, leave_open: bool = False) -> Any:
    """The records as an arrow table; of the form of `schema`, or a `DataError`, if that is given.

    With `leave_open` a column of nothing but None becomes JSON text, so that rows to come may have anything in it.
    """
    import pyarrow

    names = list(dict.fromkeys(name for record in records for name in record)) if schema is None else schema.names
    as_text = None if schema is None else set(json.loads(schema.metadata[_JSON_COLUMNS]))
    plain = {name: None if as_text and name in as_text else _plain_column(records, name) for name in names}
    if leave_open:
        plain = {name: None if column is not None and column.null_count == len(column) else column for name, column in plain.items()}
    texts = {name: [json.dumps(r[name]) if name in r else None for r in records] for name in names if plain[name] is None}
    table = pyarrow.table({name: texts.get(name, plain[name]) for name in names})
    table = table.replace_schema_metadata({_JSON_COLUMNS: json.dumps(sorted(texts)).encode()})
    if schema is None:
        return table
    try:
        if {name for record in records for name in record} <= set(names) and texts.keys() == as_text:
            return table.cast(schema)
    except (pyarrow.ArrowException, ValueError) as error:
        raise DataError(f"A row is not like the rows before it ({error}); write them at once.") from error
    raise DataError("A row has other columns, or other types, than the rows before it; write them at once.")


def _plain_column(records: list[dict[str, Any]], name: str) -> Any:
    """The column as an arrow array; None where arrow would not give back exactly these values."""
    import pyarrow

    values = [record.get(name) for record in records]
    types = {type(value) for value in values} - {type(None)}
    if len(types) > 1 or not types <= {str, int, float, bool} or not all(name in record for record in records):
        return None
    try:
        return pyarrow.array(values)
    except (pyarrow.ArrowException, OverflowError, UnicodeEncodeError):
        return None
