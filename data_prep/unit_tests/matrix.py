"""Results matrices of generated tests: `python -m data_prep.unit_tests.matrix --labelled F --tests F --out F`.

Every distinct program runs against every distinct test of its problem, and once more on the inputs that the tests call it with, where only
what it returns is written down. A cell that the sandbox could not fill is never a failed test: its program is tried again, and if that does
not help, nothing is written.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import DataError, SandboxError
from code_reward.journal import Journal
from code_reward.problem import AssertTest, Test
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_all
from code_reward.selection.matrix import ResultsMatrix, save_matrices
from data_prep.unit_tests.asserts import calls_in
from data_prep.unit_tests.sample import TestSample
from reward_servers.sandbox.outcome import Limits, Observation, Outcome, Sandbox

_ATTEMPTS = 3
_IN_FLIGHT = 64
Cells = dict[str, Any]
"""Of one program: `passed`, one 0 or 1 per test, and `outputs`, one text per input."""


@dataclass(frozen=True)
class Task:
    """One problem: its candidates, and the tests and inputs to run them on."""

    problem_id: str
    entry_point: str | None
    candidates: list[LabelledProgram]
    tests: list[Test]
    samples: list[list[int]]
    """Columns of `tests`."""
    asks: list[list[int]]
    """Per test the columns of `inputs`."""
    inputs: list[str]


def tasks(labelled: Iterable[LabelledProgram], samples: Iterable[TestSample]) -> list[Task]:
    """Candidates and samples by problem; samples without tests are kept, as samples that say nothing."""
    candidates: dict[str, list[LabelledProgram]] = {}
    for row in labelled:
        candidates.setdefault(row.problem_id, []).append(row)
    of_problem: dict[str, list[TestSample]] = {}
    for sample in samples:
        of_problem.setdefault(sample.problem_id, []).append(sample)
    return [_task(rows, of_problem.get(problem_id, [])) for problem_id, rows in candidates.items()]


def _task(rows: list[LabelledProgram], samples: list[TestSample]) -> Task:
    columns: dict[Test, int] = {}
    for sample in samples:
        for test in sample.tests:
            columns.setdefault(test, len(columns))
    name = rows[0].entry_point
    calls = [calls_in(test.code, name) if isinstance(test, AssertTest) and name else [] for test in columns]
    inputs = {call: place for place, call in enumerate(dict.fromkeys(call for found in calls for call in found))}
    asks = [[inputs[call] for call in dict.fromkeys(found)] for found in calls]
    places = [[columns[test] for test in dict.fromkeys(sample.tests)] for sample in samples]
    return Task(rows[0].problem_id, name, rows, list(columns), places, asks, list(inputs))


async def fill(task: Task, program: str, sandbox: Sandbox, limits: Limits) -> Cells:
    """One program's cells. Raises `SandboxError` when the sandbox fails on it every time."""
    limits = limits.model_copy(update={"stop_at_first_failure": False})
    for _ in range(_ATTEMPTS):
        # Samples may hold no test that can be used; such a task has no columns.
        outcome = (
            await sandbox.run(program, task.tests, entry_point=task.entry_point, limits=limits) if task.tests else Outcome(kind="passed")
        )
        seen = await sandbox.observe(program, task.inputs, limits=limits)
        if "sandbox_error" not in (outcome.kind, seen.kind):
            return {"passed": [int(test.kind == "passed") for test in outcome.tests], "outputs": list(map(describe, seen.calls))}
    raise SandboxError(f"The sandbox fails on a program of {task.problem_id} ({outcome.message or seen.message}); mend it, run this again.")


def describe(seen: Observation) -> str:
    """The value's text, or `!` and what happened instead: the class of an exception, or the kind of outcome."""
    if seen.value is not None:
        return seen.value
    return f"!{seen.message.partition(':')[0]}" if seen.kind == "failed" else f"!{seen.kind}"


