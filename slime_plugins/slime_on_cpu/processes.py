"""All processes of one run, however deep and whoever their parent is by now: they share a mark in their environment."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator

import psutil

MARK = "SLIME_ON_CPU_RUN"


def of_run(run: str) -> list[psutil.Process]:
    """The processes that were started with this mark, this one excepted."""
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _mark_of(process) == run]


def wait_for_end(run: str, seconds: float) -> list[psutil.Process]:
    """Give the run's processes time to end by themselves; those that have not."""
    deadline = time.monotonic() + seconds
    while (left := of_run(run)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def end(run: str) -> Iterator[str]:
    """End what is left of a run, and say what it was."""
    for process in of_run(run):
        try:
            yield f"{process.pid} {process.name()}"
            process.kill()
        except psutil.NoSuchProcess:
            continue


def _mark_of(process: psutil.Process) -> str | None:
    try:
        return None if process.status() == psutil.STATUS_ZOMBIE else process.environ().get(MARK)
    except psutil.Error:
        return None
