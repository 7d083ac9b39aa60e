"""The referee: takes jobs, has children forked, compares what they send back, answers with outcomes."""

from __future__ import annotations

import functools
import json
import os
import secrets
import socket
import time
from typing import Any

from reward_servers.sandbox.worker.compare import close, equal, identical
from reward_servers.sandbox.worker.ends import Trouble
from reward_servers.sandbox.worker.link import Link, ZygoteLost
from reward_servers.sandbox.worker.plan import Call, calls_of_test
from reward_servers.sandbox.worker.process import Event, Process
from reward_servers.sandbox.worker.verdicts import Verdicts, reported
from reward_servers.sandbox.worker.watch import watch

_HEAVY_KINDS = frozenset({"pytest", "unittest"})
_HEAVY_MODULES = ("numpy", "pandas", "scipy", "sympy")


@functools.lru_cache(maxsize=512)
def read_tests(source: str, entry_point: str | None) -> tuple[list[dict[str, Any]], list[list[Call] | None]]:
    """The tests, and for each the calls that decide it. Cached: a group of answers shares its tests."""
    tests = json.loads(source)
    return tests, [None if test["kind"] == "stdio" else calls_of_test(test, entry_point) for test in tests]


class Referee:
    """Decides programs, one at a time."""

    def __init__(self, zygote: Link) -> None:
        self._light = zygote
        self._heavy: Link | None = None

    def decide(self, job: dict[str, Any]) -> dict[str, Any]:
        """The outcome of one job, as the fields of an `Outcome`."""
        tests, plans = read_tests(job["tests"], job["entry_point"])
        if job["mode"] == "inline":
            plans = [plan if test["kind"] == "call" else None for test, plan in zip(tests, plans, strict=True)]
        verdicts = Verdicts(len(tests), job["limits"]["stop_at_first_failure"])
        deadline = time.monotonic() + job["limits"]["wall_seconds"]
        while not verdicts.finished:
            start = len(verdicts.tests)
            end = _group(tests, plans, start)
            if plans[start] is not None:
                _Calls(self, job, [calls or [] for calls in plans[start:end]], verdicts, deadline).run()
            elif tests[start]["kind"] == "stdio":
                self._run_script(job, tests[start], verdicts, deadline)
            elif job["mode"] == "sealed":
                verdicts.add("sandbox_error", f"this {tests[start]['kind']} test cannot be decided outside the candidate's process")
            else:
                self._run_inline(job, tests[start:end], verdicts, deadline)
        return verdicts.outcome()

    def start(self, job: dict[str, Any], role: str, work: dict[str, Any], steps: int, *, heavy: bool = False) -> tuple[Link, Process]:
        """Fork a child for a role; `steps` is how many times it may use up the CPU limit."""
        heavy = heavy or any(module in job["program"] for module in _HEAVY_MODULES)
        link = self._warm() if heavy else self._light
        return link, Process(link, role, {"program": job["program"], **work}, limits_of(job, steps))

    def _run_inline(self, job: dict[str, Any], tests: list[dict[str, Any]], verdicts: Verdicts, deadline: float) -> None:
        secret = secrets.token_hex(16)
        work = {"entry_point": job["entry_point"]}
        link, child = self.start(job, "inline", work, len(tests) + 1, heavy=tests[0]["kind"] in _HEAVY_KINDS)
        child.keep_tests(json.dumps({"tests": tests, "secret": secret}).encode())
        first, loaded = len(verdicts.tests), False
        failure: Trouble | None = None

        def take(event: Event) -> bool:
            nonlocal loaded, failure
            if event[0] == "load_error":
                failure = Trouble(reported(event[1]), str(event[2]))
            elif event[0] == "loaded":
                loaded = True
            elif event[2] == secret:
                verdicts.add(reported(event[3]), str(event[4]), seconds=float(event[1]), sealed=False)
            return failure is not None or verdicts.finished or len(verdicts.tests) - first == len(tests)

        trouble = watch(link, child, [], job["limits"], deadline, take) or failure
        verdicts.seconds += child.stop().cpu
        if trouble is not None:
            left = len(tests) - (len(verdicts.tests) - first)
            for _ in range(1 if loaded and trouble.kind != "sandbox_error" else left):
                verdicts.add(trouble.kind, trouble.message, sealed=False)

    def _run_script(self, job: dict[str, Any], test: dict[str, Any], verdicts: Verdicts, deadline: float) -> None:
        execution = self.execute(job, test["stdin"], deadline)
        verdicts.seconds += execution["seconds"]
        kind, message = execution["kind"], execution["message"]
        if kind == "passed":
            kind, message = compare_output(test["stdout"], execution["stdout"])
        verdicts.add(kind, message, seconds=execution["seconds"])

    def execute(self, job: dict[str, Any], stdin: str, deadline: float) -> dict[str, Any]:
        """Run the program as a script: kind (`passed` for exit code 0), message, stdout, stderr, exit code, CPU seconds."""
        streams = [os.memfd_create(name) for name in ("stdin", "stdout", "stderr")]
        try:
            os.write(streams[0], stdin.encode("utf-8", "surrogatepass"))
            os.lseek(streams[0], 0, os.SEEK_SET)
            heavy = any(module in job["program"] for module in _HEAVY_MODULES)
            link = self._warm() if heavy else self._light
            child = Process(link, "script", {"program": job["program"]}, limits_of(job, 1), streams)
            trouble = watch(link, child, [], job["limits"], deadline, lambda event: False)
            return _execution(job, child, trouble, streams)
        finally:
            for fd in streams:
                os.close(fd)

    def _warm(self) -> Link:
        if self._heavy is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            self._light.send({"do": "warm"}, [theirs.fileno()])
            theirs.close()
            if not ours.recv(100):
                raise ZygoteLost("the second zygote did not start")
            self._heavy = Link(ours)
        return self._heavy


