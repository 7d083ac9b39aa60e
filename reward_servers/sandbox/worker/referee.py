"""The referee: takes jobs, has children forked, watches their CPU time, compares what they send back, answers with outcomes."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import time
from collections.abc import Callable
from typing import Any

from reward_servers.sandbox.worker import kernel
from reward_servers.sandbox.worker.child import RESULT_BYTES
from reward_servers.sandbox.worker.plan import Call, calls_of_test
from reward_servers.sandbox.worker.values import equal

_SLACK = 0.01
Result = dict[str, Any]


class ZygoteLost(Exception):
    """The zygote is gone: ours, not the program's."""


class Stopped(Exception):
    """A child had to be stopped; `kind` says why."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Child:
    """One forked child: its results file, its bell, its end."""

    def __init__(self, zygote: socket.socket, role: str, work: dict[str, Any], limits: dict[str, Any], stdio: list[int]) -> None:
        self._zygote = zygote
        self.limits = limits
        self.cpu = 0.0
        self.status: int | None = None
        self.started = False
        self.obstacle = ""
        self.wants_tests = False
        self._mark = 0.0
        self._offset = 0
        self._partial = b""
        job = os.memfd_create("job")
        os.write(job, json.dumps(work).encode())
        self._results = os.memfd_create("results")
        self.bell, theirs = socket.socketpair()
        order = json.dumps({"do": "fork", "role": role, "limits": limits}).encode()
        try:
            socket.send_fds(zygote, [order], [job, self._results, theirs.fileno(), *stdio])
        except OSError as error:
            raise ZygoteLost(str(error)) from error
        finally:
            os.close(job)
            theirs.close()
        self.pid = self._hear()["pid"]

    def _hear(self) -> dict[str, Any]:
        data = self._zygote.recv(4096)
        if not data:
            raise ZygoteLost("the zygote ended")
        message: dict[str, Any] = json.loads(data)
        return message

    def events(self, deadline: float) -> list[list[Any]]:
        """Wait for news; the events written since, possibly none. Raises `Stopped` when CPU time of one step or wall time is up."""
        while True:
            left = self._time_left(deadline)
            poller = select.poll()
            poller.register(self._zygote, select.POLLIN)
            poller.register(self.bell, select.POLLIN)
            ready = {fd for fd, _ in poller.poll(max(left, 0.001) * 1000)}
            if self.bell.fileno() in ready:
                self._listen()
            if self._zygote.fileno() in ready:
                end = self._hear()
                self.status, self.cpu = end["status"], end["cpu"]
            events = self._read()
            if events or self.status is not None or self.wants_tests:
                self._mark = kernel.cpu_seconds(self.pid) or self._mark
                return events

    def _time_left(self, deadline: float) -> float:
        wall = deadline - time.monotonic()
        if wall <= 0:
            raise Stopped(f"no end after {self.limits['wall_seconds']:g} s of wall time")
        used = kernel.cpu_seconds(self.pid)
        if used is None:
            return wall
        cpu = self._mark + float(self.limits["cpu_seconds"]) + _SLACK - used
        if cpu <= 0:
            raise Stopped(f"more than {self.limits['cpu_seconds']:g} s of CPU time")
        return min(wall, cpu)

    def _listen(self) -> None:
        try:
            heard = self.bell.recv(65536)
        except OSError:
            heard = b""
        if heard[:1] == b"x" and not self.started:
            self.obstacle = heard[1:].decode(errors="replace")
        elif b"r" in heard:
            self.started = True
        if b"t" in heard:
            self.wants_tests = True
        if b"n" in heard:
            self._mark = kernel.cpu_seconds(self.pid) or self._mark

    def _read(self) -> list[list[Any]]:
        events = []
        while self._offset < RESULT_BYTES and (part := os.pread(self._results, 1 << 20, self._offset)):
            self._offset += len(part)
            *lines, self._partial = (self._partial + part).split(b"\n")
            events += [json.loads(line) for line in lines]
        return events

    def stop(self) -> None:
        """Have the child and all that came of it killed, and wait until it is."""
        if self.status is None:
            self._zygote.send(b'{"do": "kill"}')
            while self.status is None:
                end = self._hear()
                self.status, self.cpu = end["status"], end["cpu"]
        self._listen_rest()

    def _listen_rest(self) -> None:
        self.bell.setblocking(False)
        try:
            self._listen()
        finally:
            self.bell.close()
            os.close(self._results)


class Referee:
    """Decides programs, one at a time."""

    def __init__(self, zygote: socket.socket) -> None:
        self._light = zygote
        self._heavy: socket.socket | None = None

    def decide(self, job: dict[str, Any]) -> Result:
        """The outcome of one job, as the `Outcome` model's fields."""
        verdicts = _Verdicts(len(job["tests"]), job["limits"]["stop_at_first_failure"])
        job["deadline"] = time.monotonic() + job["limits"]["wall_seconds"]
        position = 0
        while position < len(job["tests"]) and not verdicts.finished:
            position = self._decide_from(job, position, verdicts)
        return verdicts.outcome()

    def _decide_from(self, job: dict[str, Any], position: int, verdicts: _Verdicts) -> int:
        """Run the group of tests that starts at `position`; returns where the next one starts."""
        test = job["tests"][position]
        if test["kind"] == "stdio":
            verdicts.add(*self._run_script(job, test, verdicts))
            return position + 1
        sealed = calls_of_test(test, job["entry_point"])
        if sealed is None:
            return self._run_inline(job, position, verdicts)
        group = [sealed]
        for other in job["tests"][position + 1 :]:
            calls = None if other["kind"] == "stdio" else calls_of_test(other, job["entry_point"])
            if calls is None:
                break
            group.append(calls)
        return position + self._run_calls(job, group, verdicts)

    # calls -------------------------------------------------------------------------------------------------------------------------

    def _run_calls(self, job: dict[str, Any], group: list[list[Call]], verdicts: _Verdicts) -> int:
        flat = [call for calls in group for call in calls]
        owners = [index for index, calls in enumerate(group) for _ in calls]
        child = self._start(job, "calls", {"program": job["program"], "calls": [call.source for call in flat]}, len(flat) + 1)
        tally = _Tally(group, verdicts)
        seen = 0
        loaded = False
        trouble: tuple[str, str] | None = None
        try:
            while trouble is None and child.status is None and not verdicts.finished:
                for event in child.events(job["deadline"]):
                    if event[0] == "load_error":
                        trouble = (str(event[1]), str(event[2]))
                    elif event[0] == "loaded" and not loaded:
                        loaded = True
                    elif seen < len(flat) and not verdicts.finished:
                        tally.add(owners[seen], _judge(flat[seen], event))
                        seen += 1
        except Stopped as stopped:
            trouble = ("timeout", stopped.message)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError):
            trouble = ("crashed", "the results cannot be read")
        finally:
            child.stop()
            verdicts.seconds += child.cpu
        tally.close(loaded)
        if verdicts.finished or tally.done == len(group):
            return len(group)
        kind, message = trouble or self._end(child)
        if not loaded or kind == "sandbox_error":
            for _ in range(tally.done, len(group)):
                verdicts.add(kind, message)
            return len(group)
        verdicts.add(kind, message)
        return tally.done + 1

    # inline ------------------------------------------------------------------------------------------------------------------------

    def _run_inline(self, job: dict[str, Any], position: int, verdicts: _Verdicts) -> int:
        tests = [job["tests"][position]]
        for other in job["tests"][position + 1 :]:
            if other["kind"] != tests[0]["kind"] or calls_of_test(other, job["entry_point"]) is not None:
                break
            tests.append(other)
        heavy = tests[0]["kind"] in ("pytest", "unittest")
        if tests[0]["kind"] == "pytest":
            tests = tests[:1]
        child = self._start(job, "inline", {"program": job["program"], "entry_point": job["entry_point"]}, len(tests) + 1, heavy=heavy)
        done, loaded = 0, False
        trouble: tuple[str, str] | None = None
        try:
            while trouble is None and child.status is None and done < len(tests) and not verdicts.finished:
                for event in child.events(job["deadline"]):
                    if event[0] == "load_error":
                        trouble = (str(event[1]), str(event[2]))
                    elif event[0] == "loaded":
                        loaded = True
                    elif event[0] == "test" and done < len(tests) and not verdicts.finished:
                        verdicts.add(_known_kind(event[1]), str(event[2]))
                        done += 1
                if child.wants_tests:
                    child.wants_tests = False
                    data = json.dumps(tests).encode()
                    child.bell.sendall(len(data).to_bytes(4, "big") + data)
        except Stopped as stopped:
            trouble = ("timeout", stopped.message)
        except (ValueError, TypeError, KeyError, IndexError, AttributeError, RecursionError, ConnectionError):
            trouble = ("crashed", "the results cannot be read")
        finally:
            child.stop()
            verdicts.seconds += child.cpu
        if done == len(tests) or verdicts.finished:
            return position + len(tests)
        kind, message = trouble or self._end(child)
        remaining = 1 if loaded and kind != "sandbox_error" else len(tests) - done
        for _ in range(remaining):
            verdicts.add(kind, message)
        return position + done + remaining

    # scripts -----------------------------------------------------------------------------------------------------------------------

    def _run_script(self, job: dict[str, Any], test: dict[str, Any], verdicts: _Verdicts) -> tuple[str, str]:
        stdin, stdout, stderr = (os.memfd_create(name) for name in ("stdin", "stdout", "stderr"))
        try:
            os.write(stdin, test["stdin"].encode("utf-8", "surrogatepass"))
            os.lseek(stdin, 0, os.SEEK_SET)
            child = self._start(job, "script", {"program": job["program"]}, 1, stdio=[stdin, stdout, stderr])
            try:
                while child.status is None:
                    child.events(job["deadline"])
            except Stopped as stopped:
                return "timeout", stopped.message
            finally:
                child.stop()
                verdicts.seconds += child.cpu
            limit = job["limits"]["output_kb"] * 1024
            printed, complaint = os.pread(stdout, limit + 1, 0), os.pread(stderr, 1 << 16, 0).decode(errors="replace")
            if len(printed) > limit:
                return "failed", f"more than {job['limits']['output_kb']} KB of output"
            if child.status != 0 or not child.started:
                kind, message = self._end(child)
                return kind, (complaint.strip().splitlines() or [message])[-1][:500]
            return _compare_output(test["stdout"], printed.decode(errors="replace"))
        finally:
            for fd in (stdin, stdout, stderr):
                os.close(fd)

    # both --------------------------------------------------------------------------------------------------------------------------

    def _start(
        self, job: dict[str, Any], role: str, work: dict[str, Any], steps: int, *, stdio: list[int] | None = None, heavy: bool = False
    ) -> Child:
        limits = {**job["limits"], "cpu_total": min(job["limits"]["cpu_seconds"] * steps, job["limits"]["wall_seconds"] * 4)}
        heavy = heavy or "numpy" in job["program"] or "pandas" in job["program"]
        return Child(self._warm() if heavy else self._light, role, work, limits, stdio or [])

    def _warm(self) -> socket.socket:
        if self._heavy is None:
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            socket.send_fds(self._light, [b'{"do": "warm"}'], [theirs.fileno()])
            theirs.close()
            if not ours.recv(100):
                raise ZygoteLost("the second zygote did not start")
            self._heavy = ours
        return self._heavy

    def _end(self, child: Child) -> tuple[str, str]:
        """The kind of outcome that a child's end means when it did not say what came of the tests."""
        status = child.status or 0
        if not child.started:
            return "sandbox_error", f"the child did not start: {child.obstacle or f'status {status}'}"
        if os.WIFSIGNALED(status):
            name = signal.Signals(os.WTERMSIG(status)).name
            return ("timeout" if name == "SIGXCPU" else "crashed"), f"killed by {name}"
        code = os.WEXITSTATUS(status)
        if code == 71:
            return "out_of_memory", "MemoryError"
        if code == 72:
            return "refused", "PermissionError"
        return "crashed", f"the process ended early with exit code {code}"


