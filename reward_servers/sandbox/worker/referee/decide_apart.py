"""Deciding tests apart: the tests run in one process, the program in another, and only calls and values pass between them."""

from __future__ import annotations

import socket
from typing import Any

from reward_servers.sandbox.worker.referee.compiling import ready
from reward_servers.sandbox.worker.referee.decide_inline import decide_inline
from reward_servers.sandbox.worker.referee.ends import Trouble, ending
from reward_servers.sandbox.worker.referee.job import Job
from reward_servers.sandbox.worker.referee.process import Event, Process
from reward_servers.sandbox.worker.referee.verdicts import complaint, reported
from reward_servers.sandbox.worker.referee.watch import watch


def decide_apart(job: Job, tests: list[dict[str, Any]], names: list[list[str]], *, may_inline: bool) -> None:
    """Add the results of as many of these tests as one pair of children could decide, at least one.

    A test that gives the program something that cannot cross (a function of its own) runs inline, if it may.
    """
    hearing = _Hearing(job, len(tests))
    examiner, witness = _start(job, tests, names)
    trouble = watch(examiner.link, examiner, [witness], job.limits, job.deadline, hearing.take)
    job.verdicts.seconds += examiner.stop().cpu + witness.stop().cpu
    if hearing.unsendable and may_inline:
        decide_inline(job, tests[len(tests) - hearing.left :][:1])
    elif hearing.unsendable:
        job.verdicts.add("sandbox_error", f"this test hands the program a {hearing.unsendable}, which cannot cross: it must run inline")
    elif trouble is not None or hearing.lost:
        cause = trouble if trouble is not None and trouble.kind != "crashed" else _cause(witness)
        everything = not hearing.loaded or cause.kind == "sandbox_error"
        for _ in range(hearing.left if everything else 1):
            job.verdicts.add(cause.kind, cause.message)


def _start(job: Job, tests: list[dict[str, Any]], names: list[list[str]]) -> tuple[Process, Process]:
    link = job.choose(job.program, tests[0]["code"], tests[0]["kind"])
    ours, theirs = socket.socketpair()
    with ours, theirs:
        witness = job.start(link, "witness", {"program": job.program}, steps=len(tests) + 1, fds=[theirs.fileno()])
        prepared = [(ready(test, strict=False), some) for test, some in zip(tests, names, strict=True)]
        work = {"tests": prepared, "entry_point": job.entry_point}
        return job.start(link, "examiner", work, steps=len(tests) + 1, fds=[ours.fileno()]), witness


def _cause(witness: Process) -> Trouble:
    """Why the program's process ended under the tests."""
    for event in witness.last_events:
        if event[0] == "load_error":
            return Trouble(complaint(event[1]), str(event[-1])[:500])
    return ending(witness.stop().status, started=witness.started, obstacle=witness.obstacle)


class _Hearing:
    def __init__(self, job: Job, tests: int) -> None:
        self.loaded = self.lost = False
        self.unsendable = ""
        self.left = tests
        self._verdicts = job.verdicts

    def take(self, event: Event) -> bool:
        """Hear an event of the tests' process, which no program has touched; True when there is nothing more to hear."""
        what = event[0]
        if what == "loaded":
            self.loaded = True
        elif what == "lost":
            self.lost = True
        elif what == "unsendable":
            self.unsendable = str(event[2])
        elif what == "test":
            self._verdicts.add(reported(event[2]), str(event[3]), seconds=float(event[1]))
            self.left -= 1
        return self.lost or bool(self.unsendable) or self._verdicts.finished or self.left == 0
