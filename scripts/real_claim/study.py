"""The comparison over several partitions: every way to score, and every way to choose, with its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from code_reward.metrics import Interval, auc, bootstrap, cross_calibrate, paired_difference, reliability
from code_reward.reward_data import LabelledProgram
from code_reward.selection.consensus import codet
from code_reward.selection.matrix import ResultsMatrix
from scripts.real_claim.choosing import Choosing
from scripts.real_claim.levels import level_features, levelled, summary
from scripts.real_claim.measures import Scores, best_of, pair_accuracies
from scripts.real_claim.nested import Nested, Parts, parts_of, pick
from scripts.real_claim.rivals import LIKELY, flipped, shuffled
from scripts.real_claim.states import Problem
from scripts.real_claim.ways import BEST, GROWN, MEANS, blends, taught, untaught

SIZES = (2, 5, 10, 25, 50, 100)
PARTS = 5


@dataclass
class Row:
    """One way to score: per seed its pair accuracies (problems with a pair,), scores, and accuracies of choice by size (problems,)."""

    accuracies: list[npt.NDArray[np.float64]] = field(default_factory=list)
    scores: list[Scores] = field(default_factory=list)
    chosen: dict[int, list[npt.NDArray[np.float64]]] = field(default_factory=dict)


@dataclass(frozen=True)
class Figures:
    """The figures of a way to score, over all seeds; `spread` is the pair accuracy's standard deviation over seeds."""

    pair_accuracy: Interval
    spread: float
    auc: Interval
    ece: float
    best_of: dict[int, Interval]


class Study:
    """Collects what every partition gives.

    Args:
        problems: As `scripts.real_claim.states` read them.
        layers: Which layers were kept.
        more: Problems that are trained on along with those of other parts; none of them may be among `problems`.
        matrices: Results of generated tests by problem, for choosing; may be empty. Problems without any right candidate that are not among
            `problems` count as well: whatever chooses is wrong there.
        labelled: The rows that the problems were made of.
        trained: Scores by reward models under names.
    """

    def __init__(
        self,
        problems: Sequence[Problem],
        layers: Sequence[int],
        more: Sequence[Problem],
        matrices: Mapping[str, ResultsMatrix],
        labelled: Sequence[LabelledProgram],
        trained: Mapping[str, Scores],
    ) -> None:
        self._trained = {name: Nested.constant(scores, PARTS) for name, scores in trained.items()}
        self.problems, self._layers, self._more = problems, layers, more
        self._choosing = Choosing(problems, matrices, labelled) if matrices else None
        judged = {problem.name for problem in problems}
        self._hopeless = np.zeros(sum(name not in judged and not any(matrix.correct) for name, matrix in matrices.items()))
        fewest = min(int(problem.counts.sum()) for problem in problems)
        self.sizes = [size for size in SIZES if size <= fewest]
        self.rows: dict[str, Row] = {}
        self.choices: dict[str, list[npt.NDArray[np.float64]]] = {}

    def add_partition(self, seed: int) -> None:
        """Part the problems by this seed, and measure every way to score and to choose."""
        part = parts_of(len(self.problems), PARTS, seed)
        found = {**untaught(self.problems, PARTS), **taught(self.problems, self._layers, part, seed)}
        if self._more:
            along = taught(self.problems, self._layers, part, seed, self._more)
            found |= {f"{name}, other problems along": along[name] for name in (BEST, GROWN)}
        bad = {"labels shuffled": shuffled(self.problems, seed), "30 % of labels wrong": flipped(self.problems, 0.3, seed)}
        if self._choosing:
            bad["labels by generated tests"] = self._choosing.kept_by(codet)
        for name, labels in bad.items():
            mislabelled = [replace(problem, passed=labels[problem.name]) for problem in self.problems]
            found[f"{MEANS}; {name}"] = pick(blends(mislabelled, self._layers, part, pools=("mean",)), mislabelled, part)[0]
        found |= self._trained
        for name, nested in found.items():
            self._add(name, nested.own(part))
        features = [np.stack([level_features(problem, place) for problem in self.problems]) for place in (len(self._layers) // 2, -1)] + [
            np.stack([np.array(summary(problem)) for problem in self.problems])
        ]
        self._add(f"{GROWN}, above its problem's level", levelled(found[GROWN], self.problems, part, features).own(part))
        if self._choosing:
            self._choose(self._choosing, found, part)

    def _add(self, name: str, scores: Scores) -> None:
        row = self.rows.setdefault(name, Row())
        row.accuracies.append(pair_accuracies(self.problems, scores))
        row.scores.append(scores)
        for size in self.sizes:
            row.chosen.setdefault(size, []).append(best_of(self.problems, scores, size))

    def _choose(self, choosing: Choosing, found: Mapping[str, Nested], part: Parts) -> None:
        ways = choosing.without_model(part)
        for name in (LIKELY, GROWN, *self._trained):
            ways |= choosing.with_model(name, found[name], part)
        for name, accuracies in ways.items():
            self.choices.setdefault(name, []).append(np.concatenate([accuracies, self._hopeless]))

    def figures(self, name: str) -> Figures:
        """Of one way to score."""
        row = self.rows[name]
        labels = np.concatenate([problem.passed for problem in self.problems]).astype(float)
        names = [problem.name for problem in self.problems for _ in problem.passed]
        flat = [np.concatenate(scores) for scores in row.scores]
        errors = [reliability(labels, cross_calibrate(labels, one, names, seed=0)).ece for one in flat]
        return Figures(
            bootstrap(np.mean, np.mean(row.accuracies, axis=0), seed=0),
            float(np.std([one.mean() for one in row.accuracies])),
            bootstrap(_mean_auc, labels, *flat, groups=names, seed=0, resamples=200),
            float(np.mean(errors)),
            {size: bootstrap(np.mean, np.mean(many, axis=0), seed=0) for size, many in row.chosen.items()},
        )

    def choice(self, name: str, against: str) -> tuple[Interval, Interval]:
        """Accuracy of a way to choose, and its paired difference to another."""
        own, other = (np.mean(self.choices[one], axis=0) for one in (name, against))
        return bootstrap(np.mean, own, seed=0), paired_difference(own, other, seed=0)


def _mean_auc(labels: npt.NDArray[np.float64], *scores: npt.NDArray[np.float64]) -> float:
    return float(np.mean([auc(labels, one) for one in scores]))
