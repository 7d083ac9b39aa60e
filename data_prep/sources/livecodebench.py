"""LiveCodeBench: the benchmark's own rows (livecodebench/code_generation_lite), and those of a submission to it.

The benchmark's rows have public and hidden tests, which become one list, the public ones first (`public_tests` says how many). A submission
holds a model's outputs beside the problems but no tests: such problems serve extraction and selection, and the published verdicts of the
outputs (`data_prep.candidates`) are the only labels. The judge's imports are the starter code; the skeleton to complete is in the
statement.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from code_reward.errors import DataError
from code_reward.problem import CallTest, Problem, StdioTest
from data_prep.sources.hidden_tests import read_hidden
from data_prep.sources.hub import Part
from data_prep.sources.judge import IMPORTS, entry_point, with_skeleton
from data_prep.sources.records import Record, from_json, read_problems, survey_problems
from data_prep.sources.source import Source


class Case(Record):
    input: str
    output: str
    testtype: str


class LiveCodeBenchRecord(Record):
    question_id: str
    question_title: str
    question_content: str
    platform: str
    contest_date: str
    starter_code: str
    difficulty: str
    metadata: Annotated[Any, BeforeValidator(from_json)] = Field(default={})
    """Of the benchmark an object; in a submission a list of what its grader said."""
    public_test_cases: str | None = None
    private_test_cases: str | None = None


def read(path: Path) -> list[Problem]:
    """Title, platform, date and difficulty are kept as columns."""
    return read_problems(path, LiveCodeBenchRecord, _problem)


def survey(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row; a row with its hidden tests may have a hundred megabytes."""
    return survey_problems(path, LiveCodeBenchRecord, _problem)


def _problem(record: LiveCodeBenchRecord) -> Problem:
    public = _cases(json.loads(record.public_test_cases) if record.public_test_cases else [])
    hidden = _cases(read_hidden(record.private_test_cases) if record.private_test_cases else [])
    name = _function(record)
    return Problem(
        id=record.question_id,
        statement=with_skeleton(record.question_content, record.starter_code),
        entry_point=entry_point(name, record.starter_code) if name else None,
        starter_code=IMPORTS,
        tests=[to_test(case.testtype == "functional", case.input, case.output) for case in (*public, *hidden)],
        source="lcb",
        public_tests=len(public),
        title=record.question_title,
        platform=record.platform,
        contest_date=record.contest_date,
        difficulty=record.difficulty,
    )


def _cases(rows: Any) -> list[Case]:
    if not isinstance(rows, list):
        raise DataError(f"the tests are a {type(rows).__name__}, not a list; fetch the file again.")
    return [Case.model_validate(row) for row in rows]


def _function(record: LiveCodeBenchRecord) -> str | None:
    """The function that is called; a row of a submission does not say it outside its skeleton."""
    method = re.search(r"^\s+def (\w+)\(\s*self\b", record.starter_code, re.MULTILINE)
    told = record.metadata.get("func_name") if isinstance(record.metadata, dict) else None
    return told or (method.group(1) if method else None)


def to_test(functional: bool, given: str, expected: str) -> CallTest | StdioTest:
    """A case as a test: arguments are one JSON value a line, compared as JSON; or a program's input, its output compared by decimals."""
    if not functional:
        return StdioTest(stdin=given, stdout=expected, compare="decimals")
    try:
        # As JSON ends a line: other characters that Python takes for line ends may stand inside a text.
        arguments = [json.loads(line) for line in given.rstrip("\n").split("\n")]
        return CallTest(args=repr(arguments), expected=repr(json.loads(expected)), compare="json")
    except ValueError as error:
        raise DataError(f"the arguments or the result of a call are not JSON ({error}); correct the row or remove it.") from error


LIVECODEBENCH = Source(
    read,
    "livecodebench/code_generation_lite on the Hugging Face hub; LiveCodeBench/submissions (MIT)",
    survey,
    hub="livecodebench/code_generation_lite",
    part=Part(split="test"),
)
