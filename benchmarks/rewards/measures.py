"""Each benchmark's own arithmetic, on scores alone.

Published conventions differ from ours in one thing: a tie is a wrong answer. A score is None where the reward model's input rejects the
answer, which is worse than any score; what is missing must have been left out before.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, median, stdev

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel

from code_reward.errors import DataError
from code_reward.figure import Figure
from code_reward.metrics import auc, bootstrap, cross_calibrate, reliability
from code_reward.selection.evaluation import best_of_n

Score = float | None

STYLES = 3
"""Of RM-Bench's answers, from concise to elaborate."""


class Share(BaseModel):
    """Pairs of one part, and the share whose chosen answer scores higher."""

    accuracy: float
    count: int


class Pairs(BaseModel):
    """Accuracy on pairs, over all and by every tag, as Themis' benchmark reports it."""

    accuracy: float
    interval: Figure | None = None
    count: int
    correct: int
    tied: int
    by: dict[str, dict[str, Share]]
    mean_difference: float | None
    """Over pairs of which both have a score, like the two below."""
    median_difference: float | None
    deviation: float | None


def prefers(chosen: Score, rejected: Score) -> bool:
    """Whether the chosen answer wins outright."""
    return chosen is not None and (rejected is None or chosen > rejected)


def pairs(
    chosen: Sequence[Score],
    rejected: Sequence[Score],
    tags: Sequence[Mapping[str, str]],
    seed: int | None = None,
    groups: Sequence[int] | None = None,
) -> Pairs:
    """The figures of pairs; with a seed, with an interval over groups (pairs of one prompt), or over pairs. Raises `DataError` where there
    are none."""
    if not chosen:
        raise DataError("There is no pair with scores; see why they are missing.", kind="empty")
    right = [prefers(*pair) for pair in zip(chosen, rejected, strict=True)]
    by: dict[str, dict[str, list[bool]]] = {}
    for won, own in zip(right, tags, strict=True):
        for name, value in own.items():
            by.setdefault(name, {}).setdefault(value, []).append(won)
    units = len(right if groups is None else set(groups))
    gaps = [a - b for a, b in zip(chosen, rejected, strict=True) if a is not None and b is not None]
    return Pairs(
        accuracy=fmean(right),
        interval=Figure.of(bootstrap(_mean, right, groups=groups, seed=seed)) if seed is not None and units > 1 else None,
        count=len(right),
        correct=sum(right),
        tied=sum(a == b for a, b in zip(chosen, rejected, strict=True)),
        by={
            name: {value: Share(accuracy=fmean(won), count=len(won)) for value, won in sorted(parts.items())} for name, parts in by.items()
        },
        mean_difference=fmean(gaps) if gaps else None,
        median_difference=median(gaps) if gaps else None,
        deviation=stdev(gaps) if len(gaps) > 1 else None,
    )


class Matrix(BaseModel):
    """RM-Bench: how often each style of the right answer beats each style of the wrong one, and what the benchmark makes of it."""

    wins: list[list[float]]
    easy: float
    """The right answer is the more elaborate one."""
    normal: float
    hard: float
    """The right answer is the plainer one."""
    mean: float
    count: int


def matrix(chosen: Sequence[Sequence[Score]], rejected: Sequence[Sequence[Score]]) -> Matrix:
    """RM-Bench's figures of one domain."""
    if not chosen:
        raise DataError("There is no prompt with all scores; see why they are missing.", kind="empty")
    won = [[[prefers(a, b) for b in worse] for a in better] for better, worse in zip(chosen, rejected, strict=True)]
    wins = np.mean(np.array(won, dtype=np.float64), axis=0)
    easy, hard = _corner(np.tril(wins, -1)), _corner(np.triu(wins, 1))
    normal = float(np.mean(np.diag(wins)))
    return Matrix(wins=wins.tolist(), easy=easy, normal=normal, hard=hard, mean=(easy + normal + hard) / 3, count=len(won))


def _corner(triangle: NDArray[np.float64]) -> float:
    return float(triangle.sum() / (STYLES * (STYLES - 1) / 2))


class Ranking(BaseModel):
    """Scoring-Verifiers: how well scores order the answers to a task; means over tasks."""

    tasks: int
    top1: float
    bottom1: float
    spearman: float
    kendall: float
    mae: float
    """Between scores brought to [0, 1] within their task and the shares of tests passed."""
    r2: float