def limits_of(job: dict[str, Any], steps: int) -> dict[str, Any]:
    """The job's limits, and the CPU seconds of all steps together."""
    limits = job["limits"]
    return {**limits, "cpu_total": min(limits["cpu_seconds"] * steps, limits["wall_seconds"] * (os.cpu_count() or 1))}


def _group(tests: list[dict[str, Any]], plans: list[list[Call] | None], start: int) -> int:
    """Where the run of tests ends that one child can take from `start`."""
    if tests[start]["kind"] in ("stdio", "pytest"):
        return start + 1
    end = start + 1
    while (
        end < len(tests)
        and (plans[end] is None) == (plans[start] is None)
        and (plans[end] is not None or tests[end]["kind"] == tests[start]["kind"])
    ):
        end += 1
    return end


class _Calls:
    """A run of tests that are decided by calls, in one child; after a call that kills it, the rest gets another."""

    def __init__(self, referee: Referee, job: dict[str, Any], group: list[list[Call]], verdicts: Verdicts, deadline: float) -> None:
        self._referee = referee
        self._job = job
        self._group = group
        self._verdicts = verdicts
        self._deadline = deadline
        self._flat = [(owner, call) for owner, calls in enumerate(group) for call in calls]
        self._next = 0
        self._done = 0
        self._left = [len(calls) for calls in group]
        self._seconds = 0.0
        self._loaded = False
        self._failure: Trouble | None = None

    def run(self) -> None:
        work = {"calls": [call.order() for _, call in self._flat]}
        link, child = self._referee.start(self._job, "calls", work, len(self._flat) + 1)
        trouble = watch(link, child, [], self._job["limits"], self._deadline, self._take) or self._failure
        self._verdicts.seconds += child.stop().cpu
        if trouble is not None:
            whole = not self._loaded or trouble.kind == "sandbox_error"
            for _ in range(len(self._group) - self._done if whole else 1):
                self._verdicts.add(trouble.kind, trouble.message)

    def _take(self, event: Event) -> bool:
        if event[0] == "load_error":
            self._failure = Trouble(reported(event[1]), str(event[2]))
            return True
        if event[0] == "loaded":
            self._loaded = True
            self._pass_empty()
        elif self._next < len(self._flat):
            self._judge(event)
        return self._verdicts.finished or self._done == len(self._group)

    def _judge(self, event: Event) -> None:
        owner, call = self._flat[self._next]
        self._next += 1
        if owner < self._done:
            return  # The test has failed already.
        kind, message = judge(call, event)
        self._left[owner] -= 1
        self._seconds += float(event[1])
        if kind != "passed" or self._left[owner] == 0:
            self._verdicts.add(kind, message, seconds=self._seconds)
            self._done += 1
            self._seconds = 0.0
            self._pass_empty()

    def _pass_empty(self) -> None:
        """A test without calls (trivial asserts only) passes once the program loads."""
        while self._done < len(self._group) and not self._group[self._done]:
            self._verdicts.add("passed")
            self._done += 1


