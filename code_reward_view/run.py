"""`Run`: the sources of a run's folder, each a table that grows while its files do.

Files of one kind that differ in a number (`rollout_0.pt`, `rollout_1.pt`) are one source. A source is read when somebody wants to see it,
by one thread that reads on every second as long as somebody looks.
"""

from __future__ import annotations

import re
import time
from array import array
from collections.abc import Iterable, Iterator
from pathlib import Path
from threading import Event, Lock, Thread
from typing import Any, Final

from code_reward.errors import CodeRewardError, DataError
from code_reward_view.files import ENDINGS, File, Place, recognise
from code_reward_view.table import Table

PAUSE: Final = 1.0
LOOKED_AT: Final = 15.0
"""Seconds for which a source is followed after somebody asked for it."""
_DEPTH: Final = 4
_SKIP: Final = re.compile(r"\.journal$|^calls\.jsonl$|^\.")


class Source:
    """The answers of one or more files, in the order in which they were read."""

    def __init__(self, number: int, name: str) -> None:
        self.number, self.name = number, name
        self.files: list[File] = []
        self.error = ""
        self.loaded = False
        """Whether everything that was there has been read once."""
        self.wanted_until = 0.0
        self._clear()

    def _clear(self) -> None:
        self.table = Table()
        self._places = (array("l"), array("q"), array("l"))

    @property
    def rank(self) -> tuple[int, int]:
        """What is shown first: files that say most, then large ones."""
        return max(file.rank for file in self.files), sum(_size(file.path) for file in self.files)

    def refresh(self) -> None:
        """Read what is new; all of it again when a file is no longer the one that was read."""
        if any(file.began_anew for file in self.files):
            self.files = [one for file in self.files if (one := recognise(file.path)) is not None] if self.files else []
            self._clear()
        for number, file in enumerate(self.files):
            try:
                for chunk in file.news():
                    self._add(number, chunk)
            except (CodeRewardError, OSError) as error:
                self.error = str(error)
        self.loaded = True

    def _add(self, number: int, chunk: list[tuple[Any, Place]]) -> None:
        files, starts, parts = self._places
        for _, (start, part) in chunk:
            files.append(number)
            starts.append(start)
            parts.append(part)
        self.table.add([entry for entry, _ in chunk])

    def row(self, number: int) -> dict[str, Any]:
        """The whole row of an answer; raises `DataError` where there is none."""
        files, starts, parts = self._places
        if not 0 <= number < len(self.table):
            raise DataError(f"{self.name} has no answer {number}.", kind="no_such_row")
        return self.files[files[number]].row((starts[number], parts[number]))

    def in_order(self, numbers: Iterable[int]) -> list[int]:
        """These answers in the order of their files."""
        return sorted(numbers, key=lambda number: (self._places[0][number], self._places[1][number]))

    def file_of(self, number: int) -> str:
        """The name of the file that an answer stands in."""
        return self.files[self._places[0][number]].path.name

    @property
    def broken(self) -> int:
        """Lines that could not be read."""
        return sum(file.broken for file in self.files)


class Run:
    """A run's folder, or one file.

    Raises `ConfigurationError` or `DataError`: there is nothing at `path`, or no answers in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.sources: list[Source] = []
        self._known: set[Path] = set()
        self._by_name: dict[str, Source] = {}
        self._wake, self._closed, self._lock = Event(), Event(), Lock()
        if not path.exists():
            raise DataError(f"{path} does not exist; give the folder of a run, or a file of answers.", kind="no_such_file")
        self.scan()
        if not self.sources:
            raise DataError(
                f"{path} holds no answers; give the folder of a run, or a file whose rows have a response or a program (docs/formats.md)."
            )

    def scan(self) -> None:
        """Look for files that were not there before."""
        for path in _candidates(self.path):
            if path not in self._known:
                file = recognise(path)
                if file is not None:
                    self._known.add(path)
                    self._source_of(path).files.append(file)

    def _source_of(self, path: Path) -> Source:
        name = re.sub(r"[_-]?\d+(?=(\.[a-z]+)+$)", "", path.name)
        if path != self.path:
            name = re.sub(r"shard-\d+/", "", str(path.relative_to(self.path).with_name(name or path.name)))
        with self._lock:
            if name not in self._by_name:
                self._by_name[name] = Source(len(self.sources), name)
                self.sources.append(self._by_name[name])
            return self._by_name[name]

    @property
    def first(self) -> Source:
        """The source that says most."""
        return max(self.sources, key=lambda source: source.rank)

    def want(self, number: int) -> Source:
        """The source of that number, which is read from here on; raises `DataError` for a number that is not one."""
        if not 0 <= number < len(self.sources):
            raise DataError(f"There is no source {number}.", kind="no_such_row")
        source = self.sources[number]
        source.wanted_until = time.monotonic() + LOOKED_AT
        if not source.loaded:
            self._wake.set()
        return source

    def follow(self) -> Thread:
        """Read in a thread, until `close`."""
        thread = Thread(target=self._follow, name="follow", daemon=True)
        thread.start()
        return thread

    def _follow(self) -> None:
        while not self._closed.is_set():
            for source in [one for one in self.sources if one.wanted_until > time.monotonic()]:
                source.refresh()
            self._wake.wait(PAUSE)
            self._wake.clear()
            self.scan()

    def close(self) -> None:
        """Read no more."""
        self._closed.set()
        self._wake.set()


def _candidates(path: Path) -> Iterator[Path]:
    """The files below `path` that may hold answers, in the order of their names, numbers as numbers."""
    if path.is_file():
        yield path
        return
    found = [one for one in _walk(path, _DEPTH) if one.name.endswith(ENDINGS) and not _SKIP.search(one.name)]
    yield from sorted(found, key=lambda one: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", str(one))])


def _walk(folder: Path, depth: int) -> Iterator[Path]:
    try:
        inside = list(folder.iterdir())
    except OSError:
        return
    for path in inside:
        if path.is_dir() and depth and not path.name.startswith(".") and not path.is_symlink():
            yield from _walk(path, depth - 1)
        elif path.is_file():
            yield path


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return 0