def ranking(tasks: Sequence[tuple[Sequence[Score], Sequence[float], Sequence[float]]]) -> Ranking:
    """The figures of tasks of (scores, ranks, grades); an answer without a score stands below the task's lowest."""
    if not tasks:
        raise DataError("There is no task with all scores; see why they are missing.", kind="empty")
    filled = [(_filled(scores), np.asarray(ranks, float), np.asarray(grades, float)) for scores, ranks, grades in tasks]
    stated = np.concatenate([_unit(scores) for scores, _, _ in filled])
    truth = np.concatenate([grades for _, _, grades in filled])
    orders = [(_ranks(-scores), _ranks(ranks)) for scores, ranks, _ in filled]
    spread = float(np.sum((truth - truth.mean()) ** 2))
    return Ranking(
        tasks=len(filled),
        top1=fmean(_credit(scores == scores.max(), ranks == 1) for scores, ranks, _ in filled),
        bottom1=fmean(_credit(scores == scores.min(), ranks == ranks.max()) for scores, ranks, _ in filled),
        spearman=fmean(_correlation(ours, theirs) for ours, theirs in orders),
        kendall=fmean(_kendall(ours, theirs) for ours, theirs in orders),
        mae=float(np.mean(np.abs(stated - truth))),
        r2=1 - float(np.sum((truth - stated) ** 2)) / spread if spread else 1.0,
    )


def _filled(scores: Sequence[Score]) -> NDArray[np.float64]:
    known = [score for score in scores if score is not None]
    lowest = min(known, default=0.0) - 1.0
    return np.array([lowest if score is None else score for score in scores])


def _unit(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    width = float(scores.max() - scores.min())
    values: NDArray[np.float64] = (scores - scores.min()) / (width or 1.0)
    return values


def _credit(named: NDArray[np.bool_], true: NDArray[np.bool_]) -> float:
    """Of a tie for the first (or last) place, the share that falls to the true one."""
    return float((named & true).any()) / int(named.sum())


def _ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Average ranks, the smallest value first."""
    below = (values[None, :] < values[:, None]).sum(1)
    ranks: NDArray[np.float64] = below + ((values[None, :] == values[:, None]).sum(1) + 1) / 2
    return ranks


def _correlation(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Pearson's, 0 where one side is constant; on ranks it is Spearman's."""
    a, b = a - a.mean(), b - b.mean()
    scale = float(np.sqrt((a @ a) * (b @ b)))
    return float(a @ b) / scale if scale else 0.0


def _kendall(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Kendall's tau-b, 0 where one side is constant."""
    one, other = (np.sign(values[:, None] - values[None, :])[np.triu_indices(len(values), 1)] for values in (a, b))
    scale = float(np.sqrt((one @ one) * (other @ other)))
    return float(one @ other) / scale if scale else 0.0


class Pool(BaseModel):
    """A labelled pool: the choice from n, and the scores as probabilities."""

    tasks: int
    answers: int
    rejected: int
    best_of: dict[int, Figure]
    """Share of tasks for which the best of n by score is right."""
    random: float
    oracle: dict[int, float]
    auc: Figure
    ece: float


def pool(tasks: Sequence[tuple[Sequence[Score], Sequence[bool]]], seed: int) -> Pool:
    """The figures of tasks of (scores, right); best-of-n over the tasks that have as many answers. AUC and ECE are of scored answers."""
    smallest = min(len(scores) for scores, _ in tasks)
    ns = [n for n in (1, 2, 4, 8, 16, 32, 64, 100) if n <= smallest]
    flat = [(task, score, right) for task, (scores, rights) in enumerate(tasks) for score, right in zip(scores, rights, strict=True)]
    scored = [(task, score, right) for task, score, right in flat if score is not None]
    groups, labels = [task for task, _, _ in scored], [right for _, _, right in scored]
    values = [score for _, score, _ in scored]
    return Pool(
        tasks=len(tasks),
        answers=len(flat),
        rejected=len(flat) - len(scored),
        best_of={n: Figure.of(bootstrap(_mean, [best_of_n(rights, scores, n) for scores, rights in tasks], seed=seed)) for n in ns},
        random=fmean(fmean(rights) for _, rights in tasks),
        oracle={n: fmean(best_of_n(rights, [float(right) for right in rights], n) for _, rights in tasks) for n in ns},
        auc=Figure.of(bootstrap(auc, labels, values, groups=groups, seed=seed)),
        ece=reliability(labels, cross_calibrate(labels, values, groups, seed=seed)).ece,
    )


def _mean(column: NDArray[np.float64]) -> float:
    return float(np.mean(column))
