"""Much at once, and nothing lost when it stops: what is under way is waited for, since its calls are paid for."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")


async def all_of(work: Iterable[Awaitable[T]]) -> list[T]:
    """The results in order. When some fail, the others are waited for, and then the first failure in order is raised."""
    results = []
    for result in await asyncio.gather(*work, return_exceptions=True):
        if isinstance(result, BaseException):
            raise result
        results.append(result)
    return results


async def results_of(items: Sequence[S], do: Callable[[S], Awaitable[T]], at_once: int) -> list[T]:
    """What `do` returns for each item, in order; as `work_off`."""
    results: dict[int, T] = {}

    async def keep(number: int) -> None:
        results[number] = await do(items[number])

    await work_off(iter(range(len(items))), keep, at_once)
    return [results[number] for number in range(len(items))]


async def work_off(items: Iterator[T], do: Callable[[T], Awaitable[None]], at_once: int) -> None:
    """Do `do` with every item, `at_once` at a time. When one fails, no other is begun; raised when those under way have ended."""
    failed: list[BaseException] = []

    async def work() -> None:
        try:
            for item in items:
                if failed:
                    return
                await do(item)
        except BaseException as error:
            failed.append(error)
            raise

    await asyncio.gather(*(work() for _ in range(at_once)), return_exceptions=True)
    if failed:
        raise failed[0]
