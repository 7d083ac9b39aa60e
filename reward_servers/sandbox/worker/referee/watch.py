"""Waiting for children: until they end, have said enough, or have used up their time."""

from __future__ import annotations

import math
import select
import time
from collections.abc import Callable
from typing import Any

from reward_servers.sandbox.worker.referee.ends import Trouble, ending
from reward_servers.sandbox.worker.referee.link import Link
from reward_servers.sandbox.worker.referee.process import Event, Process

_SLACK = 0.01
_PATIENCE = 0.003
_GARBAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, ArithmeticError)


def watch(
    link: Link, main: Process, others: list[Process], limits: dict[str, Any], deadline: float, take: Callable[[Event], bool]
) -> Trouble | None:
    """Feed the events of `main` to `take` until it returns True or `main` ends; stop every process; None when `take` had enough.

    The CPU time of all processes since the last event counts against `cpu_seconds`, the clock against `deadline`. What `take` raises over
    events that are not what they should be means that the program tampered with them.
    """
    trouble = None
    satisfied = False
    # Most programs end within this time, and their end is all there is to wake up for.
    link_only, patience = True, _PATIENCE
    try:
        while trouble is None and not satisfied:
            trouble = _wait(link, main, others, limits, deadline, patience, link_only)
            link_only, patience = False, math.inf
            ended = main.check_end()
            for process in (main, *others):
                process.listen()
            satisfied, heard = _feed(main, take)
            if ended:
                break
            if heard:
                for process in (main, *others):
                    process.mark()
    except _GARBAGE:
        trouble = Trouble("crashed", "the results cannot be read")
    finally:
        ends = [process.stop() for process in (main, *others)]
    if satisfied:
        return None
    return trouble or ending(ends[0].status, started=main.started, obstacle=main.obstacle)


def _feed(main: Process, take: Callable[[Event], bool]) -> tuple[bool, bool]:
    events = main.read()
    return any(take(event) for event in events), bool(events)


def _wait(
    link: Link, main: Process, others: list[Process], limits: dict[str, Any], deadline: float, patience: float, link_only: bool
) -> Trouble | None:
    """Sleep until there may be news, at most `patience` seconds; trouble when a limit is reached."""
    wall = deadline - time.monotonic()
    if wall <= 0:
        return Trouble("timeout", f"no end after {limits['wall_seconds']:g} s of wall time")
    cpu = limits["cpu_seconds"] + _SLACK - sum(process.cpu_used() for process in (main, *others))
    if cpu <= 0:
        return Trouble("timeout", f"more than {limits['cpu_seconds']:g} s of CPU time")
    poller = select.poll()
    poller.register(link, select.POLLIN)
    if not link_only:
        poller.register(main.bell, select.POLLIN)
    poller.poll(max(min(wall, cpu, patience), 0.001) * 1000)
    return None
