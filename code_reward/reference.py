"""`reference_scores.json`: fixed inputs and their fp32 scores, by which a server proves that it is the reward model it should be.

A wrong reward model answers like a right one. What has happened elsewhere: another model behind the port, a head with a random bias,
weights of the wrong step, another chat template, a softmax over one label. So servers and clients score these items at start, and
whenever a worker is new or came back, and refuse it when `compare` finds a difference. The items hold token ids: no tokenizer is needed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import BaseModel, ConfigDict, Field, FiniteFloat, ValidationError

from code_reward.errors import ConfigurationError, RewardServerError
from code_reward.files import write_text

FILE: Final = "reference_scores.json"

Dtype = Literal["float32", "float16", "bfloat16"]

TOLERANCES: Final[dict[Dtype, float]] = {"float32": 1e-3, "float16": 1e-2, "bfloat16": 1e-1}
"""Defaults. bfloat16 has 8 bits of mantissa: scores near 8 are 0.03 apart before anything is summed."""


class ReferenceItem(BaseModel):
    """One input of the reward model and its score."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    statement: str
    answer: str
    """The part of an answer that the reward model reads, as `RMInput.encode` takes it."""
    ids: list[int] = Field(min_length=1)
    """What `RMInput.encode` makes of them; the last token is scored."""
    score: FiniteFloat
    """The logit, computed in fp32."""


class Reference(BaseModel):
    """The contents of `reference_scores.json`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    items: list[ReferenceItem] = Field(min_length=1)
    tolerance: dict[Dtype, Annotated[float, Field(gt=0)]] = TOLERANCES
    """How far a server that computes in this dtype may be off: absolute for scores within ±1, relative beyond. `TOLERANCES` for others."""

    @classmethod
    def load(cls, folder: str | Path) -> Reference:
        """Read the file of a checkpoint folder; raises `ConfigurationError` if it is missing or not what it should be."""
        path = Path(folder) / FILE
        if not path.is_file():
            raise ConfigurationError(f"{path} does not exist; export the reward model again, or adopt it with python -m rm_train.adopt.")
        try:
            return cls.model_validate_json(path.read_bytes())
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"]) or "the file"
            raise ConfigurationError(f"{path}: {where}: {first['msg']}; export the reward model again.") from error

    def save(self, folder: str | Path) -> None:
        """Write the file into a checkpoint folder."""
        write_text(Path(folder) / FILE, self.model_dump_json(indent=1) + "\n")


@dataclass(frozen=True, slots=True)
class Difference:
    """Why scores are not those of the reference; `message` is one sentence and names the worst item."""

    kind: Literal["number_of_scores", "not_finite", "other_scores", "other_order"]
    message: str


def compare(reference: Reference, scores: Sequence[float], dtype: Dtype) -> Difference | None:
    """Compare a server's scores of the reference items with the reference.

    Every score must be within the tolerance; and of two items whose reference scores are further apart than both tolerances together, the
    better one must stay the better. (The second follows from the first: where both fail, it tells another model from an inexact one.)
    Scores that are off, but not by more than another dtype may be, are said to be so: perhaps only the setting is wrong.

    Args:
        reference (`Reference`): The expected scores.
        scores (`Sequence[float]`): The server's, in the order of the items.
        dtype (`Dtype`): What the server computes in.
    """
    expected = [item.score for item in reference.items]
    if len(scores) != len(expected):
        return Difference("number_of_scores", f"{len(scores)} scores came for {len(expected)} reference items")
    unusable = next((index for index, score in enumerate(scores) if not math.isfinite(score)), None)
    if unusable is not None:
        return Difference("not_finite", f"reference item {unusable} scored {scores[unusable]}, not {expected[unusable]:.6g}")
    allowed = _allowed(reference, dtype)
    excess = _excess(expected, scores, allowed)
    worst = max(range(len(excess)), key=excess.__getitem__)
    if excess[worst] <= 1:
        return None
    swapped = _swapped_pairs(expected, scores, allowed)
    shift = _common_shift(expected, scores, allowed)
    where = f"reference item {worst} scored {scores[worst]:.6g}, not {expected[worst]:.6g} (more than {allowed[worst]:.2g} off in {dtype})"
    others = [other for other in TOLERANCES if max(_excess(expected, scores, _allowed(reference, other))) <= 1]
    # A shift that all scores have in common is no rounding.
    if others and not shift:
        where += f", though none by more than {' or '.join(others)} allows (if that is what the server computes in, set dtype to it)"
    if swapped:
        pairs = "a pair of items has" if swapped == 1 else f"{swapped} pairs of items have"
        return Difference("other_order", f"{where}, and {pairs} changed order, as with another model or input")
    hint = f": all scores are off by about {shift:+.3g}, as with a head whose bias is not that of the checkpoint" if shift else ""
    return Difference("other_scores", where + hint)


def require_equal(reference: Reference, scores: Sequence[float], dtype: Dtype, server: str) -> None:
    """Raise `RewardServerError` (kind `wrong_model`) that names `server` if the scores are not those of the reference."""
    difference = compare(reference, scores, dtype)
    if difference is not None:
        message = f"{server} is not the expected reward model: {difference.message}; start it from the right checkpoint."
        raise RewardServerError(message, kind="wrong_model")


def _allowed(reference: Reference, dtype: Dtype) -> list[float]:
    tolerance = reference.tolerance.get(dtype, TOLERANCES[dtype])
    return [tolerance * max(1.0, abs(item.score)) for item in reference.items]


def _excess(expected: Sequence[float], scores: Sequence[float], allowed: Sequence[float]) -> list[float]:
    """How far each score is off, in units of what is allowed."""
    return [abs(score - right) / limit for score, right, limit in zip(scores, expected, allowed, strict=True)]


def _swapped_pairs(expected: Sequence[float], scores: Sequence[float], allowed: Sequence[float]) -> int:
    order = range(len(expected))
    return sum(
        expected[low] + allowed[low] + allowed[high] < expected[high] and scores[low] >= scores[high] for low in order for high in order
    )


def _common_shift(expected: Sequence[float], scores: Sequence[float], allowed: Sequence[float]) -> float | None:
    """By how much all scores are off, if it is the same for all; None otherwise."""
    differences = [score - right for score, right in zip(scores, expected, strict=True)]
    shift = sum(differences) / len(differences)
    alike = all(abs(difference - shift) <= limit for difference, limit in zip(differences, allowed, strict=True))
    return shift if alike and len(differences) > 1 else None
