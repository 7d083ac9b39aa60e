"""`Recipe`: how a tree is grown. `coderm-nt` is the published search to the letter; `default` mends it, and every mend is a field."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class Recipe(BaseModel):
    """Settings of the search; their defaults are those of `default`."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    rollouts: int = Field(default=10, gt=0)
    """Of one tree, the initial one included."""
    branching: int = Field(default=4, gt=0)
    """How many paths may pass through a node before selection goes below it."""
    exploration: float = Field(default=math.sqrt(2), ge=0)
    """The constant c of UCT."""
    segments: Literal["statements", "prints"] = "statements"
    """Where segments end: after a few statements, or after each print of a variable."""
    initial_chain_first: bool = False
    """Whether the initial program's nodes are each expanded once, from the top, before UCT selects anything. With 10 rollouts and a program
    of ten segments UCT then never selects at all."""
    uct: bool = True
    """Whether selection follows UCT; else any node that has room is drawn."""
    reflection: bool = True
    """Whether the policy is shown an earlier completion of the same prefix: the worst that was not shown yet, then the best."""
    rejudge: bool = False
    """Whether a whole program that is selected is judged again; else it is never selected."""
    duplicates_take_width: bool = False
    """Whether a rollout that gave a known program counts against its nodes' branching."""
    wave: int = Field(default=4, gt=0)
    """Rollouts of one tree that run at once, under a virtual loss; they are backed up in order."""
    settled_after: int = Field(default=0, ge=0)
    """End a tree after so many rollouts in a row that brought no new program; 0: never."""
    attempts: int = Field(default=3, gt=0)
    """Times that the policy is asked for one program before the rollout has failed."""


RECIPES: dict[str, Recipe] = {
    "default": Recipe(settled_after=4),
    "coderm-nt": Recipe(
        segments="prints",
        initial_chain_first=True,
        rejudge=True,
        duplicates_take_width=True,
        wave=1,
        attempts=9,
    ),
}
"""The recipes by name."""
