"""The referee: plans tests, has children forked, compares what they send back, answers with outcomes."""

from __future__ import annotations

import base64
import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from reward_servers.sandbox.worker.referee.cache import Cache
from reward_servers.sandbox.worker.referee.decide_calls import decide_calls
from reward_servers.sandbox.worker.referee.decide_inline import InlineTest, decide_inline
from reward_servers.sandbox.worker.referee.decide_script import decide_script, execute
from reward_servers.sandbox.worker.referee.job import Job, Zygotes
from reward_servers.sandbox.worker.referee.link import Link
from reward_servers.sandbox.worker.referee.observe import observe, plan_calls
from reward_servers.sandbox.worker.referee.plan import Calls, calls_of_test
from reward_servers.sandbox.worker.referee.verdicts import Verdicts

Way = Literal["calls", "script", "inline"]
_LONGEST_NUMBER = 100_000
"""Digits. Judges lift Python's limit of 4,300; beyond this one, reading a number takes long."""
_CACHE_BYTES = 40 << 20
_MEANINGLESS = (ValueError, SyntaxError, TypeError, ArithmeticError, RecursionError, MemoryError)
"""What planning a test raises that is no test; the last, without a word, is the parser's for what nests beyond its stack."""
_CALLS_WEIGHT, _SCRIPT_WEIGHT = 12, 2


@dataclass(frozen=True)
class Planned:
    """A test and how it is decided."""

    test: dict[str, Any]
    way: Way
    calls: Calls
    inline: InlineTest


def plan_tests(source: str, entry_point: str | None, mode: str | None) -> list[Planned]:
    """The tests of a job, planned. How a test is decided depends on it alone, so that no program can choose."""
    return [_plan(test, entry_point, mode) for test in json.loads(source)]


def _plan(test: dict[str, Any], entry_point: str | None, mode: str | None) -> Planned:
    inline = InlineTest(test, entry_point)
    if test["kind"] == "stdio":
        return Planned(test, "script", Calls([], []), inline)
    calls = calls_of_test(test, entry_point) if mode != "inline" or test["kind"] == "call" else None
    return Planned(test, "inline" if calls is None else "calls", calls or Calls([], []), inline)


def _weigh(tests: list[Planned]) -> int:
    return _SCRIPT_WEIGHT if all(planned.way == "script" for planned in tests) else _CALLS_WEIGHT


class Referee:
    """Decides programs, one at a time; `folders` are those of the host that they fill, if any."""

    def __init__(self, zygote: Link, folders: Sequence[str]) -> None:
        sys.set_int_max_str_digits(_LONGEST_NUMBER)
        self._zygotes = Zygotes(zygote)
        self._folders = folders
        self._plans = Cache(plan_tests, _weigh, _CACHE_BYTES)

    def answer(self, request: dict[str, Any], sign: Callable[[], None]) -> dict[str, Any]:
        """What came of a job: with `tests` the fields of an `Outcome`, with `calls` of `Observations`, with neither of an `Execution`.

        A test or a call that is not what it should be is answered {"invalid": sentence}. `sign` is called now and then meanwhile.
        """
        limits = request["limits"]
        deadline = time.monotonic() + limits["wall_seconds"]
        job = Job(request["program"], request["entry_point"], limits, deadline, self._zygotes, Verdicts(0, False), sign, self._folders)
        if request["tests"] is None and request["calls"] is None:
            files = {name: base64.b64decode(content) for name, content in request["files"].items()}
            return execute(job, request["stdin"], files, request["fetch"], limits["output_kb"] * 1024)
        what = "test" if request["calls"] is None else "call"
        try:
            planned = self._plans.get(request["tests"] or "[]", request["entry_point"], request["mode"])
            calls = plan_calls(request["calls"] or [])
        except _MEANINGLESS as error:
            # What is deeper than the parser's stack is a MemoryError, which says so from Python 3.12 on and nothing before.
            reason = "it nests too deeply" if isinstance(error, MemoryError) else str(error)
            return {"invalid": f"A {what} cannot be used: {reason}; correct it or leave it out."}
        if request["calls"] is not None:
            return observe(job, calls)
        return _judge(job, planned, request)


def _judge(job: Job, planned: list[Planned], request: dict[str, Any]) -> dict[str, Any]:
    verdicts = job.verdicts
    verdicts.total, verdicts.stop = len(planned), request["limits"]["stop_at_first_failure"]
    while not verdicts.finished:
        if job.out_of_time:
            verdicts.add("timeout", f"no time left of the program's {request['limits']['wall_seconds']:g} s")
            continue
        _decide(job, _next_group(planned[len(verdicts.tests) :]), request["mode"])
    return verdicts.outcome()


def _next_group(planned: list[Planned]) -> list[Planned]:
    """The first tests that one child can decide one after the other."""
    first = planned[0]
    if first.way == "script" or (first.way == "inline" and first.test["kind"] not in ("asserts", "check")):
        return planned[:1]
    end = 1
    while end < len(planned) and _alike(planned[end], first):
        end += 1
    return planned[:end]


def _alike(one: Planned, other: Planned) -> bool:
    return one.way == other.way and (one.way == "calls" or one.test["kind"] == other.test["kind"])


def _decide(job: Job, group: list[Planned], mode: str) -> None:
    first = group[0]
    if first.way == "calls":
        decide_calls(job, [planned.calls for planned in group])
    elif first.way == "script":
        decide_script(job, first.test)
    elif mode == "sealed":
        job.verdicts.add("sandbox_error", f"this {first.test['kind']} test must share the program's process, which mode sealed forbids")
    elif first.test["kind"] == "pytest" and job.lacks("pytest"):
        job.verdicts.add(
            "sandbox_error", "pytest is not installed where this sandbox runs; install it there: pip install 'code-reward[sandbox]'"
        )
    else:
        decide_inline(job, [planned.inline for planned in group])
