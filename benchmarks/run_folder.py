"""The folder of a run: what it was begun with, its journals, and how far it is.

A run goes on where it was stopped, but only as itself: a command that would ask otherwise, or another model, is refused.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.verdicts import Judged
from code_reward.errors import ConfigurationError
from code_reward.files import write_text
from code_reward.rows import read_rows, write_rows

SETUP = "setup.json"
JUDGED = "answers.jsonl.gz"
PROGRESS = "progress.json"
_SECONDS = 2.0


def begin(folder: Path, setup: dict[str, Any]) -> None:
    """Take `folder` for a run with this setup; raises `ConfigurationError` if it holds another run."""
    known = begun_with(folder)
    if known:
        other = sorted(name for name in known.keys() | setup.keys() if known.get(name) != setup.get(name))
        if other:
            raise ConfigurationError(
                f"{folder} holds a run with another {' and '.join(other)} ({known.get(other[0])!r}, now {setup.get(other[0])!r}); "
                "choose another --out, or give the command as it was."
            )
    elif folder.exists() and any(folder.iterdir()):
        raise ConfigurationError(f"{folder} holds something that is no run of this command; choose another --out.")
    else:
        write_text(folder / SETUP, json.dumps(setup, indent=1) + "\n")


def begun_with(folder: Path) -> dict[str, Any]:
    """The setup of the run in `folder`; empty where there is none."""
    path = folder / SETUP
    return json.loads(path.read_bytes()) if path.exists() else {}


def write_judged(folder: Path, judged: Sequence[Judged]) -> None:
    """Every answer with its verdicts, in one file."""
    write_rows(folder / JUDGED, judged)


def read_judged(folder: Path) -> list[Judged]:
    """What another run has written; raises `ConfigurationError` where there is no finished run."""
    if not (folder / JUDGED).is_file():
        raise ConfigurationError(f"{folder} holds no finished run ({JUDGED}); give the folder of one.")
    return read_rows(folder / JUDGED, Judged)


class Progress:
    """How far a stage is: a bar in the terminal and, for who looks from elsewhere, `progress.json`; a context manager."""

    def __init__(self, folder: Path, stage: str, total: int, done: int = 0) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
        from rich.progress import Progress as Bar

        self._path, self._stage, self._total, self._done = folder / PROGRESS, stage, total, done
        self._written, self._begun = 0.0, time.time()
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
        self._bar = Bar(*columns, TextColumn("{task.fields[note]}"))
        self._task = self._bar.add_task(stage, total=total, completed=done, note="")

    def __enter__(self) -> Progress:
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._write("")
        self._bar.stop()

    def advance(self, note: str = "") -> None:
        """One more is done."""
        self._done += 1
        self._bar.update(self._task, advance=1, note=note)
        if time.time() - self._written > _SECONDS:
            self._write(note)

    def _write(self, note: str) -> None:
        self._written = time.time()
        state = {"stage": self._stage, "done": self._done, "total": self._total, "seconds": round(self._written - self._begun, 1)}
        write_text(self._path, json.dumps(state | ({"note": note} if note else {})) + "\n")
