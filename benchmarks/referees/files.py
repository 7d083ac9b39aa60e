"""The files by which referees of evalplus's family are asked: tasks and answers as JSONL, programs back as JSONL."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.referees.environment import Environment
from code_reward.errors import DataError
from code_reward.files import write_text

_SAMPLES, _SANITIZED = "samples.jsonl", "samples-sanitized.jsonl"
RESULTS = "samples-sanitized_eval_results.json"
"""Where evaluators of this family put their verdicts."""


def write_tasks(folder: Path, tasks: Mapping[str, Any]) -> Path:
    """The tasks that were asked, in the published form."""
    path = folder / "tasks.jsonl"
    if not path.exists():
        write_text(path, "".join(json.dumps(task) + "\n" for task in tasks.values()))
    return path


def sanitized(
    environment: Environment, folder: Path, words: Sequence[str], solutions: Sequence[tuple[str, str]], variables: Mapping[str, str]
) -> list[str]:
    """The program that the referee's sanitizer, called by `words`, takes from the text of each (task, text), in order."""
    rows = _programs(folder)
    if rows is None:
        # Verdicts are of the programs that were there before.
        (folder / RESULTS).unlink(missing_ok=True)
        lines = [json.dumps({"task_id": task_id, "solution": text}) for task_id, text in solutions]
        write_text(folder / _SAMPLES, "".join(line + "\n" for line in lines))
        environment.run([*words, _SAMPLES], folder, variables)
        rows = _programs(folder)
    if rows is None or [row["task_id"] for row in rows] != [task_id for task_id, _ in solutions]:
        raise DataError(f"{folder / _SANITIZED} is of other answers; remove it and give the same command again.")
    return [row["solution"] for row in rows]


def _programs(folder: Path) -> list[dict[str, Any]] | None:
    """What a sanitizer has written; None where it has not, or was killed while it wrote."""
    path = folder / _SANITIZED
    if not path.exists() or not path.read_bytes().endswith(b"\n"):
        return None
    try:
        return [json.loads(line) for line in path.read_text().splitlines()]
    except ValueError:
        return None


def results_of(folder: Path) -> dict[str, Any] | None:
    """The verdicts of an evaluator by task; None where there are none, or it was killed while it wrote them."""
    try:
        results: dict[str, Any] = json.loads((folder / RESULTS).read_bytes())["eval"]
    except (FileNotFoundError, ValueError):
        (folder / RESULTS).unlink(missing_ok=True)
        return None
    return results
