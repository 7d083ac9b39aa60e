"""bigcodebench's verdicts: its sanitizer takes the program out of an answer, its evaluator runs the task's tests, locally and calibrated.

Before that it runs every reference solution, for the time limits; those that fail where it runs are told, for no answer can pass there.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.referees.environment import Environment
from benchmarks.referees.files import RESULTS, results_of, sanitized, write_tasks
from benchmarks.verdicts import Said
from code_reward.errors import SandboxError

_RATES = "samples-sanitized_pass_at_k.json"


def sanitize(environment: Environment, folder: Path, tasks: Mapping[str, Any], solutions: Sequence[tuple[str, str]]) -> list[str]:
    """The program that bigcodebench takes from each answer, in order."""
    write_tasks(folder, tasks)
    words = ["-m", "bigcodebench.sanitize", "--parallel", "1", "--samples"]
    return sanitized(environment, folder, words, solutions, _variables(folder))


def evaluate(environment: Environment, folder: Path) -> tuple[dict[str, list[Said]], list[str]]:
    """Of every task and sample the word of record, and the tasks whose reference solution fails here."""
    if not (folder / _RATES).exists() or results_of(folder) is None:
        (folder / RESULTS).unlink(missing_ok=True)
        words = ["-m", "bigcodebench.evaluate", "--split", "instruct", "--subset", "hard", "--execution", "local"]
        environment.run([*words, "--samples", "samples-sanitized.jsonl"], folder, _variables(folder))
    results = results_of(folder)
    if results is None:
        raise SandboxError(f"bigcodebench left no verdicts in {folder}; see {folder / 'referee.log'}.")
    failing: list[str] = json.loads((folder / _RATES).read_bytes())["failed_tasks"]
    return {task_id: [one["status"] for one in many] for task_id, many in results.items()}, sorted(failing)


def _variables(folder: Path) -> dict[str, str]:
    return {"BIGCODEBENCH_OVERRIDE_PATH": str((folder / "tasks.jsonl").absolute()), "MPLBACKEND": "Agg"}