def assemble(task: Task, cells: Sequence[Cells]) -> ResultsMatrix:
    """The task's matrix, from the cells of each of its candidates."""
    columns = [list(dict.fromkeys(cell["outputs"][place] for cell in cells)) for place in range(len(task.inputs))]
    places = [{text: place for place, text in enumerate(values)} for values in columns]
    extra: dict[str, Any] = {
        "statement": task.candidates[0].statement,
        "tests": [getattr(test, "code", "") for test in task.tests],
        "inputs": task.inputs,
    }
    return ResultsMatrix(
        problem_id=task.problem_id,
        correct=[row.passed for row in task.candidates],
        passed=[list(map(bool, cell["passed"])) for cell in cells],
        samples=task.samples,
        asks=task.asks,
        outputs=[[places[column][text] for column, text in enumerate(cell["outputs"])] for cell in cells],
        values=columns,
        **extra,
    )


async def matrices(
    todo: Sequence[Task],
    sandbox: Sandbox,
    limits: Limits,
    journal: Journal | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> list[ResultsMatrix]:
    """All matrices, each distinct program run once; `journal` remembers what is finished, `progress` hears of (done, all) programs."""
    known: dict[str, Cells] = dict(journal.records) if journal else {}
    jobs = {_key(task, row.program, limits): (task, row.program) for task in todo for row in task.candidates}
    queue = iter([key for key in jobs if key not in known])
    finished = len(jobs.keys() & known.keys())

    async def work() -> None:
        nonlocal finished
        for key in queue:
            known[key] = await fill(*jobs[key], sandbox, limits)
            if journal:
                journal.write(key, known[key])
            finished += 1
            if progress:
                progress(finished, len(jobs))

    workers = [asyncio.create_task(work()) for _ in range(_IN_FLIGHT)]
    try:
        await asyncio.gather(*workers)
    finally:
        for worker in workers:
            worker.cancel()
    return [assemble(task, [known[_key(task, row.program, limits)] for row in task.candidates]) for task in todo]


def _key(task: Task, program: str, limits: Limits) -> str:
    parts = [task.problem_id, limits.model_dump_json(), *(test.model_dump_json() for test in task.tests), *task.inputs, program]
    return hashlib.sha256("\0".join(parts).encode("utf-8", "surrogatepass")).hexdigest()[:32]


class Matrix(Command):
    """Run labelled programs against generated tests and on their inputs: a results matrix per problem."""

    labelled: Path
    """Labelled programs, all candidates of each problem (data_prep.label)."""
    tests: Path
    """Test samples."""
    out: Path
    """File for the results matrices; beside it lies a journal, from which a killed run continues."""
    sandbox: str | None = None
    """Address of a sandbox server; without it, programs run in this machine's own sandbox."""
    cpu_seconds: float = Field(default=0.1, gt=0)
    """CPU seconds that a program may use per test and per input."""
    wall_seconds: float = Field(default=120.0, gt=0)
    """Seconds that a program may take for all of them."""


def main(settings: Matrix) -> None:
    """Run, write, and say how many."""
    todo = tasks(read_all([settings.labelled], LabelledProgram), read_all([settings.tests], TestSample))
    if not any(task.tests for task in todo):
        raise DataError(f"{settings.tests} has no test of any problem in {settings.labelled}; give tests of these problems.")
    limits = Limits(cpu_seconds=settings.cpu_seconds, wall_seconds=settings.wall_seconds)
    rows = asyncio.run(_run(todo, limits, settings))
    save_matrices(settings.out, rows)
    cells = sum(len(task.candidates) * len(task.tests) for task in todo)
    print(f"{len(rows)} problems, {sum(len(task.tests) for task in todo)} distinct tests, {cells:,} cells: {settings.out}")


async def _run(todo: list[Task], limits: Limits, settings: Matrix) -> list[ResultsMatrix]:
    from rich.progress import Progress

    from reward_servers.sandbox import connect

    sandbox = connect(settings.sandbox)
    try:
        with Journal(f"{settings.out}.journal") as journal, Progress() as bar:
            task = bar.add_task("running programs", total=None)
            return await matrices(todo, sandbox, limits, journal, lambda done, total: bar.update(task, completed=done, total=total))
    finally:
        await sandbox.close()


if __name__ == "__main__":
    run(Matrix, main)
