"""Files of encoded rows: token ids in parquet, written once and read by every start of a run.

A row of pairs has the ids of `chosen` and `rejected` and a `margin`; a row of prefixes has its ids as `chosen`, none as `rejected`, and the
`margin` column holds its value. So one format serves both stages.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from code_reward.errors import DataError
from code_reward.files import replacing

_STAGE = b"code_reward.stage"
_MAKE_IT = "make it with python -m code_reward_slime.reward_model.prepare."


@dataclass(frozen=True)
class EncodedRow:
    """Token ids of a pair, or of a prefix (then `rejected` is empty); `target` is the pair's margin, or the prefix's value."""

    chosen: list[int]
    rejected: list[int]
    target: float
    weight: float


def write_encoded(path: Path, stage: str, rows: Iterable[EncodedRow]) -> None:
    """Write a file, at once or not at all; `stage` is `pairs` or `prefixes`."""
    import pyarrow
    import pyarrow.parquet

    ids = pyarrow.list_(pyarrow.int32())
    fields = [("chosen", ids), ("rejected", ids), ("target", pyarrow.float32()), ("weight", pyarrow.float32())]
    table = pyarrow.Table.from_pylist([asdict(row) for row in rows], schema=pyarrow.schema(fields, metadata={_STAGE: stage.encode()}))
    with replacing(path) as temporary:
        pyarrow.parquet.write_table(table, temporary)


class EncodedRows:
    """A file of encoded rows, its ids in memory as 32-bit integers."""

    def __init__(self, path: Path) -> None:
        import pyarrow
        import pyarrow.parquet

        try:
            self._table: Any = pyarrow.parquet.read_table(path)
        except (OSError, pyarrow.ArrowException) as error:
            raise DataError(f"{path} cannot be read ({error}); {_MAKE_IT}") from error
        metadata = self._table.schema.metadata or {}
        if _STAGE not in metadata or not len(self._table):
            raise DataError(f"{path} holds no encoded rows; {_MAKE_IT}")
        self.stage = metadata[_STAGE].decode()
        self.weights = np.asarray(self._table["weight"], dtype=np.float64)

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, index: int) -> EncodedRow:
        return EncodedRow(**{name: self._table[name][index].as_py() for name in self._table.column_names})
