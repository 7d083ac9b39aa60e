"""Programs for teaching a policy: right ones and wrong ones in a chosen share: `python -m data_prep.demonstrations`.

A policy taught right programs alone has little left to learn from a reward. Wrong programs are mutants of the reference solution, drawn
anew for every problem. Nothing is executed: a mutant that happens to be equivalent counts as wrong here.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.problem import Problem, load_problems
from code_reward.reward_data import LabelledProgram
from code_reward.rows import at_least_one, write_rows
from data_prep.mutants import Mutant, mutants, normalise


def demonstrate(
    problems: Sequence[Problem], *, per_problem: int, right_share: float, seed: int, mutations: int = 1
) -> list[LabelledProgram]:
    """`per_problem` rows a problem in random order: the reference solution with probability `right_share`, else one of its mutants.

    With several `mutations` the mutant is mutated again, as long as there is something to mutate.
    """
    rng = random.Random(seed)
    rows = []
    for problem in problems:
        reference = problem.reference_solution
        if reference is None:
            continue
        chosen = [rng.random() < right_share for _ in range(per_problem)]
        mutant_seed = rng.randrange(2**32)
        wrong = [] if all(chosen) else mutants(reference, limit=2 * per_problem, seed=mutant_seed)
        for right in chosen:
            right = right or not wrong
            rows.append(
                LabelledProgram(
                    problem_id=problem.id,
                    statement=problem.statement,
                    entry_point=problem.entry_point,
                    program=reference if right else _mutated(rng.choice(wrong), mutations, reference, rng),
                    passed=right,
                    origin="reference" if right else "mutant",
                )
            )
    rng.shuffle(rows)
    return rows


def _mutated(mutant: Mutant, times: int, right: str, rng: random.Random) -> str:
    """The program of `mutant`, mutated until it has been `times` times; what is changed back is no mutant."""
    program, undone = mutant.program, normalise(right)
    for _ in range(times - 1):
        found = [other.program for other in mutants(program, limit=3, seed=rng.randrange(2**32)) if other.program != undone]
        if not found:
            break
        program = rng.choice(found)
    return program


class Demonstrations(Command):
    """Write right and wrong programs for supervised training."""

    problems: list[Path]
    """Problems with reference solutions; several files are put together."""
    out: Path
    """File for the rows."""
    per_problem: int = Field(default=8, gt=0)
    """Rows per problem."""
    right_share: float = Field(default=0.4, ge=0, le=1)
    """Share of reference solutions among the rows."""
    mutations: int = Field(default=1, ge=1)
    """How often a wrong program is mutated, each time what the time before left."""
    seed: int = 0
    """Seed of the choice."""


def main(settings: Demonstrations) -> None:
    """Write the rows."""
    problems = [problem for path in settings.problems for problem in load_problems(path)]
    rows = demonstrate(
        problems,
        per_problem=settings.per_problem,
        right_share=settings.right_share,
        seed=settings.seed,
        mutations=settings.mutations,
    )
    at_least_one(rows, f"None of the {len(problems)} problems has a reference solution; give problems that do.")
    write_rows(settings.out, rows)
    print(f"{len(rows)} programs for {len(problems)} problems, {sum(row.passed for row in rows)} of them right, in {settings.out}")


if __name__ == "__main__":
    run(Demonstrations, main)
