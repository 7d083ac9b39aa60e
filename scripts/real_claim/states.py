"""What a frozen language model holds of labelled programs, computed once and kept: one file per problem, so that a killed run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from rich.progress import track
from torch import Tensor

from benchmarks.causal_model import load_causal
from code_reward.errors import ConfigurationError
from code_reward.files import replacing
from code_reward.reward_data import LabelledProgram
from rm_train.masks import dense_mask
from scripts.real_claim.reading import Reader, Reading, path_of, rows_of

Floats = npt.NDArray[np.float32]

POOLS = ("mean", "own", "last", "asked")
"""Where a state is taken: the mean over the program's tokens, over those that the problem's candidates do not all share, the token that a
reward model is scored at, and the token after which the model says whether the program is right."""

CHANCES = ("mean", "own", "lowest", "low", "end")
"""Log-probabilities: the mean over the program's tokens; over those that the problem's candidates do not all share, their mean, the lowest,
and the mean of the lowest quarter; and of the token that ends the program's turn."""

_LOGITS = 64
"""Tokens whose logits over the whole vocabulary are in memory at once."""


@dataclass(frozen=True)
class Problem:
    """The distinct programs of one problem that fit the model.

    `layers`, whose outputs were kept; `states` (programs, pools, layers, width); `chances` (programs, `CHANCES`); `yes` (programs,), the
    log-odds of Yes against No; `length` (programs,), tokens of the program; `passed` (programs,); `counts` (programs,), how often each was
    sampled; `seconds` and `cpu_seconds`, what reading them all took.
    """

    name: str
    layers: list[int]
    programs: list[str]
    states: Floats
    chances: Floats
    yes: Floats
    length: Floats
    passed: npt.NDArray[np.bool_]
    counts: npt.NDArray[np.int64]
    seconds: float
    cpu_seconds: float


class Backbone:
    """A causal language model that is read, not asked to write.

    Args:
        folder: Hugging Face folder.
        layers: Whose outputs are kept; 0 is the embeddings.
        row_tokens: Tokens of a forward pass.
    """

    def __init__(self, folder: Path, layers: Sequence[int], row_tokens: int, dtype: str = "bfloat16") -> None:
        self.reader, self.layers, self._row_tokens = Reader(folder), tuple(layers), row_tokens
        self._model, _ = load_causal(folder, dtype, "cpu")
        self.tokens = 0

    def read(self, name: str, rows: Sequence[LabelledProgram]) -> Problem | None:
        """What the model holds of the programs of one problem; None where none fits."""
        began, began_cpu = time.monotonic(), time.process_time()
        distinct = list({row.program: row for row in rows}.values())
        read = self.reader.read(distinct)
        kept = [(row, reading) for row, reading in zip(distinct, read, strict=True) if reading is not None]
        if not kept:
            return None
        readings = [reading for _, reading in kept]
        found: dict[int, tuple[Floats, Floats, float]] = {}
        for places, row in rows_of(readings, self._row_tokens):
            self.tokens += len(row.ids)
            found |= dict(zip(places, self._forward(row, [readings[place] for place in places]), strict=True))
        states, chances, yes = zip(*(found[place] for place in range(len(readings))), strict=True)
        many = [row.program for row in rows]
        return Problem(
            name,
            list(self.layers),
            [row.program for row, _ in kept],
            np.stack(states).astype(np.float32),
            np.stack(chances).astype(np.float32),
            np.array(yes, np.float32),
            np.array([reading.end - reading.start for reading in readings], np.float32),
            np.array([row.passed for row, _ in kept]),
            np.array([many.count(row.program) for row, _ in kept]),
            time.monotonic() - began,
            time.process_time() - began_cpu,
        )

    @torch.inference_mode()  # type: ignore[untyped-decorator]
    def _forward(self, row: Any, readings: Sequence[Reading]) -> list[tuple[Floats, Floats, float]]:
        """Of every reading in the row: its states, log-probabilities and log-odds."""
        tensors = [torch.from_numpy(one.astype(np.int64)) for one in (row.ids, row.positions, row.until)]
        out = self._model.base_model(
            input_ids=tensors[0][None],
            position_ids=tensors[1][None],
            attention_mask=dense_mask(tensors[2]),
            use_cache=False,
            output_hidden_states=True,
        )
        kept = torch.stack([out.hidden_states[layer][0] for layer in self.layers], dim=1)
        paths = [path_of(row, int(end)) for end in row.ends]
        chances = self._chances(out.last_hidden_state[0], tensors[0], paths, readings)
        words = self._model.get_output_embeddings().weight[self.reader.words].float()
        yes, no = (out.last_hidden_state[0, torch.from_numpy(row.ends.astype(np.int64))].float() @ words.T).unbind(dim=1)
        return [
            (_pooled(kept, path, reading).numpy(), _told(chances[path].numpy(), reading), float(yes[one] - no[one]))
            for one, (path, reading) in enumerate(zip(paths, readings, strict=True))
        ]

    def _chances(self, last: Tensor, ids: Tensor, paths: Sequence[npt.NDArray[np.int64]], readings: Sequence[Reading]) -> Tensor:
        """The log-probability of every token of a program, and of its turn's end, after what precedes it in its own input; 0 elsewhere."""
        parent = {
            int(child): int(before)
            for path, reading in zip(paths, readings, strict=True)
            for before, child in zip(path[reading.start - 1 : reading.end], path[reading.start : reading.end + 1], strict=True)
        }
        children, parents = (torch.tensor(list(numbers)) for numbers in (parent.keys(), parent.values()))
        chances = torch.zeros(len(ids))
        head = self._model.get_output_embeddings()
        for some in torch.arange(len(children)).split(_LOGITS):
            logits = head(last[parents[some]]).float()
            chosen = logits.gather(1, ids[children[some]][:, None])[:, 0]
            chances[children[some]] = chosen - logits.logsumexp(dim=1)
        return chances


