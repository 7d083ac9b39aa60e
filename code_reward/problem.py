"""`Problem`: a programming task and the tests that define right and wrong, in one form for every source.

Sources differ in how they test (HumanEval's `check(candidate)`, MBPP's asserts, KodCode's pytest files, stdin/stdout judges, evalplus
inputs with a tolerance). Each way is a *kind* of test here, so that a sandbox can refuse what it does not know and nothing is guessed
from file layout. Columns of a file that are not ours are kept on the problem and written back.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from code_reward.rows import read_all, write_rows
from code_reward.short_tests import expand
from code_reward.starter import join


class _Test(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class AssertTest(_Test):
    """A script that runs after the program, in its namespace; it fails by raising (MBPP)."""

    kind: Literal["asserts"] = "asserts"
    code: str


class CheckTest(_Test):
    """Code that defines `check(candidate)`, which is called with the entry point (HumanEval, LeetCode)."""

    kind: Literal["check"] = "check"
    code: str


class PytestTest(_Test):
    """A pytest file that imports the program as module `module` (KodCode)."""

    kind: Literal["pytest"] = "pytest"
    code: str
    module: str = "solution"


class UnittestTest(_Test):
    """A script with `unittest.TestCase` classes that use the program's names (CodeRM-8B)."""

    kind: Literal["unittest"] = "unittest"
    code: str


class StdioTest(_Test):
    """The program is run as a script with `stdin`; what it prints is held against `stdout` (LiveCodeBench, TACO, CodeContests)."""

    kind: Literal["stdio"] = "stdio"
    stdin: str
    stdout: str
    compare: Literal["lines", "decimals", "tokens"] = "lines"
    """How, in the words of the graders that published the tests. White space around a line and around the whole never counts.

    - `decimals` (LiveCodeBench): line by line, equal as text, or all numbers and equal as decimals.
    - `lines` (APPS and TACO): line by line and word by word, equal as text or as decimals; numbers with a fraction may be off by 1e-8 +
      1e-5 of the expected one, and yes and no may be written in any case.
    - `tokens` (CodeContests): word by word whatever the lines, in any case, numbers with a fraction within 1e-5.
    """
    checker: str = ""
    """Instead, where several outputs are right: Python that defines `check(stdin, printed, stdout) -> bool`; it has a test's CPU limit."""


class CallTest(_Test):
    """The entry point is called with `args`; the result must equal `expected`, floats within `atol` (evalplus).

    `args` and `expected` are Python literals as source text (`ast.literal_eval` reads them), because JSON has no tuples, sets or
    integers beyond 64 bits.
    """

    kind: Literal["call"] = "call"
    args: str
    expected: str
    atol: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    compare: Literal["python", "json", "boxed"] = "python"
    """What `expected` has gone through.

    - `python`: nothing; equal as `==` says.
    - `json` (LiveCodeBench): JSON, which has lists for tuples, and texts for the keys of a mapping.
    - `boxed` (APPS and TACO): likewise, and a list of one may be the result or hold it.
    """


Test = Annotated[AssertTest | CheckTest | PytestTest | UnittestTest | StdioTest | CallTest, Field(discriminator="kind")]


class Problem(BaseModel):
    """A programming task.

    Unknown columns are kept (`problem.model_extra`), because a research data set's own columns are often needed later.
    """

    model_config = ConfigDict(extra="allow")

    id: str = Field(min_length=1)
    statement: str = Field(min_length=1)
    """What the policy is asked, without any chat template."""
    entry_point: str | None = None
    """The function that the tests call; `Class().method` for LeetCode; None for a program that reads stdin."""
    starter_code: str = ""
    """Code that precedes a solution: imports, a signature, a class skeleton."""
    reference_solution: str | None = None
    """A whole program, starter code included, that passes the tests."""
    tests: list[Test] = []
    """Also as a text or as a list of texts (`code_reward.short_tests`), when a problem is read."""
    time_limit_seconds: float | None = Field(default=None, gt=0, le=3600, allow_inf_nan=False)
    """CPU seconds per test that the problem's authors allow; had wherever tests run, where it is more than the general limit."""
    source: str = ""
    """The name of the data set."""

    _expand = field_validator("tests", mode="before")(expand)


def load_problems(path: str | Path) -> list[Problem]:
    """Read problems from JSONL (also `.gz`) or parquet; raises `DataError` naming the first bad row, and where there is none."""
    return read_all([path], Problem)


def save_problems(path: str | Path, problems: list[Problem]) -> None:
    """Write problems as JSONL (also `.gz`) or parquet, at once or not at all."""
    write_rows(path, problems)


def describe(problem: Problem) -> dict[str, Any]:
    """What a reward needs to know of a problem, as plain JSON for a sample's metadata."""
    return problem.model_dump(
        mode="json", include={"id", "statement", "entry_point", "starter_code", "tests", "time_limit_seconds", "source"}
    )


def runnable(problem: Problem, program: str) -> str:
    """The program that is run for an answer: with the starter code before it (LeetCode's imports and node classes), unless that is open at
    its end (the skeleton of a class)."""
    return join(problem.starter_code, program)
