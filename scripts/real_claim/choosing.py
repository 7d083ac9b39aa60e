"""Choosing one of a problem's programs: by the reward model alone, by generated tests alone, by both.

The settings of every rule that has any are chosen on problems of other parts, with scores of heads that never saw the part that is judged
(`scripts.real_claim.nested`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from code_reward.errors import DataError
from code_reward.reward_data import LabelledProgram
from code_reward.selection.evaluation import METHODS, by_sampling
from code_reward.selection.matrix import ResultsMatrix
from code_reward.selection.rules import Rule
from code_reward.selection.scored import SCORED_VARIANTS
from code_reward.selection.vouched import VARIANTS
from scripts.real_claim.nested import Nested, Parts
from scripts.real_claim.states import Problem

Accuracies = npt.NDArray[np.float64]
"""Per problem, in the order of the matrices."""

UNTUNED = ("random", "majority_vote", "codet", "srank", "mbr_exec_soft", "oracle")


def places_of(problems: Sequence[Problem], labelled: Sequence[LabelledProgram]) -> dict[str, list[int]]:
    """Of every problem the place among its candidates where each of its programs occurs first."""
    candidates: dict[str, list[str]] = {}
    for row in labelled:
        candidates.setdefault(row.problem_id, []).append(row.program)
    return {problem.name: [candidates[problem.name].index(program) for program in problem.programs] for problem in problems}


def with_scores(matrix: ResultsMatrix, candidates: Sequence[str], problem: Problem, scores: npt.NDArray[np.float64]) -> ResultsMatrix:
    """The matrix with a score for every candidate whose program has one."""
    if len(candidates) != len(matrix.correct):
        raise DataError(f"{matrix.problem_id} has {len(candidates)} labelled programs and a matrix of {len(matrix.correct)}; make it anew.")
    known = dict(zip(problem.programs, scores.tolist(), strict=True))
    return matrix.model_copy(update={"scores": [known.get(program) for program in candidates]})


def untuned(matrices: Sequence[ResultsMatrix]) -> dict[str, Accuracies]:
    """The rules that have no settings and read no scores, choosing among all candidates."""
    return {name: _accuracies(METHODS[name].expect, matrices) for name in UNTUNED}


def tests_alone(matrices: Sequence[ResultsMatrix], part: Parts) -> Accuracies:
    """`vouched_vote` with exponents chosen on other parts."""
    return _nested(VARIANTS, [matrices] * (int(part.max()) + 1), part)[0]


def model_alone(scored: Sequence[Sequence[ResultsMatrix]], part: Parts) -> Accuracies:
    """The best by score."""
    return np.array([_accuracies(METHODS["best_by_score"].expect, [scored[own][place]])[0] for place, own in enumerate(part)])


def together(scored: Sequence[Sequence[ResultsMatrix]], part: Parts) -> tuple[Accuracies, Counter[str]]:
    """`scored_vote` with exponents chosen on other parts, and how often each was chosen."""
    return _nested(SCORED_VARIANTS, scored, part)


def scored_matrices(
    nested: Nested, problems: Sequence[Problem], matrices: Sequence[ResultsMatrix], labelled: Mapping[str, Sequence[str]]
) -> list[list[ResultsMatrix]]:
    """For every part the matrices with the scores that may be looked at for it; problems and matrices in the same order."""
    return [
        [with_scores(matrix, labelled[problem.name], problem, own) for matrix, problem, own in zip(matrices, problems, scores, strict=True)]
        for scores in nested.scores
    ]


def _accuracies(expect: object, matrices: Sequence[ResultsMatrix]) -> Accuracies:
    return np.array([expect(matrix, np.arange(len(matrix.correct))[None]) for matrix in matrices])  # type: ignore[operator]


def _nested(rules: Mapping[str, Rule], scored: Sequence[Sequence[ResultsMatrix]], part: Parts) -> tuple[Accuracies, Counter[str]]:
    chosen, result = Counter[str](), np.zeros(len(part))
    tables: dict[int, npt.NDArray[np.float64]] = {}
    for outer, matrices in enumerate(scored):
        if id(matrices) not in tables:  # Rules that read no scores are measured once.
            tables[id(matrices)] = np.stack([_accuracies(by_sampling(rule), matrices) for rule in rules.values()])
        table = tables[id(matrices)]
        best = int(np.argmax(table[:, part != outer].mean(axis=1)))
        chosen[list(rules)[best]] += 1
        result[part == outer] = table[best, part == outer]
    return result, chosen
