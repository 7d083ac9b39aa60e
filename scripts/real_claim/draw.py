"""A part of a pool of labelled programs, for machines that cannot read all of it."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random

from code_reward.reward_data import LabelledProgram


def draw(rows: Sequence[LabelledProgram], problems: int | None, per_problem: int | None) -> list[LabelledProgram]:
    """Some problems that have a right and a wrong program, and of each some distinct programs, half of them right as far as there are.

    A smaller number of problems gives the first of a larger one.
    """
    by_problem: dict[str, list[LabelledProgram]] = {}
    for row in rows:
        if row.program.strip():
            by_problem.setdefault(row.problem_id, []).append(row)
    if problems is not None:
        names = sorted(name for name, own in by_problem.items() if len({row.passed for row in own}) == 2)
        Random(0).shuffle(names)
        by_problem = {name: by_problem[name] for name in names[:problems]}
    if per_problem is None:
        return [row for own in by_problem.values() for row in own]
    return [row for name, own in by_problem.items() for row in _some(name, own, per_problem)]


def _some(name: str, rows: Sequence[LabelledProgram], count: int) -> list[LabelledProgram]:
    chance = Random(f"0/{name}")
    distinct = {row.program: row for row in rows}
    kept: list[LabelledProgram] = []
    for passed in (True, False):
        programs = sorted(program for program, row in distinct.items() if row.passed is passed)
        kept += [distinct[program] for program in chance.sample(programs, min(count // 2, len(programs)))]
    return kept
