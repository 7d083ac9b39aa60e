"""evalplus's verdicts: its sanitizer takes the program out of an answer, its evaluator runs it on the base and on the extra inputs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.referees.environment import Environment
from benchmarks.verdicts import Said
from code_reward.errors import DataError
from code_reward.files import write_text

_SAMPLES, _SANITIZED = "samples.jsonl", "samples-sanitized.jsonl"
_RESULTS = "samples-sanitized_eval_results.json"
_VARIABLES = {"humaneval": "HUMANEVAL_OVERRIDE_PATH", "mbpp": "MBPP_OVERRIDE_PATH"}

Solution = tuple[str, str]
"""Task and text."""


def write_tasks(folder: Path, tasks: Mapping[str, Any]) -> Path:
    """The tasks that were asked, as evalplus reads them."""
    path = folder / "tasks.jsonl"
    if not path.exists():
        write_text(path, "".join(json.dumps(task) + "\n" for task in tasks.values()))
    return path


def sanitize(environment: Environment, folder: Path, name: str, tasks: Mapping[str, Any], solutions: Sequence[Solution]) -> list[str]:
    """The program that evalplus takes from each answer, in order."""
    if not (folder / _SANITIZED).exists():
        write_tasks(folder, tasks)
        _write(folder / _SAMPLES, solutions)
        environment.run(["-m", "evalplus.sanitize", _SAMPLES], folder, _variables(folder, name))
    rows = [json.loads(line) for line in (folder / _SANITIZED).read_text().splitlines()]
    if [row["task_id"] for row in rows] != [task_id for task_id, _ in solutions]:
        raise DataError(f"{folder / _SANITIZED} is of other answers; remove it and give the same command again.")
    return [row["solution"] for row in rows]


def evaluate(environment: Environment, folder: Path, name: str) -> dict[str, list[dict[str, Said]]]:
    """Of every task and sample, what evalplus says of the base inputs and of the extra ones: pass, fail or timeout."""
    if not (folder / _RESULTS).exists():
        words = ["-m", "evalplus.evaluate", "--dataset", name, "--samples", _SANITIZED]
        environment.run(words, folder, _variables(folder, name))
    results = json.loads((folder / _RESULTS).read_bytes())["eval"]
    return {task_id: [{"base": one["base_status"], "plus": one["plus_status"]} for one in many] for task_id, many in results.items()}


def _variables(folder: Path, name: str) -> dict[str, str]:
    """evalplus wants both data sets, whichever it judges: the other one is empty."""
    nothing = folder / "nothing.jsonl"
    nothing.touch()
    files = dict.fromkeys(_VARIABLES, nothing) | {name: folder / "tasks.jsonl"}
    return {_VARIABLES[set_name]: str(path.absolute()) for set_name, path in files.items()}


def _write(path: Path, solutions: Sequence[Solution]) -> None:
    write_text(path, "".join(json.dumps({"task_id": task_id, "solution": text}) + "\n" for task_id, text in solutions))
