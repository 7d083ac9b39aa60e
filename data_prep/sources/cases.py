"""Input/output cases as competitions publish them, in the shapes of APPS, of SYNTHETIC-1 and of LiveCodeBench, as tests.

APPS and TACO have one object of parallel lists, the others a list of cases; each is read from stdin or passed to a function. Results are
compared as the graders of these sets do: JSON has made lists of tuples and texts of keys, an expected list of one may be the result or hold
it; and a rounding error of a float is none. What a judge has imported goes before an answer.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from code_reward.errors import DataError
from code_reward.extraction import extract_code
from code_reward.problem import CallTest, Problem, StdioTest
from code_reward.validity import check_program
from data_prep.sources.declarations import tells
from data_prep.sources.judge import IMPORTS, entry_point, with_skeleton
from data_prep.sources.livecodebench import to_test

ROUNDING = 1e-9
"""What a float result may be off by."""

_PARALLEL = frozenset({"inputs", "outputs"})
_CASE = frozenset({"input", "output"})


@dataclass(frozen=True)
class Cases:
    """The tests of a problem, and the function that they call; None for programs that read stdin."""

    tests: list[CallTest | StdioTest]
    function: str | None


def read_cases(tests: Any, function: str | None = None) -> Cases:
    """Tests in any of the shapes; `function` is what they call where they do not say it themselves.

    Raises:
        DataError: There are none, they are of no known shape or of two at once, or they call no function, or several.
    """
    if isinstance(tests, dict) and tests.keys() >= _PARALLEL:
        cases = _parallel(tests)
    elif isinstance(tests, list) and all(isinstance(case, dict) and case.keys() >= _CASE for case in tests):
        cases = tests
    else:
        raise DataError(
            "the tests are neither a list of cases with `input` and `output` nor one object of `inputs` and `outputs`; correct the row."
        )
    if not cases:
        raise DataError("there are no tests; leave the row out.")
    names = {str(name) for name in (case.get("fn_name") for case in cases) if name} or {function or ""} - {""}
    called = {_is_call(case) for case in cases}
    # Every right function would fail calls that are made tests of a program that reads stdin.
    if len(called) > 1:
        raise DataError("some tests call a function and others give stdin; correct the row or remove it.")
    if called == {True} and len(names) != 1:
        raise DataError(f"the tests name {len(names) or 'no'} functions to call, not one; correct the row or remove it.")
    return Cases([_test(case) for case in cases], names.pop() if called == {True} else None)


def _parallel(tests: dict[str, Any]) -> list[dict[str, Any]]:
    inputs, outputs = tests["inputs"], tests["outputs"]
    if len(inputs) != len(outputs):
        raise DataError(f"{len(inputs)} inputs come with {len(outputs)} outputs; correct the row or remove it.")
    kind = {"fn_name": tests["fn_name"], "type": "function_call"} if tests.get("fn_name") else {"type": "stdin_stdout"}
    return [{"input": given, "output": expected, **kind} for given, expected in zip(inputs, outputs, strict=True)]


def _is_call(case: dict[str, Any]) -> bool:
    return (case.get("type") or case.get("testtype") or "stdin") in ("function_call", "functional")


def _test(case: dict[str, Any]) -> CallTest | StdioTest:
    given, expected = case["input"], case["output"]
    if "testtype" in case and isinstance(given, str):
        test = to_test(_is_call(case), given, expected)
        return test.model_copy(update={"atol": ROUNDING}) if isinstance(test, CallTest) else test
    return _call(given, expected) if _is_call(case) else StdioTest(stdin=_text(given), stdout=_text(expected))


def _call(given: Any, expected: Any) -> CallTest:
    """Arguments are a list, or one JSON value a line."""
    try:
        arguments = [json.loads(line) for line in given.rstrip("\n").split("\n")] if isinstance(given, str) else list(given)
        result = json.loads(expected) if isinstance(expected, str) and isinstance(given, str) else expected
    except (TypeError, ValueError) as error:
        raise DataError(f"the arguments of a call are not JSON ({error}); correct the row or remove it.") from error
    if len(arguments) == 1 and isinstance(arguments[0], dict):
        arguments = [_whole_keys(arguments[0])]
    return CallTest(args=repr(arguments), expected=repr(result), compare="boxed", atol=ROUNDING)


def _whole_keys(argument: dict[str, Any]) -> dict[Any, Any]:
    """A mapping whose keys were whole numbers before they were JSON, as the graders take it."""
    return {int(key): value for key, value in argument.items()} if all(re.fullmatch(r"-?\d+", key) for key in argument) else argument


def _text(value: Any) -> str:
    """Stdin and stdout, which some sets publish as a list of lines."""
    return "\n".join(map(str, value)) if isinstance(value, list) else str(value)


def make_problem(*, id: str, statement: str, cases: Cases, skeleton: str, solutions: Sequence[str], source: str, **columns: Any) -> Problem:
    """A problem of a competition; the reference is the first of the published solutions that is a Python program of that function."""
    call = entry_point(cases.function, skeleton) if cases.function else None
    reference = next((program for program in map(_program, solutions) if program and check_program(program, call) is None), None)
    if call is None or reference is None:
        wanted = skeleton
    else:
        # Where nobody says what to define, a policy could only guess it.
        wanted = skeleton or ("" if tells(statement, str(cases.function)) else _first_line(reference, str(cases.function)))
        reference = f"{IMPORTS}\n\n{reference}"
    return Problem(
        id=id,
        statement=with_skeleton(statement, wanted),
        entry_point=call,
        starter_code=IMPORTS,
        reference_solution=reference,
        tests=cases.tests,
        source=source,
        **columns,
    )


def _program(solution: str) -> str | None:
    """A published solution is a program, or an answer with one in a block."""
    return extract_code(solution).code if "```" in solution else solution


def _first_line(program: str, name: str) -> str:
    found = re.search(rf"^def {re.escape(name)}\b[^\n]*", program, re.MULTILINE)
    return found.group(0) if found else ""


def digest(*texts: str) -> str:
    """An id for rows that have none."""
    return hashlib.sha256("\0".join(texts).encode("utf-8", "surrogatepass")).hexdigest()[:16]


def listed(value: object) -> object:
    """A column of JSON text, read; empty text is an empty list."""
    return (json.loads(value) if value.strip() else []) if isinstance(value, str) else value if isinstance(value, Iterable) else []
