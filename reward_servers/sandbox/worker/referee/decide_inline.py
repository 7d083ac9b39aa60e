"""Deciding tests inline: they run in the program's process as Python runs them, and what passes is confirmed by counter-tests.

The first run shows the program the test as it is. That a test failed is believed. That it passed is believed when the program, in processes
of their own that know nothing of each other, also answers the counter-tests as only a right program can (`falsify`).
"""

from __future__ import annotations

import ast
import marshal
import secrets
import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from reward_servers.sandbox.worker.protocol import FINE, TEST_FILE
from reward_servers.sandbox.worker.referee.ends import Trouble
from reward_servers.sandbox.worker.referee.falsify import CounterTest, counter_tests, program_names
from reward_servers.sandbox.worker.referee.job import Job
from reward_servers.sandbox.worker.referee.process import Event
from reward_servers.sandbox.worker.referee.verdicts import duration, failure

_UNCOMPILABLE = (SyntaxError, ValueError, RecursionError, MemoryError)


@dataclass
class InlineTest:
    """A test as it is, ready to be run; and its counter-tests, which are made when a program first passes it."""

    test: dict[str, Any]
    entry_point: str | None

    @cached_property
    def order(self) -> dict[str, Any]:
        """The test with its code compiled, where it is not pytest's to compile."""
        return self._order(self.test["code"])

    @cached_property
    def counters(self) -> list[tuple[CounterTest, dict[str, Any]]]:
        """Counter-tests and how to order them. Drawn once: no program can tell another what it saw."""
        try:
            code, kind = self.test["code"], self.test["kind"]
            names = program_names(code, self.test.get("module"), self.entry_point)
            made = counter_tests(kind, code, names, secrets.randbits(64))
            return [(counter, self._order(ast.unparse(counter.tree))) for counter in made]
        except _UNCOMPILABLE:
            return []

    def _order(self, source: str) -> dict[str, Any]:
        order = {"source": source, "module": self.test.get("module", "")}
        try:
            if self.test["kind"] != "pytest":
                order["compiled"] = marshal.dumps(compile(source, TEST_FILE, "exec", dont_inherit=True))
        except _UNCOMPILABLE:
            pass  # Running it will say so.
        return order


def decide_inline(job: Job, tests: list[InlineTest]) -> None:
    """Add the results of as many of these tests, all of one kind, as one child could decide, at least one."""
    hearing = _Hearing(len(tests), job.verdicts.stop)
    trouble = _run(job, [test.order for test in tests], tests[0].test, hearing)
    passed = [test for test, end in zip(tests, hearing.ends, strict=False) if end[0] == "passed"]
    refusals = _counter(job, passed)
    for test, (kind, message, seconds) in zip(tests, hearing.ends, strict=False):
        if kind == "passed" and id(test) in refusals:
            kind, message = refusals[id(test)]
        job.verdicts.add(kind, message, seconds=seconds, sealed=kind != "passed")
    if trouble is not None:
        everything = not hearing.loaded or trouble.kind == "sandbox_error"
        for _ in range(len(tests) - len(hearing.ends) if everything else 1):
            job.verdicts.add(trouble.kind, trouble.message)


def _run(job: Job, orders: list[dict[str, Any]], test: dict[str, Any], hearing: _Hearing) -> Trouble | None:
    work = {"program": job.program, "entry_point": job.entry_point, "kind": test["kind"], "tests": orders}
    link = job.choose(job.program, test["code"], test["kind"])
    return job.watch(link, "inline", work, hearing, steps=len(orders) + 1) or hearing.failure


def _counter(job: Job, tests: list[InlineTest]) -> dict[int, tuple[str, str]]:
    """What is to be said instead of `passed`, by the id of the test: of those whose counter-tests the program does not stand."""
    refused: dict[int, tuple[str, str]] = {}
    began = time.monotonic()
    for turn in range(max((len(test.counters) for test in tests), default=0)):
        left = [test for test in tests if turn < len(test.counters) and id(test) not in refused]
        hearing = _Hearing(len(left), stop=False)
        trouble = _run(_anew(job), [test.counters[turn][1] for test in left], left[0].test, hearing) if left else None
        if trouble is not None and trouble.kind == "sandbox_error":
            return {id(test): (trouble.kind, trouble.message) for test in tests}
        for number, test in enumerate(left):
            answered = number < len(hearing.ends) and hearing.ends[number][0] == "passed"
            if not (answered and hearing.explained(number, test.counters[turn][0])):
                refused[id(test)] = "refused", "it passes, and does not notice when its assertions are falsified (counter-test)"
    job.deadline += time.monotonic() - began
    return refused


def _anew(job: Job) -> Job:
    """The job with all its time, and CPU time to spare: a program that just about passed within its limits is to do so again."""
    limits = {**job.limits, "cpu_seconds": 2 * job.limits["cpu_seconds"]}
    return replace(job, limits=limits, deadline=time.monotonic() + limits["wall_seconds"])


class _Hearing:
    def __init__(self, tests: int, stop: bool) -> None:
        self.loaded = False
        self.failure: Trouble | None = None
        self.ends: list[tuple[str, str, float]] = []
        self._tests = tests
        self._stop = stop
        self._notes: list[tuple[set[int], set[int]]] = [(set(), set()) for _ in range(tests)]

    @property
    def steps(self) -> int:
        return len(self.ends) + self.loaded

    def room(self) -> int:
        return 0

    def explained(self, number: int, counter: CounterTest) -> bool:
        """Whether what was noted is what a right program would have had noted."""
        return counter.explains(*self._notes[number])

    def take(self, event: Event) -> bool:
        if event[0] == "load_error" and not self.loaded:
            self.failure = Trouble(*failure(event[1], event[2]))
            return True
        if event[0] == "loaded":
            self.loaded = True
        elif event[0] == "note":
            test, number, held = event[1:]
            if type(test) is int is type(number) and 0 <= test < self._tests and 0 <= number < 1 << 16:
                self._notes[test][held is not True].add(number)
        elif event[0] == "end" and len(self.ends) < self._tests:
            self.ends.append((*(("passed", "") if event[2] is FINE else failure(event[2], event[3])), duration(event[1])))
        stopped = self._stop and bool(self.ends) and self.ends[-1][0] != "passed"
        return stopped or len(self.ends) == self._tests
