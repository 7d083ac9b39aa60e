"""DeepCoder-style rows (agentica-org/DeepCoder-Preview-Dataset): a problem and input/output tests in one of four shapes.

The subsets were gathered from TACO, PrimeIntellect's SYNTHETIC-1, LiveCodeBench and Codeforces and kept their own forms: one object of
parallel lists, or a list of cases, read from stdin or passed to a function. Here each case becomes a `StdioTest` or a `CallTest`. Rows have
no id of their own: the id is a digest of the problem.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

from pydantic import BeforeValidator, Field

from code_reward.errors import DataError
from code_reward.problem import CallTest, Problem, StdioTest
from data_prep.sources.records import Record, from_json, read_problems, survey_problems
from data_prep.sources.source import Source


class DeepCoderRecord(Record):
    problem: str
    tests: Annotated[Any, BeforeValidator(from_json)]
    solutions: list[str] | None = None
    starter_code: str | None = None
    metadata: Annotated[dict[str, Any] | None, BeforeValidator(from_json)] = Field(default=None)


def read(path: Path) -> list[Problem]:
    """The problems of one subset's file."""
    return read_problems(path, DeepCoderRecord, _problem)


def survey(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, DeepCoderRecord, _problem)


def _problem(record: DeepCoderRecord) -> Problem:
    cases = list(_cases(record.tests))
    names = {name for name, _, _ in cases if name} or {str((record.metadata or {}).get("func_name") or "")} - {""}
    called = {kind is not None for kind, _, _ in cases}
    functional = called == {True}
    # Every right function would fail calls that are made tests of a program that reads stdin.
    if len(called) > 1:
        raise DataError("tests: some call a function and others give stdin; correct the row or remove it.")
    if functional and len(names) != 1:
        raise DataError(f"tests: they name {len(names) or 'no'} functions to call, not one; correct the row or remove it.")
    to_test = _call if functional else _stdio
    starter = record.starter_code or ""
    entry_point = _entry_point(names.pop(), starter) if functional else None
    skeleton = f"\n\nComplete this code:\n```python\n{starter.rstrip()}\n```" if starter.strip() else ""
    return Problem(
        id=f"deepcoder-{hashlib.sha256(record.problem.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}",
        statement=record.problem + skeleton if record.problem.strip() else "",
        entry_point=entry_point,
        starter_code=starter,
        tests=[to_test(given, expected) for _, given, expected in cases],
        source="deepcoder",
    )


def _cases(tests: Any) -> Iterator[tuple[str | None, Any, Any]]:
    """(function or None for stdin, input, output) of every case; a function whose name stands elsewhere is the empty string."""
    if isinstance(tests, dict) and {"inputs", "outputs"} <= tests.keys():
        name = tests.get("fn_name")
        yield from ((name, given, expected) for given, expected in zip(tests["inputs"], tests["outputs"], strict=False))
        return
    if not isinstance(tests, list) or not all(isinstance(case, dict) and {"input", "output"} <= case.keys() for case in tests):
        raise DataError("tests: neither a list of cases with `input` and `output` nor one object of lists; correct the row or remove it.")
    for case in tests:
        kind = case.get("type") or case.get("testtype") or "stdin"
        called = kind in ("function_call", "functional")
        yield (case.get("fn_name") or "") if called else None, case["input"], case["output"]


def _entry_point(name: str, starter: str) -> str:
    method = re.search(rf"^\s+def {re.escape(name)}\(self\b", starter, re.MULTILINE)
    return f"Solution().{name}" if method else name


def _call(given: Any, expected: Any) -> CallTest:
    """Arguments are a list, or (LiveCodeBench) one JSON value a line; an expected result in a list of one is TACO's way to write it."""
    try:
        args = [json.loads(line) for line in given.splitlines()] if isinstance(given, str) else list(given)
        result = json.loads(expected) if isinstance(expected, str) and isinstance(given, str) else expected
    except (TypeError, ValueError) as error:
        raise DataError(f"tests: the arguments of a call are not JSON ({error}); correct the row or remove it.") from error
    if isinstance(result, list) and len(result) == 1 and not isinstance(given, str):
        result = result[0]
    return CallTest(args=repr(args), expected=repr(result))


def _stdio(given: Any, expected: Any) -> StdioTest:
    return StdioTest(stdin=_text(given), stdout=_text(expected))


def _text(value: Any) -> str:
    """Stdin and stdout, which some subsets publish as a list of lines."""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


DEEPCODER = Source(read, "agentica-org/DeepCoder-Preview-Dataset on the Hugging Face hub (MIT)", survey)
