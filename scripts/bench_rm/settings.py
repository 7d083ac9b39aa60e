"""What `make bench-rm` is told; light to import."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command

Way = Literal["shared", "alone", "trl"]


class Bench(Command):
    """Measure a pass over pairs: rows that inputs share, each input alone, TRL's RewardTrainer; CPU time, memory, padding.

    Each way has a process of its own, with the same weights and pairs. CPU seconds are of the training alone, without
    loading; on one thread they say little of what else the machine does.
    """

    model: CliPositionalArg[Path]
    """Folder of a language model."""
    pairs: CliPositionalArg[Path]
    """Preference pairs."""
    ways: list[Way] = Field(default=["shared", "trl"])
    """Which to measure: shared (rows of this project), alone (one row per input, here), trl."""
    batch_size: int = Field(default=64, gt=0)
    """Pairs per step; TRL keeps its batch of 4."""
    dtype: Literal["float32", "bfloat16"] = "float32"
    """What matrices are multiplied in."""
    lora: int = 0
    """As in rm_train.train; not for TRL."""
    freeze: Literal["nothing", "embeddings", "body"] = "nothing"
    """As in rm_train.train; not for TRL."""
    steps: int | None = None
    """Stop after so many steps."""
    threads: int = 1
    """CPU threads."""
    out: Path | None = None
    """File to write the figures to (JSON)."""
