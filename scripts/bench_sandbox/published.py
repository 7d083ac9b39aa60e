"""Published programs and tests as pairs: reference solutions, HumanEvalPack's buggy twins, and mutants of the references."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from code_reward.problem import Problem
from data_prep.candidates import load_candidates
from data_prep.mutants import mutants
from data_prep.sources import load
from scripts.bench_sandbox.data import folder
from scripts.bench_sandbox.pairs import Pair

_SETS = {
    "humaneval": "problems/humaneval.jsonl.gz",
    "mbpp": "problems/mbpp_sanitized.jsonl",
    "kodcode": "problems/kodcode_sample.json.gz",
    "leetcode": "problems/leetcode_train.jsonl.gz",
}
_MUTANT_SECONDS = 1
"""Many mutants never end."""
_TWINS = "pairs/humanevalpack_python.jsonl"


def read_published(count: int) -> list[Pair]:
    """All references and twins, and `count` mutants, a few of every problem."""
    problems = {name: [problem for problem in load(name, folder() / path) if problem.reference_solution] for name, path in _SETS.items()}
    references = [pair for name, some in problems.items() for problem in some for pair in _pairs(name, problem, "reference")]
    every = [problem for some in problems.values() for problem in some]
    return [*references, *_twins(), *itertools.islice(_mutants(every, count // len(every) + 2), count)]


def _pairs(name: str, problem: Problem, what: str, program: str | None = None, seconds: int = 10) -> Iterator[Pair]:
    program = program or problem.reference_solution or ""
    for number, test in enumerate(problem.tests, 1):
        yield Pair(f"{name}: {problem.id}, test {number}, {what}", program, test, problem.entry_point, seconds)


def _twins() -> Iterator[Pair]:
    """HumanEvalPack's programs, right and buggy, by its own tests."""
    problems = {problem.id: problem for problem in load("humanevalpack", folder() / _TWINS)}
    for candidate in load_candidates("humanevalpack", folder() / _TWINS):
        yield from _pairs("humanevalpack", problems[candidate.problem_id], candidate.model or "twin", candidate.program)


def _mutants(problems: list[Problem], each: int) -> Iterator[Pair]:
    """The first mutant of every problem, then the second of every problem, and so on, up to `each`."""
    made = [(problem, mutants(problem.reference_solution or "", each, seed=0)) for problem in problems]
    for turn in range(each):
        for problem, some in made:
            if turn < len(some):
                yield from itertools.islice(_pairs("mutants", problem, f"mutant {turn + 1}", some[turn].program, _MUTANT_SECONDS), 1)
