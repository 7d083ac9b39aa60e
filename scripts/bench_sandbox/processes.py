"""What a measurement and all its workers use. Workers are known by a mark in their environment, which their forks inherit."""

from __future__ import annotations

import os
import resource
from collections.abc import Iterator
from pathlib import Path

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


def footprint() -> str:
    """Memory, descriptors and number of this process and the workers."""
    memory = descriptors = processes = 0
    for folder in [Path("/proc/self"), *workers()]:
        try:
            memory += int((folder / "statm").read_text().split()[1]) * resource.getpagesize()
            descriptors += len(list((folder / "fd").iterdir()))
            processes += 1
        except OSError:
            continue
    return f"{memory >> 20} MB, {descriptors} descriptors, {processes} processes"


def footprint_of(pid: int) -> str:
    """Memory, descriptors and number of a process and all below it."""
    import psutil

    memory = descriptors = processes = 0
    top = psutil.Process(pid)
    for process in [top, *top.children(recursive=True)]:
        try:
            memory += process.memory_info().rss
            descriptors += process.num_fds()
            processes += 1
        except psutil.Error:
            continue
    return f"{memory >> 20} MB, {descriptors} descriptors, {processes} processes"
