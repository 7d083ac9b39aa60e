"""Waiting for a child: until it ends, has said enough, or has used up its time."""

from __future__ import annotations

import select
import time
from collections.abc import Callable
from typing import Any, Protocol

from reward_servers.sandbox.worker.referee.ends import Trouble, ending
from reward_servers.sandbox.worker.referee.process import Event, Process

_SLACK = 0.01
_PATIENCE = 0.003
_LOOK_SECONDS = 0.05
"""How often the clocks of a child are looked at that gives no sign."""
GARBAGE = (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, ArithmeticError)
"""What reading raises when it is not what it should be."""


class Listener(Protocol):
    """What makes something of a child's events."""

    @property
    def steps(self) -> int:
        """How far the child has come. With each step it may use up the CPU limit again; so a step is what cannot be done twice."""
        ...

    def room(self) -> int:
        """How many bytes the next event may have beyond those that any event may."""
        ...

    def take(self, event: Event) -> bool:
        """Hear an event; True when there is nothing more to hear. Raises for what a child never writes."""
        ...


def watch(
    child: Process, listener: Listener, limits: dict[str, Any], deadline: float, look: Callable[[], Trouble | None]
) -> Trouble | None:
    """Feed the child's events to the listener until that has enough or the child ends; stop it; None when the listener had enough.

    The CPU time since the last step counts against `cpu_seconds`; the clock counts against `deadline` while it
    neither runs nor waits for a core; `look` is called again and again and may find trouble of another kind. What the listener raises over
    events that are not what they should be means that the program tampered with them.
    """
    trouble = None
    # Most programs end within this time, and their end is all there is to wake up for.
    patience, bell = _PATIENCE, False
    try:
        while trouble is None:
            trouble = _wait(child, limits, deadline, patience, bell) or look()
            ended, before = child.check_end(), listener.steps
            heard = child.listen()
            if _feed(child, listener):
                return None
            if ended:
                break
            if listener.steps != before:
                child.mark()
            # Who rings and has nothing new to say is not listened to for a moment.
            bell = heard and not (bell and listener.steps == before)
            patience = _PATIENCE if heard and not bell else _LOOK_SECONDS
    except GARBAGE:
        trouble = Trouble("crashed", "the results cannot be read")
    finally:
        end = child.stop()
    try:
        if _feed(child, listener):  # What was said between the last look and the end.
            return None
    except GARBAGE:
        trouble = trouble or Trouble("crashed", "the results cannot be read")
    return trouble or ending(end.status, started=child.started, obstacle=child.obstacle)


def _feed(child: Process, listener: Listener) -> bool:
    return any(listener.take(event) for event in child.read(listener.room))


def _wait(child: Process, limits: dict[str, Any], deadline: float, patience: float, bell: bool) -> Trouble | None:
    """Sleep until there may be news, at most `patience` seconds; trouble when a limit is reached."""
    used, since = child.cpu()
    wall = deadline + used + child.kept_waiting - time.monotonic()
    if wall <= 0:
        return Trouble("timeout", f"no end after {limits['wall_seconds']:g} s of wall time")
    cpu = limits["cpu_seconds"] + _SLACK - since
    if cpu <= 0:
        return Trouble("timeout", f"more than {limits['cpu_seconds']:g} s of CPU time")
    poller = select.poll()
    poller.register(child.link, select.POLLIN)
    if bell:
        poller.register(child.bell, select.POLLIN)
    poller.poll(max(min(wall, cpu, patience), 0.001) * 1000)
    return None
