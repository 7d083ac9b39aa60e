"""Write mutants of reference solutions as candidates: `python -m data_prep.mutants --problems F --out F`."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.problem import Problem, load_problems
from code_reward.rows import at_least_one, write_rows
from data_prep.candidates.candidate import Candidate
from data_prep.mutants.mutate import mutants, normalise


class Mutants(Command):
    """Write each reference solution and some mutants of it, for labelling."""

    problems: Path
    """Problems with reference solutions."""
    out: Path
    """File for the candidates."""
    per_problem: int = Field(default=8, gt=0)
    """Mutants per problem."""
    seed: int = 0
    """Seed of the choice."""


def write_mutants(problem: Problem, per_problem: int, seed: int) -> list[Candidate]:
    """The reference solution of `problem` and up to `per_problem` mutants, all in the formatting of `ast.unparse`."""
    if problem.reference_solution is None or (reference := normalise(problem.reference_solution)) is None:
        return []
    wrong = [mutant.program for mutant in mutants(problem.reference_solution, per_problem, seed)]
    return [
        Candidate(problem_id=problem.id, program=reference, origin="reference"),
        *(Candidate(problem_id=problem.id, program=program, origin="mutant") for program in wrong),
    ]


def main(settings: Mutants) -> None:
    """Write the candidates."""
    problems = load_problems(settings.problems)
    candidates = [candidate for problem in problems for candidate in write_mutants(problem, settings.per_problem, settings.seed)]
    at_least_one(candidates, f"None of the {len(problems)} problems has a reference solution that parses; give problems that do.")
    write_rows(settings.out, candidates)
    print(f"{len(candidates)} candidates for {len(problems)} problems: {settings.out}")


if __name__ == "__main__":
    run(Mutants, main)