def judge(call: Call, event: Event) -> tuple[str, str]:
    """The verdict on one call's event; raises for an event that `calls` never writes."""
    what, _, got, *rest = event
    if what == "error":
        kind = reported(got)
        if kind == "passed":
            raise ValueError("an error that passed")
        return kind, f"{call.shown[:200]}: {rest[0]}"[:500]
    if what == "not_plain":
        if call.relation == "differs":
            return "passed", ""
        return "failed", f"{call.shown[:200]}: the result is a {str(got)[:100]}, which is not plain data"
    if what != "value":
        raise ValueError("not an event of a call")
    if _holds(call, got):
        return "passed", ""
    return "failed", f"{call.shown[:200]}: expected {_RELATIONS[call.relation]}{call.expected!r:.200}, got {json.dumps(got)[:200]}"


_RELATIONS = {"equal": "", "differs": "other than ", "same": "the singleton ", "close": "about "}


def _holds(call: Call, got: Any) -> bool:
    if call.relation == "differs":
        return not equal(call.expected, got)
    if call.relation == "same":
        return identical(call.expected, got)
    if call.relation == "close":
        return close(call.expected, got, call.atol, call.rtol)
    return equal(call.expected, got, call.atol)


def _execution(job: dict[str, Any], child: Process, trouble: Trouble | None, streams: list[int]) -> dict[str, Any]:
    end = child.stop()
    limit = job["limits"]["output_kb"] * 1024
    stdout, stderr = (os.pread(fd, limit + 1, 0) for fd in streams[1:])
    exited = child.started and os.WIFEXITED(end.status)
    code = os.WEXITSTATUS(end.status) if exited else None
    kind, message = (trouble.kind, trouble.message) if trouble else ("crashed", "no end")
    if code == 0 and kind == "crashed":
        kind, message = "passed", ""
    elif kind == "crashed" or kind == "refused":
        message = (stderr.decode(errors="replace").strip().splitlines() or [message])[-1][:500]
    if len(stdout) > limit or len(stderr) > limit:
        kind, message = "failed", f"more than {job['limits']['output_kb']} KB of output"
    return {
        "kind": kind,
        "message": message,
        "stdout": stdout[:limit].decode(errors="replace"),
        "stderr": stderr[:limit].decode(errors="replace"),
        "exit_code": code,
        "seconds": end.cpu,
    }


def compare_output(expected: str, printed: str) -> tuple[str, str]:
    """The verdict on a script's output: equal line by line, up to white space at the ends of lines and of the text."""
    wanted, got = ([line.rstrip() for line in text.rstrip().splitlines()] for text in (expected, printed))
    if wanted == got:
        return "passed", ""
    line = next((i for i, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), min(len(wanted), len(got)))
    shown = [repr(lines[line][:120]) if line < len(lines) else "the end" for lines in (wanted, got)]
    return "wrong_output", f"line {line + 1}: expected {shown[0]}, got {shown[1]}"
