"""Our own sandbox as a judge of benchmark programs, beside the published referee."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.run_folder import Progress
from code_reward.journal import Journal
from code_reward.problem import Problem, Test
from reward_servers.sandbox import connect
from reward_servers.sandbox.outcome import Limits, Outcome, Sandbox

ATTEMPTS = 3
AT_ONCE = 8
LIMITS = Limits(cpu_seconds=4.0, wall_seconds=300.0, memory_mb=4096)
"""A thousand inputs of one task take long on a busy machine; the CPU limit is per input."""


@dataclass(frozen=True)
class Case:
    """A program and the tests that decide about it."""

    task_id: str
    program: str
    tests: Sequence[Test]
    entry_point: str | None

    @property
    def key(self) -> str:
        return f"{self.task_id}/{hashlib.sha256(self.program.encode('utf-8', 'surrogatepass')).hexdigest()[:24]}"


def case_of(problem: Problem, program: str) -> Case:
    """A program as an answer to a problem, as it stands: published referees put nothing before it."""
    return Case(problem.id, program, problem.tests, problem.entry_point)


def run_cases(folder: Path, name: str, cases: Sequence[Case], url: str | None, limits: Limits = LIMITS) -> dict[str, Outcome]:
    """The outcome of every case by its key; what the journal holds is not run again, and a failure of the sandbox is not kept."""
    return asyncio.run(_run_all(folder, name, {case.key: case for case in cases}, url, limits))


async def _run_all(folder: Path, name: str, cases: dict[str, Case], url: str | None, limits: Limits) -> dict[str, Outcome]:
    with Journal(folder / f"{name}.sandbox.jsonl") as journal:
        outcomes = {key: Outcome.model_validate(journal.records[key]) for key in cases if key in journal.records}
        left = iter([case for key, case in cases.items() if key not in outcomes])
        sandbox = connect(url)
        try:
            with Progress(folder, f"running {name}", len(cases), len(outcomes)) as progress:

                async def work() -> None:
                    for case in left:
                        outcomes[case.key] = outcome = await _run(sandbox, case, limits)
                        if outcome.kind != "sandbox_error":
                            journal.write(case.key, outcome.model_dump())
                        progress.advance()

                await asyncio.gather(*(work() for _ in range(AT_ONCE)))
        finally:
            await sandbox.close()
    return outcomes


async def _run(sandbox: Sandbox, case: Case, limits: Limits) -> Outcome:
    for attempt in range(ATTEMPTS):
        await asyncio.sleep(attempt)
        outcome = await sandbox.run(case.program, case.tests, entry_point=case.entry_point, limits=limits)
        if outcome.kind != "sandbox_error":
            break
    return outcome