class _Verdicts:
    """The results of the tests so far, in order."""

    def __init__(self, total: int, stop: bool) -> None:
        self._total = total
        self._stop = stop
        self.tests: list[Result] = []
        self.seconds = 0.0

    @property
    def finished(self) -> bool:
        return len(self.tests) == self._total or (self._stop and bool(self.tests) and self.tests[-1]["kind"] != "passed")

    def add(self, kind: str, message: str) -> None:
        if not self.finished:
            self.tests.append({"kind": kind, "message": message})

    def outcome(self) -> Result:
        first = next((test for test in self.tests if test["kind"] != "passed"), {"kind": "passed", "message": ""})
        ours = next((test for test in self.tests if test["kind"] == "sandbox_error"), first)
        return {"kind": ours["kind"], "message": ours["message"], "tests": self.tests, "seconds": self.seconds}


class _Tally:
    """Turns verdicts on calls into verdicts on tests: a test is decided by its first bad call or its last one."""

    def __init__(self, group: list[list[Call]], verdicts: _Verdicts) -> None:
        self._group = group
        self._left = [len(calls) for calls in group]
        self._verdicts = verdicts
        self.done = 0

    def add(self, owner: int, verdict: tuple[str, str]) -> None:
        self._skip_empty()
        if owner < self.done:
            return
        self._left[owner] -= 1
        if verdict[0] != "passed" or self._left[owner] == 0:
            self._verdicts.add(*verdict)
            self.done += 1

    def close(self, loaded: bool) -> None:
        if loaded:
            self._skip_empty()

    def _skip_empty(self) -> None:
        """A test without calls (only trivial asserts) passes when the program loads."""
        while self.done < len(self._group) and not self._group[self.done]:
            self._verdicts.add("passed", "")
            self.done += 1


