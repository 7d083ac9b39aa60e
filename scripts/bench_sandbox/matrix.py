"""All CodeGen-16B solutions of each task against all distinct assertions that its test samples begin with."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from code_reward.problem import AssertTest, Test
from data_prep.candidates import Candidate, load_candidates
from data_prep.sources.records import Record, read_records
from data_prep.unit_tests.pools import codegen16b
from reward_servers.sandbox.outcome import Limits, Outcome
from reward_servers.sandbox.pool import LocalSandbox
from scripts.bench_sandbox.data import folder
from scripts.bench_sandbox.processes import cpu_seconds, mark_workers

_LOADS = AssertTest(code="")
"""For the tasks for which no assertion was generated: that the program loads."""
_LIMITS = Limits(cpu_seconds=0.1, wall_seconds=120, stop_at_first_failure=False)


class Name(Record):
    task_id: str
    entry_point: str


async def measure(count: int, workers: int | None) -> None:
    """Print how long the first `count` tasks take; every solution runs, equal ones too, and every test of each."""
    path = folder() / "candidates" / "codegen16b_humaneval_even.jsonl.gz"
    names = {record.task_id: record.entry_point for record in read_records(path, Name)[:count]}
    tests: dict[str, dict[Test, None]] = {name: {} for name in names}
    for sample in codegen16b(path):
        if sample.problem_id in names:
            tests[sample.problem_id].update(dict.fromkeys(sample.tests))
    programs = [candidate for candidate in load_candidates("codegen16b", path) if candidate.problem_id in names]
    mark_workers()
    sandbox = LocalSandbox(workers)

    async def run(candidate: Candidate) -> Outcome:
        key = candidate.problem_id
        return await sandbox.run(candidate.program, list(tests[key]) or [_LOADS], entry_point=names[key], limits=_LIMITS)

    try:
        print(f"isolation: {(await sandbox.isolation()).level}")
        began, cpu = time.perf_counter(), cpu_seconds()
        outcomes = await asyncio.gather(*map(run, programs))
        seconds, used = time.perf_counter() - began, cpu_seconds() - cpu
    finally:
        await sandbox.close()
    cells = Counter(result.kind for outcome in outcomes for result in outcome.tests)
    print(f"{len(names)} tasks, {len(programs)} programs, {cells.total():,} cells in {seconds:.0f} s ({used:.0f} s of CPU): {dict(cells)}")
