"""The options of the ablation, and its sizes."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from code_reward.cli import Command


class Ablation(Command):
    """Train reward models on tree data and on independent samples of the same number of program executions, and compare them."""

    out: Path = Path("runs/ablation")
    """Folder for everything that is made; what is there already is reused."""
    seeds: int = Field(default=5, ge=2)
    """How often everything is repeated, each time with other problems."""
    only: int | None = None
    """Do the stages of this seed and make no report."""
    problems: int = Field(default=90, gt=0)
    """Problems that are searched, per seed."""
    rollouts: int = Field(default=10, gt=1)
    """Programs that are executed per problem."""
    test: int = Field(default=60, gt=1)
    """Problems that the reward models are measured on."""
    policy_sft: int = Field(default=1000, gt=0)
    """Problems from which the backbone is taught."""
    endpoints: Path | None = None
    """YAML list of endpoints (data_prep.search): a language model then writes and judges, and traces are ablated too."""
