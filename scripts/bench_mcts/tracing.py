"""What tracing costs, and whether it changes what a program does, over the published reference solutions.

Each reference is called on its judging inputs, or where none can be made (lists of nodes, trees) by its own tests, plain and traced, in the
sandbox; the shorter of two runs counts. A call that does not come back within a quarter of a second is left out; a traced one may take 25
times as long, and is a miss when it takes longer.
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.progress import track

from code_reward.errors import ConfigurationError, DataError
from code_reward.problem import CheckTest, Problem, PytestTest
from data_prep.judges import judging_inputs
from data_prep.judges.inputs import callee_of
from data_prep.sources import load
from data_prep.tracing import Call, Trace, evaluate_calls, trace_calls
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Sandbox

FILES = {
    "leetcode": "leetcode_train.jsonl.gz",
    "humaneval": "humaneval.jsonl.gz",
    "mbpp": "mbpp_sanitized.jsonl",
    "kodcode": "kodcode_sample.json.gz",
}
CALLS = 4
PLAIN_SECONDS = 0.25
ALLOWED = 25
_TRACED_MORE = 5
"""What `trace_calls` gives a traced program beyond the time that it is told."""


@dataclass(frozen=True)
class Compared:
    """One reference: seconds of all its calls, and whether every result was the same."""

    problem_id: str
    plain: float
    traced: float
    same: bool
    in_time: bool

    @property
    def factor(self) -> float:
        return self.traced / self.plain


def measure(most: int | None) -> None:
    """Compare and print, data set by data set."""
    folder = os.environ.get("CODE_REWARD_DATA")
    if not folder:
        raise ConfigurationError("CODE_REWARD_DATA is not set; set it to the folder with the published data.")
    for name, file in FILES.items():
        problems = load(name, Path(folder) / "problems" / file)[:most]
        _print(name, asyncio.run(_compare_all(name, problems)))


async def _compare_all(name: str, problems: Sequence[Problem]) -> list[Compared | str]:
    sandbox = connect(workers=1)
    try:
        return [await _compare(problem, sandbox) for problem in track(problems, name)]
    finally:
        await sandbox.close()


async def _compare(problem: Problem, sandbox: Sandbox) -> Compared | str:
    """The comparison, or why there is none."""
    program, calls = _calls(problem)
    first = await evaluate_calls(sandbox, program, calls, cpu_seconds=PLAIN_SECONDS)
    calls = [call for call, record in zip(calls, first.calls, strict=False) if record.end != "out_of_time"]
    if not calls:
        return "does not load" if first.load.end != "returned" else "nothing to call" if not first.calls else "too slow"
    plain = [await evaluate_calls(sandbox, program, calls, cpu_seconds=_TRACED_MORE * PLAIN_SECONDS) for _ in range(2)]
    if _told(plain[0]) != _told(plain[1]):
        return "differs from run to run"
    seconds = ALLOWED * PLAIN_SECONDS / _TRACED_MORE
    traced = [await trace_calls(sandbox, program, calls, cpu_seconds=seconds) for _ in range(2)]
    return Compared(
        problem.id,
        min(map(_seconds, plain)),
        min(map(_seconds, traced)),
        same=all(_told(trace) == _told(plain[0]) for trace in traced),
        in_time=all(record.end != "out_of_time" for trace in traced for record in trace.calls),
    )


def _calls(problem: Problem) -> tuple[str, list[Call]]:
    """What is run, and the calls that are made."""
    program = problem.reference_solution or ""
    try:
        return program, [Call(callee_of(problem), text) for text in judging_inputs(problem, CALLS)]
    except DataError:
        checks = [test.code for test in problem.tests if isinstance(test, (CheckTest, PytestTest))]
        names = [name for code in checks for name in re.findall(r"^def (test_\w+)\(\):", code, re.MULTILINE)]
        callees = names or [f"(lambda: check({problem.entry_point}))"]
        return "\n\n".join([program, *checks]), [Call(callee, "()") for callee in callees if checks]


def _told(trace: Trace) -> list[tuple[object, ...]]:
    return [(record.end, record.literal, record.shown, record.error, record.printed) for record in trace.calls]


def _seconds(trace: Trace) -> float:
    return sum(record.seconds for record in trace.calls)


def _print(name: str, found: Sequence[Compared | str]) -> None:
    compared = [one for one in found if isinstance(one, Compared)]
    left_out = Counter(one for one in found if isinstance(one, str))
    factors = sorted(one.factor for one in compared)
    worst = max(compared, key=lambda one: one.factor)
    differing = [one.problem_id for one in compared if not one.same]
    late = [one.problem_id for one in compared if not one.in_time]
    print(f"{name}: {len(compared)} of {len(found)} references compared; results that tracing changes: {differing or 'none'}")
    print(f"  left out: {', '.join(f'{why} {number}' for why, number in left_out.most_common()) or 'none'}; not in time: {late or 'none'}")
    median, nearly_all = statistics.median(factors), factors[int(0.99 * len(factors))]
    print(
        f"  traced, it takes {median:.2f} times as long (median), {nearly_all:.1f} (99 %), {worst.factor:.1f} (worst: {worst.problem_id})"
    )
