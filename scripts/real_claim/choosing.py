"""Choosing one of a problem's programs: by the reward model alone, by generated tests alone, by both.

The settings of every rule that has any are chosen on problems of other parts, with scores of heads that never saw the part that is judged
(`scripts.real_claim.nested`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from code_reward.errors import DataError
from code_reward.reward_data import LabelledProgram
from code_reward.selection.consensus import codet, mbr_exec_soft, srank
from code_reward.selection.matrix import ResultsMatrix
from code_reward.selection.rules import Candidates, Rule, majority_vote
from code_reward.selection.scored import SCORED_VARIANTS
from code_reward.selection.vouched import VARIANTS
from code_reward.selection.weighted import best_by_score
from scripts.real_claim.nested import Nested, Parts
from scripts.real_claim.states import Problem

Accuracies = npt.NDArray[np.float64]
"""Per problem: the share of right ones among the candidates that a rule keeps."""

UNTUNED: Mapping[str, Rule] = {
    "random": lambda candidates: np.ones(len(candidates), np.bool_),
    "CodeRM-8B's vote": majority_vote,
    "MBR-Exec, soft": mbr_exec_soft,
    "CodeT": codet,
    "SRank": srank,
}
TESTS, ORACLE = "vouched_vote", "oracle"


class Choosing:
    """All candidates of every problem, with what generated tests say of them.

    Args:
        problems: In the order of `part`.
        matrices: By the problem's name.
        labelled: The rows that the matrices were made of.

    Raises:
        DataError: A problem has no matrix, or one of other candidates.
    """

    def __init__(self, problems: Sequence[Problem], matrices: Mapping[str, ResultsMatrix], labelled: Sequence[LabelledProgram]) -> None:
        programs: dict[str, list[str]] = {}
        for row in labelled:
            programs.setdefault(row.problem_id, []).append(row.program)
        for problem in problems:
            if problem.name not in matrices or len(matrices[problem.name].correct) != len(programs[problem.name]):
                raise DataError(f"The matrices do not hold the labelled programs of {problem.name}; make them of the same file.")
        self._problems = problems
        self._programs = [programs[problem.name] for problem in problems]
        self._candidates = [matrices[problem.name].candidates() for problem in problems]
        self._correct = [np.array(matrices[problem.name].correct, np.float64) for problem in problems]

    def first_places(self) -> list[list[int]]:
        """Of every problem the candidate that each distinct program is."""
        return [
            [programs.index(program) for program in problem.programs]
            for problem, programs in zip(self._problems, self._programs, strict=True)
        ]

    def kept_by(self, rule: Rule) -> dict[str, npt.NDArray[np.bool_]]:
        """Whether a rule keeps each distinct program, by the problem's name."""
        return {
            problem.name: rule(candidates)[np.array(places)]
            for problem, candidates, places in zip(self._problems, self._candidates, self.first_places(), strict=True)
        }

    def without_model(self, part: Parts) -> dict[str, Accuracies]:
        """The rules that read no scores, and whether any candidate is right."""
        ways = {name: self._accuracies(rule, self._candidates) for name, rule in UNTUNED.items()}
        table = self._table(VARIANTS, self._candidates)
        ways[TESTS] = _chosen([table] * (int(part.max()) + 1), part)
        return {**ways, ORACLE: np.array([correct.max() for correct in self._correct])}

    def with_model(self, name: str, nested: Nested, part: Parts) -> dict[str, Accuracies]:
        """The best by score, and scores and tests together."""
        same = all(scores is nested.scores[0] for scores in nested.scores)
        scored = [self._scored(scores) for scores in (nested.scores[:1] if same else nested.scores)]
        tables = [self._table(SCORED_VARIANTS, candidates) for candidates in scored]
        alone = [self._accuracies(best_by_score, candidates)[None] for candidates in scored]
        parts = len(nested.scores)
        return {
            f"{name}, no program executed": _chosen(alone * parts if same else alone, part),
            f"{name}, and tests": _chosen(tables * parts if same else tables, part),
        }

    def _scored(self, scores: Sequence[npt.NDArray[np.float64]]) -> list[Candidates]:
        known = [dict(zip(problem.programs, own.tolist(), strict=True)) for problem, own in zip(self._problems, scores, strict=True)]
        return [
            replace(candidates, scores=np.array([own.get(program, np.nan) for program in programs]))
            for candidates, own, programs in zip(self._candidates, known, self._programs, strict=True)
        ]

    def _accuracies(self, rule: Rule, candidates: Sequence[Candidates]) -> Accuracies:
        return np.array([correct[rule(one)].mean() for one, correct in zip(candidates, self._correct, strict=True)])

    def _table(self, rules: Mapping[str, Rule], candidates: Sequence[Candidates]) -> Accuracies:
        return np.stack([self._accuracies(rule, candidates) for rule in rules.values()])


def _chosen(tables: Sequence[Accuracies], part: Parts) -> Accuracies:
    """Of tables (settings, problems), one for use in each part: each problem by the setting that is best on the others."""
    result = np.zeros(len(part))
    for outer, table in enumerate(tables):
        best = int(np.argmax(table[:, part != outer].mean(axis=1)))
        result[part == outer] = table[best, part == outer]
    return result
