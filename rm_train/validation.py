"""What a model that is being trained is worth on labelled programs of other problems: the figures of `rm_train.evaluate`, by all
processes."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import torch.distributed as dist
from torch import nn

from code_reward.errors import DataError
from code_reward.reward_data import LabelledProgram
from code_reward.rm_input import RMInput
from code_reward.rows import read_rows
from rm_train.batches import Batches
from rm_train.encoding import encode
from rm_train.examples import LABELLED
from rm_train.figures import Evaluation, ScoredProgram
from rm_train.measure import evaluate_all
from rm_train.plan import Trees, cut
from rm_train.processes import Processes


class Validation:
    """Labelled programs, encoded once; called, it measures the model.

    Raises `DataError` if fewer than two problems have a right and a wrong program.
    """

    def __init__(self, path: Path, rm_input: RMInput, model: nn.Module, here: Processes, row_tokens: int, pad_id: int) -> None:
        rows = [row for row in read_rows(path, LabelledProgram) if row.program.strip()]
        distinct = list({(row.problem_id, row.program): row for row in rows}.values())
        encoded = encode(LABELLED.convert_all(distinct, rm_input.settings, str(path)), rm_input)
        trees = Trees(encoded)
        self._rows = [distinct[number] for number in encoded.rows.tolist()]
        self._pieces = [piece for a, b in pairwise(encoded.problems.tolist()) for piece in cut(trees, range(a, b), row_tokens)]
        self._batches = Batches(encoded, here.device, row_tokens, pad_id)
        self._model, self._here = model, here
        _figures(evaluate_all([_scored(row, 0.0) for row in self._rows], seed=0))

    def __call__(self) -> dict[str, float]:
        """Pair accuracy, AUC and calibration, over all programs and by origin of the wrong ones."""
        mine = self._pieces[self._here.rank :: self._here.world]
        # All take equally many turns, for a model that is spread over processes runs on all at once.
        turns = -(-len(self._pieces) // self._here.world)
        scored: list[tuple[int, float]] = []
        for turn in range(turns):
            numbers = mine[turn] if turn < len(mine) else self._pieces[0][:0]
            batch = self._batches.batch(numbers)
            scores = self._model(**batch.row)[batch.examples[:, 0]]
            scored += zip(numbers.tolist(), scores.tolist(), strict=False)
        every = sorted(self._gather(scored))
        if not all(math.isfinite(score) for _, score in every):
            raise DataError("Scores of --valid are not finite; lower --learning-rate and give another --out.")
        return _figures(evaluate_all([_scored(self._rows[number], score) for number, score in every], seed=0))

    def _gather(self, scored: list[tuple[int, float]]) -> list[tuple[int, float]]:
        if self._here.world == 1:
            return scored
        everybody: list[list[tuple[int, float]]] = [[] for _ in range(self._here.world)]
        dist.all_gather_object(everybody, scored)
        return [one for some in everybody for one in some]


def _scored(row: LabelledProgram, score: float) -> ScoredProgram:
    """The row may have a score already, of whatever has read it before."""
    return ScoredProgram(**{**row.model_dump(), "score": score})


def _figures(evaluations: dict[str, Evaluation]) -> dict[str, float]:
    """Flat names, as a log has them."""
    named = {
        f"{measure}{'' if origin == 'all' else f'_{origin}'}": value
        for origin, found in evaluations.items()
        for measure, value in (("accuracy", found.pair_accuracy.value), ("auc", found.auc.value), ("ece", found.ece))
    }
    return {"accuracy": named["accuracy"], **named}
