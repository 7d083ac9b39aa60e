"""APPS (Hendrycks et al.) and TACO (BAAI), which took over its form: competition problems with many tests and many solutions.

Rows without tests are left out: nobody could tell right from wrong. The reference is the first solution that today's Python parses; some
were written for Python 2.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator

from code_reward.errors import DataError
from code_reward.problem import Problem
from data_prep.sources.cases import digest, listed, make_problem, read_cases
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, from_json, left_out, read_problems, survey_problems
from data_prep.sources.source import Source


class AppsRecord(Record):
    problem_id: int
    question: str
    solutions: Annotated[list[str], BeforeValidator(listed)]
    input_output: Annotated[Any, BeforeValidator(from_json)]
    difficulty: str
    starter_code: str | None


class TacoRecord(Record):
    question: str
    solutions: Annotated[list[str], BeforeValidator(listed)]
    input_output: Annotated[Any, BeforeValidator(from_json)]
    difficulty: str
    starter_code: str | None
    url: str | None = None
    time_limit: str | None = None


def read_apps(path: Path) -> list[Problem]:
    """`difficulty` is kept as an extra column."""
    return read_problems(path, AppsRecord, _apps_problem)


def survey_apps(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, AppsRecord, _apps_problem)


def read_taco(path: Path) -> list[Problem]:
    """`difficulty` and `time_limit_seconds` are kept as extra columns; rows have no id: it is a digest of the question and its address."""
    return read_problems(path, TacoRecord, _taco_problem, repeats=True)


def survey_taco(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, TacoRecord, _taco_problem, repeats=True)


def _apps_problem(record: AppsRecord) -> Problem:
    return _problem(record, f"apps/{record.problem_id}", "apps")


def _taco_problem(record: TacoRecord) -> Problem:
    seconds = re.match(r"\s*(\d+(?:\.\d+)?)\s*s", record.time_limit or "")
    identity = f"taco/{digest(record.question, record.url or '')}"
    return _problem(record, identity, "taco", time_limit_seconds=float(seconds.group(1)) if seconds else None)


def _problem(record: AppsRecord | TacoRecord, identity: str, source: str, **columns: Any) -> Problem:
    if not record.input_output or not record.input_output.get("inputs"):
        raise left_out("no tests")
    return make_problem(
        id=identity,
        statement=record.question,
        cases=read_cases(record.input_output),
        skeleton=(record.starter_code or "").strip("\n"),
        solutions=record.solutions,
        source=source,
        difficulty=record.difficulty,
        **columns,
    )


APPS = Source(read_apps, "codeparrot/apps on the Hugging Face hub (MIT)", survey_apps, hub="codeparrot/apps", part=Part(split="train"))
TACO = Source(read_taco, "BAAI/TACO on the Hugging Face hub (Apache-2.0)", survey_taco, hub="BAAI/TACO", part=Part(split="train"))
