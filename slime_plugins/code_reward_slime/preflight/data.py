"""Whether the prompt data hold what slime and the hooks read, in every row."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from code_reward.errors import DataError
from code_reward.rows import raw_rows
from code_reward_slime.preflight.hook_settings import settings_of
from code_reward_slime.preflight.row import Row, ok
from code_reward_slime.preflight.train_arguments import TrainArguments
from code_reward_slime.task import problem_of, task_of


def check_data(arguments: TrainArguments) -> Iterator[Row]:
    """A row for `--prompt-data`; raises `DataError` for the first row of it that would fail in the run."""
    path = arguments.one("--prompt-data")
    if path is None:
        return
    tests_for = who_needs_tests(arguments.one("--custom-rm-path") or "", arguments)
    count, tests = examine_file(Path(path.partition("@[")[0]), keys_of(arguments), tests_for)
    yield ok("prompt data", f"{count} rows in {path}, {tests} of them with tests")


def keys_of(arguments: TrainArguments) -> dict[str, str | None]:
    """The columns that slime reads."""
    return {
        "prompt": arguments.one("--input-key") or "input",
        "label": arguments.one("--label-key"),
        "metadata": arguments.one("--metadata-key") or "metadata",
    }


def who_needs_tests(reward: str, arguments: TrainArguments) -> str | None:
    """What a reward function is called if it has nothing to say of a problem without tests; None for every other."""
    name = reward.rpartition(".")[2]
    if name == "hybrid_reward":
        settings = settings_of(arguments)
        return "the weighted hybrid reward" if settings.hybrid_mode == "weighted" and not settings.hybrid_stand_in else None
    return "the unit-test reward" if name == "unit_test_reward" else None


def examine_file(path: Path, keys: dict[str, str | None], tests_for: str | None) -> tuple[int, int]:
    """How many rows there are, and how many have tests, which all must have if there is somebody that they are for (`who_needs_tests`)."""
    count = tests = 0
    for number, row in raw_rows(path):
        try:
            tests += _examine_row(row, keys, tests_for)
        except DataError as error:
            raise DataError(f"{path}, row {number}: {error}") from error
        count += 1
    if not count:
        raise DataError(f"{path} has no rows; make it with python -m data_prep.prompts.")
    return count, tests


def _examine_row(row: dict[str, Any], keys: dict[str, str | None], tests_for: str | None) -> bool:
    """Whether it has tests; raises `DataError` that says what is missing."""
    for key in filter(None, keys.values()):
        if key not in row:
            raise DataError(f"there is no column {key!r}, which slime reads; name the right one, or make the data with data_prep.prompts.")
    metadata = row[keys["metadata"] or "metadata"]
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError as error:
            raise DataError(f"the metadata are no JSON ({error}); write what code_reward.problem.describe(problem) gives.") from error
    if not isinstance(metadata, dict):
        raise DataError("the metadata are no mapping; write what code_reward.problem.describe(problem) gives.")
    sample = SimpleNamespace(prompt=row[keys["prompt"] or "input"], metadata=metadata)
    if not task_of(sample).statement:
        raise DataError(
            "neither metadata nor prompt give a statement for the reward; write what code_reward.problem.describe(problem) gives."
        )
    problem = problem_of(sample)
    if tests_for is not None and not problem.tests:
        raise DataError(f"the problem has no tests, which {tests_for} needs; make the data with --with-tests.")
    return bool(problem.tests)
