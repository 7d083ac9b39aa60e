"""A test author that needs no language model: `python -m data_prep.unit_tests.offline --problems F --out F`.

Writes `unittest` classes from a problem's own call tests, with comments, and now and then with a wrong expectation, so that all that
follows (running, repairing, dropping, training a small generator) can be rehearsed. For tests and demonstrations; it invents no inputs.
"""

from __future__ import annotations

import ast
import random
from pathlib import Path

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.problem import Problem, UnittestTest, load_problems
from code_reward.rows import at_least_one, write_rows
from data_prep.unit_tests.sample import TestSample


def write_tests(problem: Problem, *, samples: int, cases: int, errors: float, rng: random.Random) -> list[TestSample]:
    """Classes of `cases` of the problem's own call tests each; none for a problem without call tests."""
    known = _known_cases(problem)
    if not known:
        return []
    return [_sample(problem, rng.sample(known, min(cases, len(known))), errors, rng) for _ in range(samples)]


def _known_cases(problem: Problem) -> list[tuple[str, str]]:
    """Calls and expected values, as source."""
    return [(_call(problem.entry_point, test.args), test.expected) for test in problem.tests if test.kind == "call" and problem.entry_point]


def _call(entry_point: str, arguments: str) -> str:
    node = ast.parse(arguments, mode="eval").body
    if isinstance(node, ast.Dict):
        return f"{entry_point}(**{arguments})"
    assert isinstance(node, (ast.Tuple, ast.List))
    return f"{entry_point}({', '.join(map(ast.unparse, node.elts))})"


def _sample(problem: Problem, cases: list[tuple[str, str]], errors: float, rng: random.Random) -> TestSample:
    lines = [
        "import unittest",
        "",
        f"class Test{''.join(part.title() for part in (problem.entry_point or 'f').split('_'))}(unittest.TestCase):",
    ]
    for number, (call, value) in enumerate(cases, start=1):
        if rng.random() < errors:
            value = rng.choice([other for _, other in cases])
        lines += [f"    def test_{number}(self):", f"        # {call} should give {value}.", f"        self.assertEqual({call}, {value})"]
    code = "\n".join(lines) + "\n"
    response = f"```python\n{code}```"
    return TestSample(problem_id=problem.id, tests=[UnittestTest(code=code)], response=response, model="offline")


class Offline(Command):
    """Write unit tests from the problems' own call tests, without a language model."""

    problems: Path
    """Problems with call tests."""
    out: Path
    """File for the test samples."""
    samples: int = Field(default=4, ge=1)
    """Samples per problem."""
    cases: int = Field(default=3, ge=1)
    """Assertions per sample."""
    errors: float = Field(default=0.1, ge=0, le=1)
    """Share of expectations that are taken from another case, and so may be wrong."""
    seed: int = 0
    """Seed of the choice."""


def main(settings: Offline) -> None:
    """Write the samples."""
    rng = random.Random(settings.seed)
    problems = load_problems(settings.problems)
    given = settings.model_dump(include={"samples", "cases", "errors"})
    rows = [row for problem in problems for row in write_tests(problem, **given, rng=rng)]
    at_least_one(rows, f"None of the {len(problems)} problems has call tests with an entry point; give problems that do.")
    write_rows(settings.out, rows)
    print(f"{len(rows)} samples for {len(problems)} problems: {settings.out}")


if __name__ == "__main__":
    run(Offline, main)
