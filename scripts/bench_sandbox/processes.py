"""What a measurement and all its workers use. Workers are known by a mark in their environment, which their forks inherit."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

_MARK = "CODE_REWARD_BENCH"


def mark_workers() -> None:
    """From now on, workers of this process are counted as its own."""
    from reward_servers.sandbox import handle

    handle._ENVIRONMENT[_MARK] = str(os.getpid())


def workers() -> Iterator[Path]:
    """The folders under /proc of the marked processes."""
    mark = f"{_MARK}={os.getpid()}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                yield folder
        except OSError:
            continue


def cpu_seconds() -> float:
    """CPU time so far of this process, of its children that have ended, and of the workers and their children that have ended."""
    usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    own = sum(usage.ru_utime + usage.ru_stime for usage in usages)
    ticks = sum(sum(map(int, (folder / "stat").read_text().rpartition(")")[2].split()[11:15])) for folder in workers())
    return own + ticks / os.sysconf("SC_CLK_TCK")


class Footprint(NamedTuple):
    """What some processes hold."""

    memory_mb: int
    descriptors: int
    processes: int

    def __str__(self) -> str:
        return f"{self.memory_mb} MB, {self.descriptors} descriptors, {self.processes} processes"


def footprint() -> Footprint:
    """Of this process and the workers."""
    return _sum([os.getpid(), *(int(folder.name) for folder in workers())])


def footprint_of(pid: int) -> Footprint:
    """Of a process and all below it."""
    import psutil

    return _sum([pid, *(process.pid for process in psutil.Process(pid).children(recursive=True))])


def _sum(pids: Iterable[int]) -> Footprint:
    memory = descriptors = processes = 0
    for pid in set(pids):
        try:
            memory += int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * resource.getpagesize()
            descriptors += len(list(Path(f"/proc/{pid}/fd").iterdir()))
            processes += 1
        except OSError:
            continue
    return Footprint(memory >> 20, descriptors, processes)
