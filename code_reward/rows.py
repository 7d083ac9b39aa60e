"""Files of rows: JSONL, gzipped JSONL and parquet, one pydantic model per row.

A killed writer leaves the old file or none (`code_reward.files`). In parquet a column whose
values are lists or mappings is stored as JSON text, because rows of one file may differ in shape (tests of several kinds); the file's
schema metadata names these columns, so that reading gives back exactly what was written.
"""

from __future__ import annotations

import gzip
import json
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
    for number, record in enumerate(_records(path), start=1):
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


def _records(path: Path) -> Iterator[dict[str, Any]]:
    kind = _format(path)
    if not path.exists():
        raise DataError(f"{path} does not exist; check the path.", kind="no_such_file")
    if kind == "parquet":
        yield from _read_parquet(path)
        return
    opener = gzip.open if kind == "jsonl.gz" else open
    try:
        with opener(path, "rt", encoding="utf-8", errors="surrogatepass", newline="\n") as lines:
            for number, line in enumerate(lines, start=1):
                if line.strip():
                    yield _parse(path, number, line)
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise DataError(f"{path} cannot be read ({error}); fetch or write it again.") from error


def _parse(path: Path, number: int, line: str) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except json.JSONDecodeError as error:
        raise DataError(f"{path}, row {number}: not JSON ({error.msg}); the file may be cut short.") from error
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
        yield {key: json.loads(value) if key in json_columns and value is not None else value for key, value in record.items()}


def _write_parquet(path: Path, records: list[dict[str, Any]]) -> None:
    import pyarrow
    import pyarrow.parquet

    names = list(dict.fromkeys(name for record in records for name in record))
    json_columns = sorted(name for name in names if any(isinstance(record.get(name), (list, dict)) for record in records))
    columns = {
        name: [json.dumps(value) if name in json_columns and value is not None else value for value in (r.get(name) for r in records)]
        for name in names
    }
    table = pyarrow.table(columns).replace_schema_metadata({_JSON_COLUMNS: json.dumps(json_columns).encode()})
    pyarrow.parquet.write_table(table, path)
