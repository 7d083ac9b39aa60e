"""Work in several processes that Ctrl-C ends at once and without a word: `Pool`, around the standard library's `ProcessPoolExecutor`.

A terminal tells every process of a command about Ctrl-C. Here only the one that the user started hears it; it drops what waits and ends
the others, whatever they are at. A process that dies by itself is an error of whoever waits for its work, not a wait for ever.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import islice
from multiprocessing.context import BaseContext, ForkContext, ForkProcess, SpawnContext, SpawnProcess
from types import TracebackType
from typing import Any, TypeVar

R = TypeVar("R")


def make_executor(
    processes: int, context: BaseContext, begin: Callable[..., object] | None = None, given: tuple[Any, ...] = ()
) -> ProcessPoolExecutor:
    """The standard library's pool, which lets its program exit whenever its processes die.

    Python 3.10 waits at its exit for the thread that writes work to the processes, which nobody reads any more when they died of it.
    """
    executor = ProcessPoolExecutor(processes, context, begin, given)
    executor._call_queue.cancel_join_thread()  # type: ignore[attr-defined]
    return executor


class Pool:
    """Processes that are started afresh, or copies of this one.

    Args:
        processes: How many, at most.
        begin: Called once in each process, with `given`.
        fork: Copies, which have imported what this process has; only before it has computed with torch, whose threads do not survive that.

    Example:
        >>> with Pool(2) as pool:
        ...     print(list(pool.map(pow, [2, 3], [3, 2])))
        [8, 9]
    """

    def __init__(
        self, processes: int, begin: Callable[..., object] | None = None, given: tuple[Any, ...] = (), *, fork: bool = False
    ) -> None:
        self._executor = make_executor(processes, _Forking() if fork else _Spawning(), begin, given)
        # Python raises Ctrl-C in the main thread, wherever that is: a process that another thread starts is started whole.
        self._starter = ThreadPoolExecutor(1)
        self._futures: list[Future[Any]] = []

    def map(self, function: Callable[..., R], *columns: Iterable[Any], chunksize: int = 1) -> Iterator[R]:
        """`function` of each row of `columns`, in order; a process does `chunksize` rows at a time."""
        rows = zip(*columns, strict=True)
        chunks = iter(lambda: list(islice(rows, chunksize)), [])
        futures = self._starter.submit(lambda: [self._executor.submit(_each, function, chunk) for chunk in chunks]).result()
        self._futures = [future for future in self._futures if not future.done()] + futures
        for future in futures:
            yield from future.result()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._starter.shutdown()
        processes = list((self._executor._processes or {}).values())
        manager: Any = self._executor._executor_manager_thread
        self._executor.shutdown(wait=kind is None, cancel_futures=True)
        if kind is None:
            return
        # First the executor drops what waits: to work that is dropped it could not say that its process has ended.
        while any(not (future.done() or future.running()) for future in self._futures):
            time.sleep(0.01)
        for process in processes:
            process.kill()
            process.join()
        if manager is not None:  # Python, when it exits, would wake it by a pipe that it may be closing just then.
            manager.join()


def _each(function: Callable[..., R], rows: list[tuple[Any, ...]]) -> list[R]:
    return [function(*row) for row in rows]


@contextmanager
def deaf() -> Iterator[None]:
    """What is started here is not told of Ctrl-C, from its first moment on: what a thread blocks is blocked in what it starts."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class _Deaf:
    def start(self) -> None:
        with deaf():
            super().start()  # type: ignore[misc]


class _Spawned(_Deaf, SpawnProcess):
    pass


class _Forked(_Deaf, ForkProcess):
    pass


class _Spawning(SpawnContext):
    Process = _Spawned


class _Forking(ForkContext):
    Process = _Forked
