"""Times of work on a device that answers before it is done."""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from time import perf_counter

import torch


def wait() -> None:
    """Until the device has nothing left to do."""
    if torch.cuda.is_available():
        torch.cuda.synchronize()


def seconds_of(work: Callable[[], object], rounds: int) -> float:
    """The median time of `rounds` runs, after one that is not counted."""
    times = []
    for number in range(rounds + 1):
        wait()
        began = perf_counter()
        work()
        wait()
        times.append(perf_counter() - began)
        if number == 0:
            times.clear()
    return median(times)


def peak_gib() -> float | None:
    """The most memory that tensors have had on the device since the start; None where there is none."""
    return torch.cuda.max_memory_allocated() / (1 << 30) if torch.cuda.is_available() else None
