"""The problem that a sample answers, from its metadata: the keys of `code_reward.problem.describe`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Literal

from pydantic import ValidationError

from code_reward.chat_prompt import statement_in
from code_reward.errors import DataError, explain
from code_reward.problem import Problem
from code_reward_slime.samples import metadata_of


@dataclass(frozen=True)
class Task:
    """What a reward model is told of the problem, and where the statement comes from."""

    statement: str | None
    entry_point: str | None
    source: Literal["metadata", "prompt"]


def task_of(sample: Any) -> Task:
    """The sample's task: the metadata's `statement` and `entry_point`; without a statement there, what the prompt asks."""
    metadata = metadata_of(sample)
    entry_point = metadata.get("entry_point") or None
    statement = metadata.get("statement")
    if isinstance(statement, str) and statement:
        return Task(statement, entry_point, "metadata")
    return Task(statement_in(sample.prompt), entry_point, "prompt")


def problem_of(sample: Any) -> Problem:
    """The sample's problem with its tests, which may be a list or (for parquet, whose columns have one shape) its JSON text.

    Raises `DataError` for tests that are not what `code_reward.problem` says.
    """
    metadata, task = metadata_of(sample), task_of(sample)
    tests = metadata.get("tests") or []
    try:
        return Problem(
            id=str(metadata.get("id") or "?"),
            statement=task.statement or "?",
            entry_point=task.entry_point,
            starter_code=metadata.get("starter_code") or "",
            tests=json.loads(tests) if isinstance(tests, str) else tests,
            time_limit_seconds=metadata.get("time_limit_seconds"),
        )
    except (ValidationError, ValueError) as error:
        named, why = metadata.get("id"), explain(error)
        raise DataError(f"The metadata of problem {named!r} is not what describe(problem) writes ({why}); write the data again.") from error
