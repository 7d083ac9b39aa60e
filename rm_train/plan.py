"""Which rows a step consists of, and who computes them: the same on every process, for any number of them.

The examples of a problem are cut into pieces of a fixed length, most often into one; the pieces are shuffled, and a step takes as many as
hold `batch` examples, the last one cut. Its pieces, cut again where they do not fit a row, are then laid into rows of about equal length,
as many for each process. So a step is the same step on any number of devices and with rows of any length; memory is bounded by the length
of a row, however many examples a problem has; and since a step's loss is the weighted sum over all rows, divided by the weight of all, a
row that is there only to fill up changes nothing. No torch here.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rm_train.encoding import Encoded

ROW_TOKENS = {"cpu": 4096, "cuda": 16384}
"""A problem's pairs fit such a row most often; longer ones share hardly more."""

PIECE_TOKENS = 4096
"""Whatever the length of rows is: it decides what meets in a step."""

Numbers = npt.NDArray[np.int64]
"""Numbers of examples."""


@dataclass(frozen=True)
class Step:
    """The rows of each process, each a list of example numbers, equally many for all; and the weight of all examples together."""

    rows: list[list[Numbers]]
    weight: float


class Plan:
    """The steps of a run.

    Args:
        data (`Encoded`): The examples.
        batch (`int`): Examples per step, over all processes.
        epochs (`float`): Passes over the data.
        row_tokens (`int`): Tokens of a row; an example longer than this has a row of its own.
        processes (`int`): Among how many the rows of a step are dealt.
        seed (`int`): Seed of the order.
    """

    def __init__(self, data: Encoded, *, batch: int, epochs: float, row_tokens: int, processes: int, seed: int) -> None:
        self._data, self._batch, self._row_tokens, self._processes, self._seed = data, batch, row_tokens, processes, seed
        self._trees = Trees(data)
        pieces = [piece for first, end in pairwise(data.problems.tolist()) for piece in cut(self._trees, range(first, end), PIECE_TOKENS)]
        self._pieces = pieces
        self._per_epoch = math.ceil(len(data.examples) / batch)
        self.steps = max(1, round(self._per_epoch * epochs))

    def epoch_of(self, step: int) -> float:
        """How many passes are done before a step."""
        return step / self._per_epoch

    def steps_from(self, first: int) -> Iterator[Step]:
        """The steps from number `first` to the end."""
        for step in range(first, self.steps):
            epoch, number = divmod(step, self._per_epoch)
            if step == first or number == 0:
                batches = self._batches(epoch)
            yield self._deal(batches[number])

    def _batches(self, epoch: int) -> list[list[Numbers]]:
        """An epoch's pieces in the order drawn for it, in groups that hold `batch` examples each; only the last may hold fewer."""
        order = np.random.default_rng([self._seed, epoch]).permutation(len(self._pieces))
        groups: list[list[Numbers]] = [[]]
        room = self._batch
        for piece in (self._pieces[index] for index in order):
            while len(piece):
                if not room:
                    groups.append([])
                    room = self._batch
                groups[-1].append(piece[:room])
                piece, room = piece[room:], room - len(groups[-1][-1])
        return groups

    def _deal(self, pieces: list[Numbers]) -> Step:
        weight = float(self._data.weights[np.concatenate(pieces)].sum())
        if self._row_tokens < PIECE_TOKENS:
            pieces = [part for piece in pieces for part in cut(self._trees, piece.tolist(), self._row_tokens)]
        pieces = spread(pieces, self._processes)
        sizes = [self._trees.tokens(piece) for piece in pieces]
        rows = math.ceil(sum(sizes) / (self._processes * self._row_tokens)) * self._processes
        while (packed := _pack(sizes, rows, self._row_tokens)) is None:
            rows += self._processes
        chosen = [np.concatenate([pieces[index] for index in row]) if row else pieces[0][:0] for row in packed]
        return Step([chosen[rank :: self._processes] for rank in range(self._processes)], weight)


def spread(pieces: list[Numbers], least: int) -> list[Numbers]:
    """Halve the largest pieces until there are `least`, or each is a single example: so that every process has work."""
    pieces = list(pieces)
    while len(pieces) < least and len(largest := max(pieces, key=len)) > 1:
        index = next(number for number, piece in enumerate(pieces) if piece is largest)
        pieces[index : index + 1] = [largest[: len(largest) // 2], largest[len(largest) // 2 :]]
    return pieces


def _pack(sizes: Sequence[int], rows: int, tokens: int) -> list[list[int]] | None:
    """The largest piece first, each to the emptiest row; longest rows first. None if a row of several pieces then holds over `tokens`."""
    packed: list[list[int]] = [[] for _ in range(rows)]
    loads = [0] * rows
    for index in sorted(range(len(sizes)), key=lambda index: -sizes[index]):
        emptiest = min(range(rows), key=loads.__getitem__)
        packed[emptiest].append(index)
        loads[emptiest] += sizes[index]
        if loads[emptiest] > tokens and len(packed[emptiest]) > 1:
            return None
    return [packed[row] for row in sorted(range(rows), key=lambda row: -loads[row])]


class Trees:
    """How many tokens inputs of a problem take when they are laid as a tree."""

    def __init__(self, data: Encoded) -> None:
        self._lengths = np.diff(data.offsets)
        self._shared = np.asarray(data.shared)
        self.examples = np.asarray(data.examples)

    def tokens(self, piece: Numbers | Sequence[int]) -> int:
        """Tokens of a row with the inputs of these examples, which are of one problem."""
        inputs = np.unique(self.examples[np.asarray(piece, np.int64)])
        return int(self._lengths[inputs].sum()) - sum(self.common(a, b) for a, b in pairwise(inputs.tolist()))

    def length(self, number: int) -> int:
        """Tokens of an input alone."""
        return int(self._lengths[number])

    def common(self, first: int, second: int) -> int:
        """Leading tokens that two inputs of one problem share, `first < second`."""
        return int(self._shared[first + 1 : second + 1].min())


def cut(trees: Trees, examples: Sequence[int], tokens: int) -> list[Numbers]:
    """Cut the examples of one problem into pieces that take `tokens` tokens of a row at most, neighbours in the tree together."""
    order = sorted(examples, key=lambda number: sorted(trees.examples[number].tolist()))
    pieces: list[list[int]] = []
    inputs: list[int] = []
    size = 0
    for number in order:
        new = sorted(set(trees.examples[number].tolist()) - set(inputs))
        grown, more = list(inputs), 0
        for one in new:
            more += _insert(trees, grown, one)
        if not pieces or size + more > tokens:
            pieces.append([])
            grown, size, more = [], 0, 0
            for one in sorted(set(trees.examples[number].tolist())):
                more += _insert(trees, grown, one)
        pieces[-1].append(number)
        inputs, size = grown, size + more
    return [np.array(piece, np.int64) for piece in pieces]


def _insert(trees: Trees, inputs: list[int], number: int) -> int:
    """Add an input to sorted ones; how many tokens the tree grows by."""
    place = bisect_left(inputs, number)
    before, after = inputs[place - 1 : place] if place else [], inputs[place : place + 1]
    inputs.insert(place, number)
    common = [trees.common(one, number) for one in before] + [trees.common(number, one) for one in after]
    return trees.length(number) - max(common, default=0)
