"""The measures behind `python -m rm_train.evaluate`: scores of programs, and figures over them with intervals over problems."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from pathlib import Path

import numpy as np
import torch
from rich.console import Console
from rich.progress import track
from rich.table import Table

from code_reward.bare_programs import read_of
from code_reward.errors import DataError
from code_reward.figure import Figure
from code_reward.metrics import Reliability, auc, bootstrap, cross_calibrate, reliability
from code_reward.reward_data import LabelledProgram
from code_reward.rm_input import RMInput
from code_reward.verdict import Rejected
from reward_servers.scorer import DType, Scorer
from rm_train.figures import Evaluation, ScoredProgram

BATCH = 64

ENOUGH = 2
"""Problems with a right and a wrong program, of which an interval can be had."""


def score_programs(
    model: Path, rows: Sequence[LabelledProgram], *, device: str | None = None, dtype: DType = "float32", threads: int | None = None
) -> list[ScoredProgram]:
    """Score each distinct program of a problem once; what has no program or does not fit the input gets no row, as it gets no score.

    `device` is CUDA by default where there is one; `dtype` is the precision of the model's body.
    """
    device = device or ("cuda" if torch.cuda.is_available() else "cpu")
    rm_input, scorer = RMInput.load(model), Scorer(model, dtype, device, threads)
    distinct = {(row.problem_id, row.program): row for row in rows if row.program}
    encoded = [(row, rm_input.encode(row.statement, read_of(row.program, rm_input.settings))) for row in distinct.values()]
    inputs = [(row, ids.ids) for row, ids in encoded if not isinstance(ids, Rejected)]
    batches = [inputs[start : start + BATCH] for start in range(0, len(inputs), BATCH)]
    return [
        ScoredProgram(**{**row.model_dump(), "score": score})
        for batch in track(batches, "scoring")
        for (row, _), score in zip(batch, scorer.score([ids for _, ids in batch]), strict=True)
    ]


def evaluate_all(rows: Sequence[ScoredProgram], *, seed: int) -> dict[str, Evaluation]:
    """Figures over all programs, and over the right ones with the wrong ones of each origin, where these can be measured.

    Raises `DataError` if fewer than two problems have a right and a wrong program.
    """
    evaluations = {"all": evaluate(rows, seed=seed)}
    origins = {row.origin for row in rows if not row.passed}
    if len(origins) > 1:
        for origin in sorted(origins):
            part = [row for row in rows if row.passed or row.origin == origin]
            if len(_pair_accuracies(part)) >= ENOUGH:
                evaluations[origin] = evaluate(part, seed=seed)
    return evaluations


def evaluate(rows: Sequence[ScoredProgram], *, seed: int) -> Evaluation:
    """Pair accuracy, AUC and calibration of `rows`."""
    accuracies = _pair_accuracies(rows)
    if len(accuracies) < ENOUGH:
        raise DataError("Fewer than two problems have a right and a wrong program; label more programs per problem.")
    labels, scores = [row.passed for row in rows], [row.score for row in rows]
    problems = [row.problem_id for row in rows]
    return Evaluation(
        problems=len(set(problems)),
        right=sum(labels),
        wrong=len(rows) - sum(labels),
        pair_accuracy=Figure.of(bootstrap(np.mean, accuracies, seed=seed)),
        auc=Figure.of(bootstrap(auc, labels, scores, groups=problems, seed=seed)),
        ece=calibration(rows, seed=seed).ece,
    )


def calibration(rows: Sequence[ScoredProgram], *, seed: int) -> Reliability:
    """How the scores' cross-fitted probabilities agree with the labels: the ECE that is reported, and the bins behind it."""
    labels, scores = [row.passed for row in rows], [row.score for row in rows]
    return reliability(labels, cross_calibrate(labels, scores, [row.problem_id for row in rows], seed=seed))


def _pair_accuracies(rows: Sequence[ScoredProgram]) -> list[float]:
    """Of each problem with a right and a wrong program."""
    by_problem: dict[str, list[ScoredProgram]] = {}
    for row in rows:
        by_problem.setdefault(row.problem_id, []).append(row)
    return [accuracy for accuracy in map(_pair_accuracy, by_problem.values()) if accuracy is not None]


def _pair_accuracy(rows: Sequence[ScoredProgram]) -> float | None:
    pairs = list(product([row.score for row in rows if row.passed], [row.score for row in rows if not row.passed]))
    return float(np.mean([(right > wrong) + 0.5 * (right == wrong) for right, wrong in pairs])) if pairs else None


def print_table(evaluations: dict[str, Evaluation]) -> None:
    """A table in the terminal, a row per origin."""
    table = Table("wrong programs", "problems", "right", "wrong", "pair accuracy", "AUC", "ECE")
    for name, result in evaluations.items():
        figures = [part.plain() for part in (result.pair_accuracy, result.auc)]
        table.add_row(name, str(result.problems), str(result.right), str(result.wrong), *figures, f"{result.ece:.3f}")
    Console().print(table)
