"""What changes to a program do to its score, measured in the reward model's own spread between right and wrong programs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean

import numpy as np
from pydantic import BaseModel

from code_reward.errors import DataError
from code_reward.figure import Figure
from code_reward.metrics import bootstrap


@dataclass(frozen=True)
class Subject:
    """A program, its score, and its scores after each change; None where the input rejects it."""

    task: str
    right: bool
    score: float | None
    after: Mapping[str, float | None]


class Moved(BaseModel):
    """One change."""

    programs: int
    right: Figure | None
    """Mean shift of right programs' scores, in spreads."""
    wrong: Figure | None
    size: float | None
    """Mean size of the shift, either way, in spreads; None where the input takes no changed program."""
    rejected: float
    """Share that the input no longer takes."""
    accuracy: Figure | None
    """Pair accuracy when only the wrong programs are changed."""


class Perturbed(BaseModel):
    """The report's figures."""

    spread: float
    """Mean score of right programs less that of wrong ones, within a task."""
    accuracy: Figure
    """Pair accuracy of the unchanged programs."""
    moved: dict[str, Moved]


def measure(subjects: Sequence[Subject], seed: int) -> Perturbed:
    """Raises `DataError` where no task has a right and a wrong program with scores, or the model does not tell them apart at all."""
    tasks = _tasks(subjects)
    gaps = [fmean(s for s in right) - fmean(s for s in wrong) for right, wrong in tasks.values()]
    if len(gaps) < 2:
        raise DataError("Fewer than two tasks have a right and a wrong program with scores; give more programs.")
    spread = fmean(gaps)
    if spread == 0:
        raise DataError("Right and wrong programs score alike on average, so that shifts have no measure; see the pair accuracy instead.")
    names = dict.fromkeys(name for subject in subjects for name in subject.after)
    return Perturbed(
        spread=spread,
        accuracy=_accuracy(subjects, None, seed),
        moved={name: _moved([one for one in subjects if name in one.after], subjects, name, spread, seed) for name in names},
    )


def _moved(changed: Sequence[Subject], subjects: Sequence[Subject], name: str, spread: float, seed: int) -> Moved:
    both = [(one, one.after[name]) for one in changed]
    shifts = [(one.right, (after - one.score) / abs(spread)) for one, after in both if after is not None and one.score is not None]
    rejected = sum(after is None and one.score is not None for one, after in both)
    return Moved(
        programs=len(changed),
        right=_mean([shift for right, shift in shifts if right], seed),
        wrong=_mean([shift for right, shift in shifts if not right], seed),
        size=fmean(abs(shift) for _, shift in shifts) if shifts else None,
        rejected=rejected / len(changed),
        accuracy=_accuracy(subjects, name, seed),
    )


def _mean(values: Sequence[float], seed: int) -> Figure | None:
    return Figure.of(bootstrap(lambda column: float(np.mean(column)), values, seed=seed)) if len(values) > 1 else None


def _tasks(subjects: Sequence[Subject]) -> dict[str, tuple[list[float], list[float]]]:
    """Scores of right and of wrong programs of the tasks that have both."""
    tasks: dict[str, tuple[list[float], list[float]]] = {}
    for one in subjects:
        if one.score is not None:
            tasks.setdefault(one.task, ([], []))[0 if one.right else 1].append(one.score)
    return {task: both for task, both in tasks.items() if both[0] and both[1]}


def _accuracy(subjects: Sequence[Subject], changed: str | None, seed: int) -> Figure:
    """Over tasks; of a wrong program that the change has no occasion in, the score as it was. What is rejected loses."""
    tasks: dict[str, tuple[list[float], list[float]]] = {}
    for one in subjects:
        score = one.after[changed] if changed is not None and not one.right and changed in one.after else one.score
        tasks.setdefault(one.task, ([], []))[0 if one.right else 1].append(-np.inf if score is None else score)
    shares = [fmean(float(a > b) + 0.5 * float(a == b) for a in right for b in wrong) for right, wrong in tasks.values() if right and wrong]
    return Figure.of(bootstrap(lambda column: float(np.mean(column)), shares, seed=seed))
