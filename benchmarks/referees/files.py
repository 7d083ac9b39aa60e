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
    if not (folder / _SANITIZED).exists():
        lines = [json.dumps({"task_id": task_id, "solution": text}) for task_id, text in solutions]
        write_text(folder / _SAMPLES, "".join(line + "\n" for line in lines))
        environment.run([*words, _SAMPLES], folder, variables)
    rows = [json.loads(line) for line in (folder / _SANITIZED).read_text().splitlines()]
    if [row["task_id"] for row in rows] != [task_id for task_id, _ in solutions]:
        raise DataError(f"{folder / _SANITIZED} is of other answers; remove it and give the same command again.")
    return [row["solution"] for row in rows]
