"""What was said of each answer, on disk: one line per answer, appended when all have judged it; a run that is killed goes on behind it.

A line in which a verdict is missing for our fault is asked for again by the next run, and replaced when all is done. In memory are only the
numbers of such lines. The rows are what `code-reward view` shows: the answer, its verdict, its truth.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

from code_reward.errors import ConfigurationError
from code_reward.files import replacing, write_text
from code_reward.journal import Appender, read_lines
from code_reward_commands.rescore.agreement import NOBODYS


class Records:
    """The lines of one folder; a context manager. `made_of` is what they were made of and by; another is refused.

    Raises `ConfigurationError`: the folder holds the lines of another run or of other judges.
    """

    def __init__(self, folder: Path, made_of: dict[str, Any]) -> None:
        self.path = folder / "answers.jsonl"
        _require_same(folder / "made_of.json", made_of)
        self.count = 0
        """Answers that were judged."""
        self.open: set[int] = set()
        """Those of them that are to be judged again."""
        self._mended = 0
        for row in read_lines(self.path):
            self._mended += row["number"] < self.count
            self.count = max(self.count, row["number"] + 1)
            (self.open.add if _lacks(row) else self.open.discard)(row["number"])
        self._file = Appender(self.path)

    def wants(self, number: int) -> bool:
        """Whether an answer is to be judged."""
        return number >= self.count or number in self.open

    def add(self, row: dict[str, Any]) -> None:
        """Add the line of an answer."""
        self._mended += row["number"] < self.count
        self.count = max(self.count, row["number"] + 1)
        (self.open.add if _lacks(row) else self.open.discard)(row["number"])
        self._file.append(row)

    def rows(self) -> Iterator[dict[str, Any]]:
        """Every answer's last line, in the order of the answers as far as no line was replaced."""
        yield from read_lines(self.path)

    def __enter__(self) -> Records:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()
        if self._mended and kind is None:
            self._drop_replaced()

    def _drop_replaced(self) -> None:
        """Leave out every line that a later one replaces."""
        last = {row["number"]: place for place, row in enumerate(read_lines(self.path))}
        with replacing(self.path) as temporary, temporary.open("wb") as file:
            for place, row in enumerate(read_lines(self.path)):
                if last[row["number"]] == place:
                    file.write(json.dumps(row, separators=(",", ":")).encode() + b"\n")


def _lacks(row: dict[str, Any]) -> bool:
    said = [record for record in row["said"].values() if record is not None]
    return any(record["verdict"] == "missing" and record["reason"] != NOBODYS for record in said)


def _require_same(path: Path, made_of: dict[str, Any]) -> None:
    text = json.dumps(made_of, sort_keys=True, indent=1) + "\n"
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise ConfigurationError(f"{path.parent} holds what came of other rollouts or other judges; give another --out, or remove it.")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_text(path, text)
