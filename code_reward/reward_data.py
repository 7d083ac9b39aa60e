"""Reward data at rest: what `data_prep` writes and `rm_train` reads.

Three kinds of rows. A `LabelledProgram` is one program with the truth about it; a `Pair` is a preference between two programs for the
same problem; a `Prefix` is the beginning of a program with the value that search found for it. All carry the statement, so that a reward
data file is complete without its problem file.
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
    test_outcomes: list[str] = []
    """The same of each test that ran, in the tests' order; most often the first that fails is the last that ran."""
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
    chosen_response: str = ""
    """The policy's answer up to and with `chosen`, as in `Prefix.response`; empty if nobody has written one."""
    rejected_response: str = ""
    chosen_complete: bool = True
    """Whether `chosen` is a whole program; a search prefers beginnings of programs to others, too."""
    rejected_complete: bool = True
    origin: Origin = "policy"
    """Where the rejected program comes from."""
    weight: float = Field(default=1.0, ge=0, allow_inf_nan=False)
    margin: float = Field(default=0.0, ge=0, allow_inf_nan=False)
    """How much better, in logits; 0 asks only for the order."""
    group: str = ""


class Prefix(BaseModel):
    """The beginning of a program, or a whole one, and how well programs went that begin so: a row of scalar (process) reward data."""

    model_config = ConfigDict(extra="allow")

    problem_id: str
    statement: str
    entry_point: str | None = None
    program: str
    """Whole lines of code; unless `complete`, it may end inside a block."""
    response: str = ""
    """The policy's answer up to and with `program`: its prose, the opening fence, the code; no closing fence unless `complete`."""
    complete: bool
    value: float = Field(ge=0, le=1)
    """The mean of the judgements of all programs below (Q/N)."""
    visits: int = Field(ge=1)
    """How many judgements `value` is the mean of (N)."""
    agreement: float = Field(default=1.0, ge=0, le=1)
    """The mean agreement of the judge with itself in those judgements."""
    group: str = ""
