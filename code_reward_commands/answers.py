"""Answers as they come: rows of JSONL or parquet, from files or standard input, with whatever other columns they have.

A row needs its problem's statement, in it or by `problem_id` in a problem file, and an answer (`response`) or a bare program (`program`).
What lacks either is an error that names the columns that are there: a misnamed column must not look like a policy that writes nothing.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from code_reward.bare_programs import read_of
from code_reward.errors import DataError
from code_reward.problem import Problem, load_problems
from code_reward.rm_input import RMInputSettings
from code_reward.rows import raw_rows

STDIN = "-"
_PLAINEST = RMInputSettings(part="answer")


@dataclass(frozen=True)
class Answer:
    """One answer to one problem."""

    row: dict[str, Any]
    """Everything that was given, kept for the output."""
    problem_id: str
    statement: str
    entry_point: str | None
    response: str
    """A bare program stands here as the plainest answer with it: one fenced block."""


def read_answers(paths: Sequence[str], problems: Path | None = None) -> Iterator[Answer]:
    """The answers of all files, one at a time; `-` is standard input (JSONL). Raises `DataError` where a row is not one, or none comes."""
    known = {problem.id: problem for problem in load_problems(problems)} if problems else {}
    number = 0
    for path in paths:
        for number, row in _numbered(path):
            try:
                yield _answer(row, known)
            except DataError as error:
                raise DataError(f"{'standard input' if path == STDIN else path}, row {number}: {error}") from error
    if not number:
        read = " and ".join("standard input" if path == STDIN else path for path in paths)
        raise DataError(f"{read or 'the input'} holds no row; give one answer per row.")


def _numbered(path: str) -> Iterable[tuple[int, dict[str, Any]]]:
    return _standard_input() if path == STDIN else raw_rows(path)


def _standard_input() -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(sys.stdin.buffer, start=1):
        if line.strip():
            try:
                row = json.loads(line)
            except (ValueError, RecursionError) as error:
                raise DataError(f"standard input, row {number}: not JSON ({error}); write one JSON object per line.") from error
            if not isinstance(row, dict):
                raise DataError(f"standard input, row {number}: a {type(row).__name__}, not an object; write one JSON object per line.")
            yield number, row


def _answer(row: dict[str, Any], known: dict[str, Problem]) -> Answer:
    problem_id = _text(row, "problem_id") or ""
    problem = known.get(problem_id)
    if known and problem is None:
        raise DataError(f"problem {problem_id!r} is not in the problem file; give the file that has it.")
    statement = _text(row, "statement") or (problem.statement if problem else "")
    if not statement:
        raise DataError(f"has no statement ({_columns(row)}); add that column, or give --problems and a column problem_id.")
    response = _text(row, "response") or ""
    if not response:
        if "response" not in row and "program" not in row:
            raise DataError(f"has neither response nor program ({_columns(row)}); rename the column that holds the answer.")
        program = _text(row, "program") or ""
        response = read_of(program, _PLAINEST) if program else ""
    entry_point = _text(row, "entry_point") or (problem.entry_point if problem else None)
    return Answer(row, problem_id or statement, statement, entry_point, response)


def _text(row: dict[str, Any], name: str) -> str | None:
    value = row.get(name)
    if value is not None and not isinstance(value, str):
        raise DataError(f"{name} is a {type(value).__name__}, not a text; correct the row or remove it.")
    return value


def _columns(row: dict[str, Any]) -> str:
    return f"its columns are {', '.join(map(str, list(row)[:12])) or 'none'}"
