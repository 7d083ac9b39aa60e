"""Stored rollouts, one at a time: slime's `--save-debug-rollout-data`, what `code_reward_trl.grpo` and TRL itself leave, rows of any run.

A dump of slime is a pickle from who knows where, and is read by `code_reward_view.dumps`, which builds plain data and runs nothing. One
file is in memory at a time. The samples of a rollout that was fanned out are one answer: the one that was judged, else the last.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from code_reward.chat_prompt import statement_in
from code_reward.errors import DataError, explain
from code_reward.problem import Problem
from code_reward.rollouts import answer_of
from code_reward.rows import raw_rows
from code_reward_view.dumps import read_samples

_ROWS = (".jsonl", ".jsonl.gz", ".parquet")


@dataclass(frozen=True)
class Stored:
    """One answer of a run: `number` counts from 0 over all files; `reward` is the run's own, None where it had none."""

    number: int
    step: int | None
    group: str
    problem: Problem
    response: str
    reward: float | None
    judged: bool
    """False for what was aborted or failed: nobody's answer."""


def files_of(path: Path) -> list[Path]:
    """The files of a run that hold its training rollouts, in their order; `path` itself where it is a file."""
    if path.is_file():
        return [path]
    found = [one for one in path.glob("*") if re.fullmatch(r"(rollout|completions)_\d+\.(pt|parquet)|.*\.rollouts\d*\.jsonl", one.name)]
    if not found:
        raise DataError(f"{path} holds no rollout_N.pt, NAME.rollouts.jsonl or completions_N.parquet; give the folder or the file of them.")
    return sorted(found, key=lambda one: [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", one.name)])


def read_stored(files: Iterable[Path], problems: Mapping[str, Problem]) -> Iterator[Stored]:
    """Every answer; raises `DataError` for a file that cannot be read, and where a row names a problem that is not there."""
    number = 0
    for path in files:
        for place, (row, step) in enumerate(_dump(path) if path.suffix == ".pt" else _rows(path), start=1):
            try:
                yield _stored(number, row, step, problems)
            except DataError as error:
                raise DataError(f"{path}, answer {place}: {error}") from error
            number += 1


def _dump(path: Path) -> Iterator[tuple[dict[str, Any], int | None]]:
    step, samples = read_samples(path)
    rollouts: dict[Any, list[dict[str, Any]]] = {}
    for place, sample in enumerate(samples):
        own = sample.get("rollout_id")
        rollouts.setdefault(("sample", place) if own is None else (sample.get("group_index"), own), []).append(sample)
    for turns in rollouts.values():
        yield next((turn for turn in turns if _record(turn).get("answer")), turns[-1]), step


def _rows(path: Path) -> Iterator[tuple[dict[str, Any], int | None]]:
    if not path.name.endswith(_ROWS):
        raise DataError(f"{path} is of no kind that holds rollouts; give .pt, {', '.join(_ROWS)}.")
    for _, row in raw_rows(path):
        yield row, None


def _stored(number: int, row: dict[str, Any], step: int | None, problems: Mapping[str, Problem]) -> Stored:
    metadata = _mapping(row.get("metadata"))
    step = row["step"] if isinstance(row.get("step"), int) else step
    problem = _problem(row, metadata, problems)
    asked = row["group_index"] if row.get("group_index") is not None else problem.id
    response = _response(row, problem.entry_point)
    reward = row.get("reward")
    if isinstance(reward, dict):
        reward = _record(row).get("shaped")
    known = isinstance(reward, int | float) and not isinstance(reward, bool) and _record(row).get("verdict") != "missing"
    judged = row.get("status") not in ("aborted", "failed")
    return Stored(number, step, f"{step}/{asked}", problem, response, float(reward) if known else None, judged)  # type: ignore[arg-type]


def _problem(row: Mapping[str, Any], metadata: Mapping[str, Any], problems: Mapping[str, Problem]) -> Problem:
    name = str(row.get("problem_id") or metadata.get("id") or "")
    if name in problems:
        return problems[name]
    if row.get("problem_id") and problems:
        raise DataError(f"problem {name!r} is not in the problem file; give the file that has it.")
    known = {**row, **metadata}
    prompt = row.get("prompt")
    statement = known.get("statement") or (statement_in(prompt) if isinstance(prompt, (str, list)) and prompt else None)
    if not statement:
        raise DataError("it has no statement; give --problems, whose ids are in problem_id or in the metadata's id.")
    tests = known.get("tests") or []
    try:
        return Problem(
            id=str(name or statement),
            statement=statement,
            entry_point=known.get("entry_point") or None,
            starter_code=known.get("starter_code") or "",
            tests=json.loads(tests) if isinstance(tests, str) else tests,
        )
    except (ValidationError, ValueError) as error:
        raise DataError(f"its problem is not what code_reward.problem.describe writes ({explain(error)}); give --problems.") from error


def _response(row: Mapping[str, Any], entry_point: str | None) -> str:
    for name in ("response", "completion"):
        value = row.get(name)
        if isinstance(value, str):
            return value
        if isinstance(value, list):
            turns = [turn.get("content") for turn in value if isinstance(turn, dict) and turn.get("role") == "assistant"]
            return answer_of([turn for turn in turns if isinstance(turn, str)], entry_point)
    raise DataError(f"it has no response ({', '.join(map(str, list(row)[:12]))}); give the rollouts of a run.")


def _record(row: Mapping[str, Any]) -> Mapping[str, Any]:
    return _mapping(_mapping(row.get("metadata")).get("code_reward"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
