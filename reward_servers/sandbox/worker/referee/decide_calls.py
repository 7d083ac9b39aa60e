"""Deciding tests by calls: one child makes them all, the values are judged here. When a call kills the child, the rest get another."""

from __future__ import annotations

from typing import Any

from reward_servers.sandbox.worker.referee.ends import Trouble
from reward_servers.sandbox.worker.referee.job import Job
from reward_servers.sandbox.worker.referee.judge import judge_call, room_for
from reward_servers.sandbox.worker.referee.plan import Calls
from reward_servers.sandbox.worker.referee.process import Event
from reward_servers.sandbox.worker.referee.verdicts import duration, failure


def work_of(program: str, group: list[Calls]) -> dict[str, Any]:
    """What the program's process is given: no more than the calls."""
    imports = list(dict.fromkeys(source for test in group for source in test.imports))
    calls = [(number, call.code, call.truth) for number, test in enumerate(group) for call in test.calls]
    return {"program": program, "imports": imports, "calls": calls, "scopes": [test.scope() for test in group]}


def decide_calls(job: Job, group: list[Calls]) -> None:
    """Add the results of as many tests of the group as one child could decide, at least one."""
    tally = _Tally(job, group)
    trouble = job.watch(job.choose(job.program), "calls", work_of(job.program, group), tally, steps=len(group) + 1) or tally.failure
    if trouble is not None:
        everything = not tally.loaded or trouble.kind == "sandbox_error"
        for _ in range(len(group) - tally.done if everything else 1):
            job.verdicts.add(trouble.kind, trouble.message)


class _Tally:
    """Turns verdicts on calls into verdicts on tests: a test is decided by its first bad call or by its last one."""

    def __init__(self, job: Job, group: list[Calls]) -> None:
        self.done = 0
        self.loaded = False
        self.failure: Trouble | None = None
        self._calls = [(owner, call) for owner, test in enumerate(group) for call in test.calls]
        self._verdicts = job.verdicts
        self._left = [len(test.calls) for test in group]
        self._next = 0
        self._seconds = 0.0

    @property
    def steps(self) -> int:
        return self.done + self.loaded

    def room(self) -> int:
        return room_for(self._calls[self._next][1]) if self.loaded and self._next < len(self._calls) else 0

    def take(self, event: Event) -> bool:
        if event[0] == "load_error" and not self.loaded:
            self.failure = Trouble(*failure(event[1], event[2]))
            return True
        if event[0] == "loaded" and not self.loaded:
            self.loaded = True
            self._pass_empty()
        elif self.loaded and self._next < len(self._calls):
            self._judge(event)
        return self._verdicts.finished or self.done == len(self._left)

    def _judge(self, event: Event) -> None:
        if event[0] in ("loaded", "load_error"):
            return  # Once is enough; it is the program that says so.
        owner, call = self._calls[self._next]
        self._next += 1
        if owner < self.done:
            return  # The test has failed already.
        kind, message = judge_call(call, event)
        self._left[owner] -= 1
        self._seconds += duration(event[1]) if len(event) > 1 else 0.0
        if kind != "passed" or self._left[owner] == 0:
            self._verdicts.add(kind, message, seconds=self._seconds)
            self.done += 1
            self._seconds = 0.0
            self._pass_empty()

    def _pass_empty(self) -> None:
        """A test without calls (trivial asserts only) passes once the program loads."""
        while self.done < len(self._left) and self._left[self.done] == 0:
            self._verdicts.add("passed")
            self.done += 1
