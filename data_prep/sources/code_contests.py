"""CodeContests (DeepMind): competition problems with public, private and generated tests, and a time limit.

Of many problems several outputs are right, and the published ones are but one each: a right program would fail. Such a problem is used only
where a column `checker` has a Python program that decides (`code_reward.problem.StdioTest.checker`); else it is left out, as its statement
tells, and counted. Checkers in C++, which others have written for these problems, are not run.
Outputs are compared word by word, as the authors do. Only columns that are needed are read: the solutions are most of the set.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from code_reward.errors import DataError
from code_reward.problem import Problem, StdioTest
from code_reward.validity import check_program
from data_prep.sources.hub import Part
from data_prep.sources.judge import IMPORTS
from data_prep.sources.records import Record, left_out, read_problems, survey_problems
from data_prep.sources.source import Source

PYTHON3 = 3
"""Its number among the languages of solutions."""

_MANY = r"(?:several|multiple|many|more than one)"
_ANSWERS = (
    r"(?:answer|solution|way|option|sequence|string|array|permutation|pair|path|number|variant|possibilit|construction|arrangement|such)"
)
_SEVERAL = re.compile(
    "|".join(
        [
            rf"\b{_MANY}\b[^.\n]{{0,60}}\b{_ANSWERS}",
            r"\b(?:print|output|choose|find|return|report)\s+any\b",
            r"\bany of them\b",
            rf"\bany (?:valid|correct|suitable|possible|acceptable|optimal)\b[^.\n]{{0,30}}{_ANSWERS}",
            r"\bin (?:any|arbitrary) order\b",
        ]
    ),
    re.IGNORECASE,
)
"""What a statement says where several outputs are right."""


class Pairs(Record):
    input: list[str]
    output: list[str]


class Solutions(Record):
    language: list[int]
    solution: list[str]


class Duration(Record):
    seconds: int = 0
    nanos: int = 0


class CodeContestsRecord(Record):
    name: str
    description: str
    public_tests: Pairs
    private_tests: Pairs
    generated_tests: Pairs
    solutions: Solutions
    time_limit: Duration | None
    input_file: str = ""
    output_file: str = ""
    cf_rating: int = 0
    checker: str | None = None
    """Not in the published set: Python that defines `check(stdin, printed, stdout) -> bool`."""


def read(path: Path) -> list[Problem]:
    """`cf_rating`, `time_limit_seconds` and `public_tests` (how many tests come first) are kept as extra columns."""
    return read_problems(path, CodeContestsRecord, _problem)


def survey(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, CodeContestsRecord, _problem)


def _problem(record: CodeContestsRecord) -> Problem:
    if record.input_file or record.output_file:
        raise left_out("it reads or writes a file")
    if record.checker and check_program(record.checker, "check") is not None:
        raise left_out("its checker is no Python that defines check")
    if not record.checker and _SEVERAL.search(record.description):
        raise left_out("several outputs are right, and there is no checker")
    public, private, generated = (
        _tests(part, record.checker or "") for part in (record.public_tests, record.private_tests, record.generated_tests)
    )
    tests = [*public, *private, *generated]
    if not tests:
        raise left_out("no tests")
    limit = record.time_limit
    return Problem(
        id=f"code_contests/{record.name}",
        statement=record.description,
        starter_code=IMPORTS,
        reference_solution=_reference(record.solutions),
        tests=tests,
        source="code_contests",
        public_tests=len(public),
        cf_rating=record.cf_rating,
        time_limit_seconds=(limit.seconds + limit.nanos / 1e9 if limit else 0) or None,
    )


def _tests(pairs: Pairs, checker: str) -> list[StdioTest]:
    if len(pairs.input) != len(pairs.output):
        raise DataError(f"{len(pairs.input)} inputs come with {len(pairs.output)} outputs; correct the row or remove it.")
    how: dict[str, Any] = {"checker": checker} if checker else {"compare": "tokens"}
    return [StdioTest(stdin=given, stdout=expected, **how) for given, expected in zip(pairs.input, pairs.output, strict=True)]


def _reference(solutions: Solutions) -> str | None:
    """The first Python 3 program among the solutions."""
    programs = (text for language, text in zip(solutions.language, solutions.solution, strict=True) if language == PYTHON3)
    return next((program for program in programs if check_program(program, None) is None), None)


CODE_CONTESTS = Source(
    read,
    "deepmind/code_contests on the Hugging Face hub (CC BY 4.0)",
    survey,
    hub="deepmind/code_contests",
    part=Part(split="train"),
)
