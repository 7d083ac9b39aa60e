"""Files of rows: JSONL, gzipped JSONL and parquet, one pydantic model per row.

A killed writer leaves the old file or none (`code_reward.files`). In parquet a column that is not of one plain type in every row (lists
and mappings, whose shape may differ from row to row as that of tests does; columns that some rows lack) is stored as JSON text. The
file's schema metadata names these columns, so that reading gives back exactly what was written.
"""

from __future__ import annotations

import gzip
import json
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from code_reward.errors import DataError
from code_reward.files import replacing

Row = TypeVar("Row", bound=BaseModel)

_JSON_COLUMNS = b"code_reward.json_columns"


def read_rows(path: str | Path, model: type[Row]) -> list[Row]:
    """Read every row of a `.jsonl`, `.jsonl.gz` or `.parquet` file; raises `DataError` that names the first bad row."""
    path = Path(path)
    rows = []
    for number, record in raw_rows(path):
        try:
            rows.append(model.model_validate(record))
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the row"
            raise DataError(f"{path}, row {number}: {where}: {first['msg']}; correct the row or remove it.") from error
    return rows


def write_rows(path: str | Path, rows: Sequence[BaseModel]) -> None:
    """Write rows to a `.jsonl`, `.jsonl.gz` or `.parquet` file, at once or not at all."""
    path = Path(path)
    records = [row.model_dump(mode="json") for row in rows]
    with replacing(path) as temporary:
        if _format(path) == "parquet":
            _write_parquet(temporary, records)
        else:
            text = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records)
            data = text.encode("utf-8", "surrogatepass")
            # A fixed mtime: the same rows give the same bytes.
            temporary.write_bytes(gzip.compress(data, mtime=0) if _format(path) == "jsonl.gz" else data)


def _format(path: Path) -> str:
    for suffix in ("jsonl", "jsonl.gz", "parquet"):
        if path.name.endswith("." + suffix):
            return suffix
    raise DataError(f"{path}: unknown file type; use .jsonl, .jsonl.gz or .parquet.")


def raw_rows(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Each record, not validated, with its number or line number (from 1); raises `DataError` where the file cannot be read on."""
    path = Path(path)
    kind = _format(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; check the path.", kind="no_such_file")
    if kind == "parquet":
        yield from enumerate(_read_parquet(path), start=1)
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


def _read_parquet(path: Path) -> Iterator[dict[str, Any]]:
    import pyarrow
    import pyarrow.parquet

    try:
        table = pyarrow.parquet.read_table(path)
    except (OSError, pyarrow.ArrowException) as error:
        raise DataError(f"{path} cannot be read as parquet ({error}); fetch or write it again.") from error
    json_columns = set(json.loads((table.schema.metadata or {}).get(_JSON_COLUMNS, b"[]")))
    for record in table.to_pylist():
        # A null in a JSON column is a value that was not there; None was written as the text "null".
        there = {name: value for name, value in record.items() if name not in json_columns or value is not None}
        yield {name: json.loads(value) if name in json_columns else value for name, value in there.items()}


def _write_parquet(path: Path, records: list[dict[str, Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    names = list(dict.fromkeys(name for record in records for name in record))
    plain = {name: _plain_column(records, name) for name in names}
    texts = {name: [json.dumps(r[name]) if name in r else None for r in records] for name in names if plain[name] is None}
    table = pyarrow.table({name: texts.get(name, plain[name]) for name in names})
    pyarrow.parquet.write_table(table.replace_schema_metadata({_JSON_COLUMNS: json.dumps(sorted(texts)).encode()}), path)


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
