"""A job under way: the program, its limits, the zygotes that fork for it, and the results so far."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from reward_servers.sandbox.worker.protocol import connect_pair
from reward_servers.sandbox.worker.referee.disk import LOOK_SECONDS, overfull
from reward_servers.sandbox.worker.referee.ends import Trouble
from reward_servers.sandbox.worker.referee.link import Link
from reward_servers.sandbox.worker.referee.process import Process
from reward_servers.sandbox.worker.referee.verdicts import Verdicts
from reward_servers.sandbox.worker.referee.watch import Listener, watch

_HEAVY_MODULES = ("numpy", "pandas", "scipy", "sympy", "pytest", "unittest", "asyncio", "dataclasses")
_CORES = os.cpu_count() or 1
_SIGN_SECONDS = 10.0
"""How often the caller is told that a job is under way."""


class Zygotes:
    """The light zygote, and the one with the slow imports done, which is forked from it when first needed."""

    def __init__(self, light: Link) -> None:
        self._light = light
        self._heavy: Link | None = None
        self.absent: list[str] = []
        """What that one would import but is not installed; known once it is there."""

    def choose(self, *sources: str) -> Link:
        """The zygote for these sources."""
        if not any(module in source for source in sources for module in _HEAVY_MODULES):
            return self._light
        if self._heavy is None:
            self._heavy = self._warm()
        return self._heavy

    def _warm(self) -> Link:
        ours, theirs = connect_pair()
        with theirs:
            self._light.send(("warm", 0), [theirs.fileno()])
        link = Link(ours)
        self.absent = link.hear_ready()
        return link


@dataclass
class Job:
    """One program and its tests, being decided."""

    program: str
    entry_point: str | None
    limits: dict[str, Any]
    deadline: float
    zygotes: Zygotes
    verdicts: Verdicts
    sign: Callable[[], None]
    """Tells the caller that the job is under way."""
    folders: Sequence[str] = ()
    """Folders of the host that the program fills, where it has no file system of its own."""
    signed: float = field(default_factory=time.monotonic)
    looked: float = 0.0

    @property
    def out_of_time(self) -> bool:
        return time.monotonic() > self.deadline

    def choose(self, *sources: str) -> Link:
        """The zygote for these sources; the time to start it is not the program's."""
        began = time.monotonic()
        link = self.zygotes.choose(*sources)
        self.deadline += time.monotonic() - began
        return link

    def lacks(self, module: str) -> bool:
        """Whether this one of the slow modules is not installed where the sandbox runs."""
        self.choose(module)
        return module in self.zygotes.absent

    def watch(
        self, link: Link, role: str, work: dict[str, Any], listener: Listener, *, steps: int, fds: Sequence[int] = ()
    ) -> Trouble | None:
        """Fork a child for a role and hear it out; `steps` is how many times it may use up the CPU limit. See `watch.watch`.

        Time for which it ran or waited for a core is no time that it slept away, so the deadline moves by as much.
        """
        longest = self.limits["wall_seconds"] * _CORES + self.limits["cpu_seconds"] * steps
        child = Process(link, role, work, {**self.limits, "cpu_total": longest}, fds)
        try:
            return watch(child, listener, self.limits, self.deadline, self._look)
        finally:
            cpu = child.stop().cpu
            child.close()
            self.verdicts.seconds += cpu
            self.deadline += cpu + child.kept_waiting

    def _look(self) -> Trouble | None:
        now = time.monotonic()
        if now - self.signed > _SIGN_SECONDS:
            self.signed = now
            self.sign()
        if not self.folders or now - self.looked < LOOK_SECONDS:
            return None
        trouble = Trouble("refused", "more files, or larger ones, than a program may leave") if overfull(self.folders) else None
        self.looked = time.monotonic()
        return trouble
