"""The referee: takes jobs, chooses how each test is decided, answers with outcomes."""

from __future__ import annotations

import base64
import functools
import json
import time
from dataclasses import dataclass
from typing import Any, Literal

from reward_servers.sandbox.worker.referee.decide_apart import decide_apart
from reward_servers.sandbox.worker.referee.decide_calls import decide_calls
from reward_servers.sandbox.worker.referee.decide_inline import decide_inline
from reward_servers.sandbox.worker.referee.decide_script import decide_script, execute
from reward_servers.sandbox.worker.referee.job import Job, Zygotes
from reward_servers.sandbox.worker.referee.link import Link
from reward_servers.sandbox.worker.referee.observe import observe, plan_calls
from reward_servers.sandbox.worker.referee.plan import Call, calls_of_test
from reward_servers.sandbox.worker.referee.separable import program_names
from reward_servers.sandbox.worker.referee.verdicts import Verdicts

Way = Literal["calls", "script", "apart", "inline"]


@dataclass(frozen=True)
class Planned:
    """A test and how it is decided."""

    test: dict[str, Any]
    way: Way
    calls: list[Call]
    names: list[str]


@functools.lru_cache(maxsize=512)
def plan_tests(source: str, entry_point: str | None, mode: str) -> list[Planned]:
    """The tests of a job, planned. Cached: the answers to one problem share its tests."""
    return [_plan(test, entry_point, mode) for test in json.loads(source)]


def _plan(test: dict[str, Any], entry_point: str | None, mode: str) -> Planned:
    if test["kind"] == "stdio":
        return Planned(test, "script", [], [])
    calls = calls_of_test(test, entry_point) if mode != "inline" or test["kind"] == "call" else None
    if calls is not None:
        return Planned(test, "calls", calls, [])
    names = program_names(test, entry_point) if mode != "inline" else None
    return Planned(test, "inline", [], []) if names is None else Planned(test, "apart", [], names)


class Referee:
    """Decides programs, one at a time."""

    def __init__(self, zygote: Link) -> None:
        self._zygotes = Zygotes(zygote)

    def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        """What came of a job: with `tests` the fields of an `Outcome`, with `calls` of `Observations`, with neither of an `Execution`.

        A test or a call that is not what it should be is answered {"invalid": sentence}.
        """
        deadline = time.monotonic() + request["limits"]["wall_seconds"]
        job = Job(request["program"], request["entry_point"], request["limits"], deadline, self._zygotes, Verdicts(0, False))
        if request["tests"] is None and request["calls"] is None:
            files = {name: base64.b64decode(content) for name, content in request["files"].items()}
            return execute(job, request["stdin"], files, request["fetch"])
        what = "test" if request["calls"] is None else "call"
        try:
            planned = plan_tests(request["tests"] or "[]", request["entry_point"], request["mode"])
            calls = plan_calls(tuple(request["calls"] or ()))
        except (ValueError, SyntaxError, TypeError, ArithmeticError, RecursionError) as error:
            return {"invalid": f"A {what} cannot be used: {error}; correct it or leave it out."}
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
    if first.way == "script" or first.test["kind"] == "pytest":
        return planned[:1]
    end = 1
    while end < len(planned) and _alike(planned[end], first):
        end += 1
    return planned[:end]


def _alike(one: Planned, other: Planned) -> bool:
    return one.way == other.way and (one.way == "calls" or one.test["kind"] == other.test["kind"])


def _decide(job: Job, group: list[Planned], mode: str) -> None:
    tests = [planned.test for planned in group]
    way = group[0].way
    if way == "calls":
        decide_calls(job, [planned.calls for planned in group])
    elif way == "script":
        decide_script(job, tests[0])
    elif tests[0]["kind"] == "pytest" and job.lacks("pytest"):
        job.verdicts.add(
            "sandbox_error", "pytest is not installed where this sandbox runs; install it there: pip install 'code-reward[sandbox]'"
        )
    elif way == "apart":
        decide_apart(job, tests, [planned.names for planned in group], may_inline=mode != "sealed")
    elif mode == "sealed":
        job.verdicts.add("sandbox_error", f"this {tests[0]['kind']} test must share the program's process, which mode sealed forbids")
    else:
        decide_inline(job, tests)