def _pooled(states: Tensor, path: npt.NDArray[np.int64], reading: Reading) -> Tensor:
    """The states (pools, layers, width) of one input."""
    own = states[torch.from_numpy(path)].float()
    means = [own[begin : reading.end].mean(dim=0) for begin in (reading.start, reading.own)]
    return torch.stack([*means, own[reading.end], own[-1]])


def _told(chances: Floats, reading: Reading) -> Floats:
    """`CHANCES` of one input, from those of its tokens."""
    own = np.sort(chances[reading.own : reading.end])
    low = own[: -(-len(own) // 4)]
    return np.array([chances[reading.start : reading.end].mean(), own.mean(), own[0], low.mean(), chances[reading.end]], np.float32)


def problems_of(labelled: Sequence[LabelledProgram], folder: Path, layers: Sequence[int], make: Callable[[], Backbone]) -> list[Problem]:
    """The problems of labelled programs, read by the backbone that `make` gives unless their file in `folder` is there.

    Raises `ConfigurationError` if it is, but holds other layers.
    """
    by_problem: dict[str, list[LabelledProgram]] = {}
    for row in labelled:
        if row.program.strip():
            by_problem.setdefault(row.problem_id, []).append(row)
    folder.mkdir(parents=True, exist_ok=True)
    backbone: Backbone | None = None
    problems = []
    for name, rows in track(by_problem.items(), f"reading {folder.name}"):
        path = folder / f"{name.replace('/', '_')}.npz"
        if not path.exists():
            backbone = backbone or make()
            found = backbone.read(name, rows)
            if found is None:
                continue
            with replacing(path) as temporary, temporary.open("wb") as file:
                arrays: dict[str, Any] = {key: np.asarray(value) for key, value in vars(found).items()}
                np.savez(file, **arrays)
        problem = _load(path)
        if problem.layers != list(layers):
            raise ConfigurationError(f"{path} holds layers {problem.layers}, not {list(layers)}; give those, or another --out.")
        problems.append(problem)
    return problems


def _load(path: Path) -> Problem:
    with np.load(path) as kept:
        arrays = {name: kept[name] for name in kept.files}
    plain = {name: arrays[name].tolist() for name in ("name", "layers", "programs", "seconds", "cpu_seconds")}
    return Problem(**{**arrays, **plain})
