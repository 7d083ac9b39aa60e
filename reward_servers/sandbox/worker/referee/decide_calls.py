"""Deciding tests by calls: one child makes them all, the values are judged here. When a call kills the child, the rest get another."""

from __future__ import annotations

from reward_servers.sandbox.worker.referee.ends import Trouble
from reward_servers.sandbox.worker.referee.job import Job
from reward_servers.sandbox.worker.referee.judge import judge_call
from reward_servers.sandbox.worker.referee.plan import Call
from reward_servers.sandbox.worker.referee.process import Event
from reward_servers.sandbox.worker.referee.verdicts import complaint
from reward_servers.sandbox.worker.referee.watch import watch


def decide_calls(job: Job, group: list[list[Call]]) -> None:
    """Add the results of as many tests of the group as one child could decide, at least one. A test is its list of calls."""
    tally = _Tally(job, group)
    work = {"program": job.program, "calls": [call.order() for _, call in tally.calls]}
    link = job.choose(job.program)
    child = job.start(link, "calls", work, steps=len(tally.calls) + 1)
    trouble = watch(link, child, [], job.limits, job.deadline, tally.take) or tally.failure
    job.verdicts.seconds += child.stop().cpu
    if trouble is not None:
        everything = not tally.loaded or trouble.kind == "sandbox_error"
        for _ in range(len(group) - tally.done if everything else 1):
            job.verdicts.add(trouble.kind, trouble.message)


class _Tally:
    """Turns verdicts on calls into verdicts on tests: a test is decided by its first bad call or by its last one."""

    def __init__(self, job: Job, group: list[list[Call]]) -> None:
        self.calls = [(owner, call) for owner, calls in enumerate(group) for call in calls]
        self.done = 0
        self.loaded = False
        self.failure: Trouble | None = None
        self._verdicts = job.verdicts
        self._left = [len(calls) for calls in group]
        self._next = 0
        self._seconds = 0.0

    def take(self, event: Event) -> bool:
        """Hear an event of the child; True when everything is decided."""
        if event[0] == "load_error":
            self.failure = Trouble(complaint(event[1]), str(event[-1])[:500])
            return True
        if event[0] == "loaded":
            self.loaded = True
            self._pass_empty()
        elif self._next < len(self.calls):
            self._judge(event)
        return self._verdicts.finished or self.done == len(self._left)

    def _judge(self, event: Event) -> None:
        owner, call = self.calls[self._next]
        self._next += 1
        if owner < self.done:
            return  # The test has failed already.
        kind, message = judge_call(call, event)
        self._left[owner] -= 1
        self._seconds += float(event[1])
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
