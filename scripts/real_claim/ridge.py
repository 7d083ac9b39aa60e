"""A linear reward head by least squares over pairs of one problem, for any set of problems and many strengths at once.

A head's score is to be higher by 1 for the right program of each pair (right, wrong) of a problem. Each problem counts once, however many
pairs it has. What a problem brings is one matrix and one vector, which add up, so that any choice of training problems costs a sum and a
solution. Every direction is first brought to one scale: some of a language model's are a thousand times as large as others.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Moments:
    """What problems bring: the mean over a problem's pairs of the outer product of their difference, and of the difference; summed."""

    matrix: npt.NDArray[np.floating]
    vector: npt.NDArray[np.floating]

    @classmethod
    def of(cls, states: npt.NDArray[np.floating], passed: npt.NDArray[np.bool_]) -> Moments | None:
        """Of one problem's states (programs, width); None unless it has a right and a wrong program."""
        if passed.all() or not passed.any():
            return None
        right, wrong = states[passed], states[~passed]
        centres = right.mean(axis=0), wrong.mean(axis=0)
        gap = centres[0] - centres[1]
        spread = sum((part - centre).T @ (part - centre) / len(part) for part, centre in zip((right, wrong), centres, strict=True))
        return cls(spread + np.outer(gap, gap), gap)

    @classmethod
    def total(cls, parts: Iterable[Moments]) -> Moments:
        """The sum of one or more."""
        first, *others = parts
        matrix, vector = first.matrix.copy(), first.vector.copy()
        for one in others:
            matrix += one.matrix
            vector += one.vector
        return cls(matrix, vector)

    def heads(self, strengths: Sequence[float]) -> Array:
        """One head (width,) per strength, in units of a direction's mean square difference; shape (strengths, width)."""
        scale = 1 / np.sqrt(np.maximum(np.diag(self.matrix), 1e-12))
        matrix = torch.from_numpy(self.matrix * scale[:, None] * scale)
        vector = torch.from_numpy(self.vector * scale)[:, None]
        unit = torch.eye(len(vector), dtype=matrix.dtype)
        solved = [torch.cholesky_solve(vector, torch.linalg.cholesky(matrix + strength * unit))[:, 0] for strength in strengths]
        heads: Array = torch.stack(solved).numpy().astype(np.float64) * scale
        return heads
