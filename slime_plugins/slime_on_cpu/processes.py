"""All processes of one run, however deep and whoever their parent is by now, and the shared memory that they leave.

They share a mark in their environment; some of Ray's own are started without it, and are known by the name of the run's folder, which Ray
gives to all of them on the command line.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

MARK = "SLIME_ON_CPU_RUN"
SHARED_MEMORY = "/dev/shm/"
LOOK_SECONDS = 2.0


def name_of(run: str) -> str:
    """The beginning of the name of the run's folder."""
    return f"ray-{run}-"


def of_run(run: str) -> list[psutil.Process]:
    """The processes that were started with this mark or with the run's folder, this one excepted."""
    return [process for process in psutil.process_iter() if process.pid != os.getpid() and _is_of(process, run)]


def wait_for_end(run: str, seconds: float) -> list[psutil.Process]:
    """Give the run's processes time to end by themselves; those that have not."""
    deadline = time.monotonic() + seconds
    while (left := of_run(run)) and time.monotonic() < deadline:
        time.sleep(0.2)
    return left


def end(left: Sequence[psutil.Process], run: str) -> Iterator[str]:
    """End what is left of a run, and what that has started meanwhile, and say what it was."""
    while left:
        # Held first: what one of them does when another has ended, such as to remove what they share, is ours to do.
        for process in left:
            with suppress(psutil.Error):
                process.suspend()
        for process in left:
            try:
                yield f"{process.pid} {process.name()}"
                process.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(left, timeout=3)
        left = of_run(run)


class SharedMemory:
    """The files in shared memory that the processes of a run have open. One that is killed leaves its own."""

    def __init__(self, run: str) -> None:
        self._run = run
        self._next = 0.0
        self._files: set[str] = set()

    def look(self) -> None:
        """Remember what is open now; looks every few seconds only."""
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + LOOK_SECONDS
        for process in of_run(self._run):
            self._files |= _shared_files(process.pid)

    def remove(self) -> None:
        """Remove what is left of it, when the run is over, unless somebody else has it open."""
        others = {name for process in psutil.process_iter() for name in _shared_files(process.pid)} if self._files else set()
        for name in self._files - others:
            Path(name).unlink(missing_ok=True)


def _shared_files(pid: int) -> set[str]:
    try:
        lines = Path(f"/proc/{pid}/maps").read_text(errors="replace").splitlines()
    except OSError:
        return set()
    # "7f… rw-s 00000000 00:18 INODE /dev/shm/name". By the number: whoever made a semaphore has it under a name that is gone since.
    mapped = {int(line.split()[4]) for line in lines if SHARED_MEMORY in line}
    return {entry.path for entry in os.scandir(SHARED_MEMORY) if entry.inode() in mapped} if mapped else set()


def _is_of(process: psutil.Process, run: str) -> bool:
    try:
        if process.status() == psutil.STATUS_ZOMBIE:
            return False
        return process.environ().get(MARK) == run or any(name_of(run) in word for word in process.cmdline())
    except psutil.Error:
        return False
