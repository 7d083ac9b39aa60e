"""What `make bench-rm` is told; light to import."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command

Way = Literal["shared", "alone", "trl"]


class Bench(Command):
    """Measure a pass over reward data: rows that inputs share, a row for each example, TRL's RewardTrainer; CPU time, memory, padding.

    All ways read the same token ids in the same order, and start from the same weights with the same optimizer, so their losses are
    to be the same. Each has a process of its own. CPU seconds are of the training alone, without loading. What is measured is kept, a way
    at a time: the same command goes on.
    """

    model: CliPositionalArg[Path]
    """Folder of a language model."""
    data: CliPositionalArg[Path]
    """Preference pairs, or prefixes."""
    out: Path
    """File for the figures (JSON); ways that are in it already are not measured again."""
    kind: Literal["pairs", "prefixes"] = "pairs"
    """What the rows are; TRL trains on pairs alone."""
    ways: list[Way] = Field(default=["shared", "trl"])
    """Which to measure: shared (rows of this project), alone (a row for each example, here), trl."""
    batch_size: int = Field(default=16, gt=0, multiple_of=4)
    """Examples per step; TRL takes them four at a time, as in its examples, and adds their gradients up."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What matrices are multiplied in."""
    row_tokens: int | None = Field(default=None, ge=1)
    """As in rm_train.train, for the shared rows."""
    recompute: bool = True
    """Whether layers are computed again in the backward pass, in all ways; TRL's default."""
    steps: int | None = None
    """Stop after so many steps."""
    threads: int = 1
    """CPU threads."""
