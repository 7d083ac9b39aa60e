"""evalplus's verdicts: its sanitizer takes the program out of an answer, its evaluator runs it on the base and on the extra inputs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.referees.environment import Environment
from benchmarks.referees.files import results_of, sanitized, write_tasks
from benchmarks.verdicts import Said
from code_reward.errors import SandboxError

_VARIABLES = {"humaneval": "HUMANEVAL_OVERRIDE_PATH", "mbpp": "MBPP_OVERRIDE_PATH"}


def sanitize(
    environment: Environment, folder: Path, name: str, tasks: Mapping[str, Any], solutions: Sequence[tuple[str, str]]
) -> list[str]:
    """The program that evalplus takes from each answer, in order."""
    write_tasks(folder, tasks)
    return sanitized(environment, folder, ["-m", "evalplus.sanitize", "--samples"], solutions, _variables(folder, name))


def evaluate(environment: Environment, folder: Path, name: str) -> dict[str, list[dict[str, Said]]]:
    """Of every task and sample, what evalplus says of the base inputs and of the extra ones: pass, fail or timeout."""
    results = results_of(folder)
    if results is None:
        words = ["-m", "evalplus.evaluate", "--dataset", name, "--samples", "samples-sanitized.jsonl"]
        environment.run(words, folder, _variables(folder, name))
        results = results_of(folder)
    if results is None:
        raise SandboxError(f"evalplus left no verdicts in {folder}; see {folder / 'referee.log'}.")
    return {task_id: [{"base": one["base_status"], "plus": one["plus_status"]} for one in many] for task_id, many in results.items()}


def _variables(folder: Path, name: str) -> dict[str, str]:
    """evalplus wants both data sets, whichever it judges: the other one is empty."""
    nothing = folder / "nothing.jsonl"
    nothing.touch()
    files = dict.fromkeys(_VARIABLES, nothing) | {name: folder / "tasks.jsonl"}
    return {_VARIABLES[set_name]: str(path.absolute()) for set_name, path in files.items()}
