"""Progress of long work: a bar on standard error for who watches, a small JSON file for who looks later."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from code_reward.files import write_text

SECONDS = 2.0
"""Between two writings of the file."""


class Progress:
    """Counts; `add` is called with what was done and what came of it."""

    def __init__(self, bar: Any, task: Any, path: Path | None) -> None:
        self._bar, self._task, self._path = bar, task, path
        self._start, self._written = time.time(), 0.0
        self.counts: dict[str, int] = {}
        self.done = 0

    def add(self, kind: str, count: int = 1) -> None:
        """`count` more of this kind are done."""
        self.counts[kind] = self.counts.get(kind, 0) + count
        self.done += count
        told = ", ".join(f"{number:,} {name}" for name, number in self.counts.items())
        self._bar.update(self._task, completed=self.done, told=told)
        if time.time() - self._written > SECONDS:
            self.write(finished=False)

    def write(self, *, finished: bool) -> None:
        """Write the file, where there is one: what is done, of what kind, since when, and how fast."""
        if self._path is not None:
            self._written = time.time()
            seconds = self._written - self._start
            figures = {
                "done": self.done,
                "counts": self.counts,
                "seconds": round(seconds, 1),
                "per_second": round(self.done / max(seconds, 1e-9), 1),
            }
            write_text(self._path, json.dumps({**figures, "finished": finished}) + "\n")


@contextmanager
def progress(title: str, path: Path | None = None) -> Iterator[Progress]:
    """A bar, and the file `path` beside it; the file says `finished` only when the body succeeds."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bar

    columns = (TextColumn(title), BarColumn(20), MofNCompleteColumn(), TextColumn("{task.fields[told]}"), TimeElapsedColumn())
    with Bar(*columns, console=Console(stderr=True), transient=True) as bar:
        told = Progress(bar, bar.add_task(title, total=None, told=""), path)
        yield told
        told.write(finished=True)
