"""What is asked of a request before anything is spent on it, in process and over HTTP alike.

A caller's mistake is a `DataError`. A program can make none: one that no Python could read is `failed`, as every other wrong one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Sequence

from code_reward.errors import DataError
from code_reward.problem import Test
from reward_servers.sandbox.outcome import Execution, Limits, Observation, Observations, Outcome, TestResult

_NAME_CHARACTERS = 60
"""Of each part of a file's name: 255 bytes at most, however they are written."""
_NO_TEXT = "SyntaxError: the program holds half a character (a lone surrogate)"


def is_text(text: str) -> bool:
    """Whether it has an encoding: no half of a character stands alone, as JSON allows."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def write_tests(tests: Sequence[Test]) -> str:
    """The tests as JSON text; raises `DataError` for none, which every program would pass, and for what is no text."""
    if not tests:
        raise DataError("There are no tests, so nothing can be decided; give at least one.")
    written = json.dumps([vars(test) for test in tests], ensure_ascii=False)
    require_text(written, "A test")
    return written


def require_text(text: str, what: str) -> None:
    """Raise `DataError` where `is_text` does not hold."""
    if not is_text(text):
        raise DataError(f"{what} holds half a character (a lone surrogate); correct it.")


def check_names(files: Collection[str], fetch: Collection[str]) -> None:
    """Raise `DataError` unless these are names of files in or below a folder, none of which is another's folder."""
    for name in (*files, *fetch):
        parts = name.split("/")
        if not name or ".." in parts or parts[0] == "" or "\0" in name or not is_text(name) or max(map(len, parts)) > _NAME_CHARACTERS:
            raise DataError(f"{name[:200]!a} is not the name of a file in the working directory; give a relative path without '..'.")
    folders = {name[:end] for name in files for end, character in enumerate(name) if character == "/"}
    if clash := folders & set(files):
        raise DataError(f"{min(clash)[:200]!a} is a file and the folder of another; name one of them otherwise.")


def fail_unreadable(tests: int, limits: Limits | None) -> Outcome:
    """What comes of a program that is no text."""
    count = 1 if (limits or Limits()).stop_at_first_failure else tests
    return Outcome(kind="failed", message=_NO_TEXT, tests=[TestResult(kind="failed", message=_NO_TEXT)] * count)


def observe_unreadable(calls: int) -> Observations:
    """The same of its calls."""
    return Observations(kind="observed", calls=[Observation(kind="failed", message=_NO_TEXT)] * calls)


def execute_unreadable() -> Execution:
    """The same of it as a script: Python ends with 1."""
    return Execution(kind="crashed", message="exit code 1", stderr=f"{_NO_TEXT}\n", exit_code=1)
