"""What it costs to choose among N programs: a reward model scores them, or tests run on them; everything on one core.

The reward model is scored in process, preparation of its input included; tests are those of the problem, up to the first failure, or all
distinct generated ones, as choosing by them needs. To write the generated tests is not counted. CPU time of all processes, as in `speed`.
"""

from __future__ import annotations

import asyncio
import os
import statistics
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from code_reward.problem import Problem, Test
from scripts.bench_sandbox.data import folder
from scripts.bench_sandbox.processes import cpu_seconds, mark_workers

if TYPE_CHECKING:
    from reward_servers.sandbox.pool import LocalSandbox

_SIZES = (1, 2, 5, 10, 20, 50, 100)
_PROGRAMS_AT_LEAST = 20
"""That are judged for one figure: a few are judged several times."""
_CPU_SECONDS = 0.1
"""Per generated test, as in the matrix."""


@dataclass(frozen=True)
class Choice:
    """One problem to choose for."""

    problem: Problem
    programs: list[str]
    generated: list[Test]


Way = Callable[[Choice, int], Awaitable[None]]


async def measure(count: int, rm: Path | None) -> None:
    """Print, for each N, the median over `count` tasks of the CPU time of each way, and its range."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    choices = _choices(count)
    mark_workers()
    from reward_servers.sandbox.pool import LocalSandbox

    sandbox = LocalSandbox(1)
    ways = {"reward model": _score(rm), "own tests": _run_own(sandbox), "generated tests": _run_generated(sandbox)}
    try:
        for way in ways.values():  # Once, so that nothing below is the first of its kind.
            await way(choices[-1], 2)
        print(f"ms of CPU on one core to judge N programs, median over {count} tasks (range)")
        for size in _SIZES:
            figures = {name: [await _time(way, choice, size) for choice in choices] for name, way in ways.items()}
            columns = (f"{name} {statistics.median(ms):7.1f} ({min(ms):.1f} to {max(ms):.1f})" for name, ms in figures.items())
            print(f"N = {size:3}  {'   '.join(columns)}", flush=True)
    finally:
        await sandbox.close()


def _choices(count: int) -> list[Choice]:
    from data_prep.candidates import load_candidates
    from data_prep.sources import load
    from data_prep.unit_tests.pools import codegen16b

    path = folder() / "candidates" / "codegen16b_humaneval_even.jsonl.gz"
    tests: dict[str, dict[Test, None]] = {}
    for sample in codegen16b(path):
        tests.setdefault(sample.problem_id, {}).update(dict.fromkeys(sample.tests))
    programs: dict[str, list[str]] = {}
    for candidate in load_candidates("codegen16b", path):
        programs.setdefault(candidate.problem_id, []).append(candidate.program)
    problems = {problem.id: problem for problem in load("humaneval", folder() / "problems" / "humaneval.jsonl.gz")}
    usable = [name for name in programs if tests[name]]
    return [Choice(problems[name], programs[name], list(tests[name])) for name in usable[:: max(1, len(usable) // count)][:count]]


async def _time(way: Way, choice: Choice, size: int) -> float:
    times = max(1, _PROGRAMS_AT_LEAST // size)  # Workers' time is known to a hundredth of a second.
    began = cpu_seconds()
    for _ in range(times):
        await way(choice, size)
    return 1000 * (cpu_seconds() - began) / times


def _score(rm: Path | None) -> Way:
    from code_reward.rm_input import Encoded, RMInput
    from reward_servers.scorer import Scorer
    from scripts.bench_reward.corpus import build_model

    model = rm or build_model(folder(), Path("runs/bench_reward/rm"))
    rm_input, scorer = RMInput.load(model), Scorer(model, threads=1)

    async def score(choice: Choice, size: int) -> None:
        problem = choice.problem
        built = [rm_input.build(problem.statement, f"```python\n{program}\n```", problem.entry_point) for program in choice.programs[:size]]
        scorer.score([one.ids for one in built if isinstance(one, Encoded)])

    return score


def _run_own(sandbox: LocalSandbox) -> Way:
    return lambda choice, size: _run(sandbox, choice, choice.problem.tests, size)


def _run_generated(sandbox: LocalSandbox) -> Way:
    from reward_servers.sandbox.outcome import Limits

    limits = Limits(cpu_seconds=_CPU_SECONDS, wall_seconds=120, stop_at_first_failure=False)
    return lambda choice, size: _run(sandbox, choice, choice.generated, size, limits=limits)


async def _run(sandbox: LocalSandbox, choice: Choice, tests: Sequence[Test], size: int, **options: object) -> None:
    name = choice.problem.entry_point
    await asyncio.gather(*(sandbox.run(program, tests, entry_point=name, **options) for program in choice.programs[:size]))  # type: ignore[arg-type]