def _judge(call: Call, event: list[Any]) -> tuple[str, str]:
    what, *rest = event
    if what == "error":
        return _known_kind(rest[0], "failed"), f"{call.source[:200]}: {rest[1]}"[:500]
    if what == "not_plain":
        if call.relation == "differs":
            return "passed", ""
        return "failed", f"{call.source[:200]}: the result is a {str(rest[0])[:100]}, which is not plain data"
    if what != "value":
        raise ValueError("not an event")
    relations: dict[str, Callable[[], bool]] = {
        "equal": lambda: equal(call.expected, rest[0], call.atol),
        "differs": lambda: not equal(call.expected, rest[0]),
        "same": lambda: type(rest[0]) is type(call.expected) and rest[0] == call.expected,
    }
    if relations[call.relation]():
        return "passed", ""
    got = json.dumps(rest[0])[:200]
    return "failed", f"{call.source[:200]}: expected {_short(call.expected)}, got {got}"


def _short(value: Any) -> str:
    return repr(value)[:200]


def _known_kind(kind: Any, *allowed: str) -> str:
    """A kind as a child may report it; anything else is a crash."""
    return kind if kind in ("passed", "failed", "out_of_memory", "refused") and (not allowed or kind != "passed") else "crashed"


def _compare_output(expected: str, printed: str) -> tuple[str, str]:
    wanted, got = (([line.rstrip() for line in text.rstrip().splitlines()]) for text in (expected, printed))
    if wanted == got:
        return "passed", ""
    line = next((i for i, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), min(len(wanted), len(got)))
    show = [lines[line][:120] if line < len(lines) else "the end" for lines in (wanted, got)]
    return "wrong_output", f"line {line + 1}: expected {show[0]!r}, got {show[1]!r}"
