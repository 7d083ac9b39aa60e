"""What goes wrong with synthetic supervision, on purpose: `python -m data_prep.noise`.

Two kinds of harm for experiments: tests that expect a wrong output, and labels that belong to other programs. The first is the noise
that test synthesis has in practice; the second is the control that no method should gain from.
"""

from __future__ import annotations

import ast
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import DataError
from code_reward.problem import CallTest, Problem, load_problems, save_problems
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_all, write_rows


def spoil_tests(problems: Sequence[Problem], share: float, seed: int) -> list[Problem]:
    """`problems` whose call tests expect another output with probability `share`: the output of another test, or a value close by."""
    draw = random.Random(seed)
    return [problem.model_copy(update={"tests": [_spoil(test, problem, share, draw) for test in problem.tests]}) for problem in problems]


def _spoil(test: Any, problem: Problem, share: float, draw: random.Random) -> CallTest:
    if not isinstance(test, CallTest):
        raise DataError(f"{problem.id} has a test of kind {test.kind}; only call tests name an output that can be spoilt.")
    if draw.random() >= share:
        return test
    right = ast.literal_eval(test.expected)
    # By value: 1 and 1.0 are written differently and expect the same.
    others = sorted({o.expected for o in problem.tests if isinstance(o, CallTest) and ast.literal_eval(o.expected) != right})
    return test.model_copy(update={"expected": draw.choice(others) if others else _another(right)})


def _another(value: Any) -> str:
    return repr(value + 1) if isinstance(value, int) else repr([value])


def shuffle_labels(rows: Sequence[LabelledProgram], seed: int) -> list[LabelledProgram]:
    """`rows` with the labels of each problem dealt to its programs at random: the same share of right ones, no information."""
    draw = random.Random(seed)
    labels: dict[str, list[bool]] = {}
    for row in rows:
        labels.setdefault(row.problem_id, []).append(row.passed)
    for values in labels.values():
        draw.shuffle(values)
    return [row.model_copy(update={"passed": labels[row.problem_id].pop()}) for row in rows]


class Noise(Command):
    """Spoil the tests of a problem file, or shuffle the labels of a file of labelled programs."""

    problems: Path | None = None
    """Problems with call tests, some of which shall expect a wrong output."""
    labelled: list[Path] = Field(default=[])
    """Labelled programs whose labels shall be shuffled within each problem; several files are put together."""
    out: Path
    """File for the result."""
    share: float = Field(default=0.3, ge=0, le=1)
    """Share of the tests to spoil."""
    seed: int = 0
    """Seed of the choice."""


def main(settings: Noise) -> None:
    """Spoil or shuffle, whichever file is given."""
    if (settings.problems is None) == (not settings.labelled):
        raise DataError("Give either --problems, to spoil tests, or --labelled, to shuffle labels.")
    if settings.problems is not None:
        problems = load_problems(settings.problems)
        if not any(test.kind == "call" for problem in problems for test in problem.tests):
            raise DataError(f"{settings.problems} has no call test, and no others are spoilt; give problems that have some.")
        save_problems(settings.out, spoil_tests(problems, settings.share, settings.seed))
    else:
        write_rows(settings.out, shuffle_labels(read_all(settings.labelled, LabelledProgram), settings.seed))


if __name__ == "__main__":
    run(Noise, main)
