"""Reward data at rest: what `data_prep` writes and `rm_train` reads.

Two kinds of rows. A `LabelledProgram` is one program with the truth about it; a `Pair` is a preference between two programs for the
same problem. Both carry the statement, so that a reward data file is complete without its problem file.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Origin = Literal["policy", "mutant", "reference", "search"]


class LabelledProgram(BaseModel):
    """A program and whether it is right, as executed tests or a judge say."""

    model_config = ConfigDict(extra="allow")

    problem_id: str
    statement: str
    entry_point: str | None = None
    program: str
    passed: bool
    outcome: str = ""
    """The sandbox's outcome, e.g. `failed` or `timeout`."""
    origin: Origin = "policy"
    group: str = ""
    """A part of the problems that is reported on its own, e.g. the task family."""


class Pair(BaseModel):
    """A preference: `chosen` is better than `rejected` for the same problem."""

    model_config = ConfigDict(extra="allow")

    problem_id: str
    statement: str
    entry_point: str | None = None
    chosen: str
    rejected: str
    origin: Origin = "policy"
    """Where the rejected program comes from."""
    weight: float = Field(default=1.0, ge=0)
    margin: float = Field(default=0.0, ge=0)
    """How much better, in logits; 0 asks only for the order."""
    group: str = ""
