"""Deciding tests inline: they run in the program's process, whose word is taken for the verdict if it knows the secret of the tests."""

from __future__ import annotations

import marshal
import secrets
from typing import Any

from reward_servers.sandbox.worker.referee.compiling import ready
from reward_servers.sandbox.worker.referee.ends import Trouble
from reward_servers.sandbox.worker.referee.job import Job
from reward_servers.sandbox.worker.referee.process import Event
from reward_servers.sandbox.worker.referee.verdicts import complaint, reported
from reward_servers.sandbox.worker.referee.watch import watch


def decide_inline(job: Job, tests: list[dict[str, Any]]) -> None:
    """Add the results of as many of these tests as one child could decide, at least one."""
    hearing = _Hearing(job, len(tests))
    tests = [ready(test, strict=True) for test in tests]
    frameworks = tests[0]["kind"] in ("unittest", "pytest")
    link = job.choose(job.program, tests[0]["code"], tests[0]["kind"])
    work = {"program": job.program, "entry_point": job.entry_point, "frameworks": frameworks}
    child = job.start(link, "inline", work, steps=len(tests) + 1)
    child.keep_tests(marshal.dumps({"tests": tests, "secret": hearing.secret}))
    trouble = watch(link, child, [], job.limits, job.deadline, hearing.take) or hearing.failure
    job.verdicts.seconds += child.stop().cpu
    if trouble is not None:
        everything = not hearing.loaded or trouble.kind == "sandbox_error"
        for _ in range(hearing.left if everything else 1):
            job.verdicts.add(trouble.kind, trouble.message, sealed=False)


class _Hearing:
    def __init__(self, job: Job, tests: int) -> None:
        self.secret = secrets.token_hex(16)
        self.loaded = False
        self.left = tests
        self.failure: Trouble | None = None
        self._verdicts = job.verdicts

    def take(self, event: Event) -> bool:
        """Hear an event of the child; True when everything is decided. A verdict without the secret is not the tests'."""
        if event[0] == "load_error":
            self.failure = Trouble(complaint(event[1]), str(event[-1])[:500])
            return True
        if event[0] == "loaded":
            self.loaded = True
        elif event[2] == self.secret and self.left:
            self._verdicts.add(reported(event[3]), str(event[4]), seconds=float(event[1]), sealed=False)
            self.left -= 1
        return self._verdicts.finished or self.left == 0
