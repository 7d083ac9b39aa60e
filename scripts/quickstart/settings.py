"""The options of the quickstart, and the sizes behind its figures."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, Field

from code_reward.cli import Command


class Sizes(BaseModel):
    """How much of everything; the defaults are meant for two cores and ten minutes."""

    families: tuple[str, ...] = (
        "add_or_subtract",
        "count_between",
        "count_matching",
        "filter_numbers",
        "index_matching",
        "longest_streak",
        "map_matching",
        "map_numbers",
        "multiply_matching",
        "replace_characters",
        "running_totals",
        "select_by_index",
        "sum_matching",
        "sum_range",
    )
    """Families of problems, two of which the seed holds out."""
    policy_sft: int = 2500
    rm: int = 1100
    rl: int = 300
    test: int = 200
    test_held_out: int = 60
    base_epochs: float = 4.2
    """Passes over the right programs from which policy and reward model both start."""
    right_share: float = 0.2
    """Share of right programs among those that the policy is then taught."""
    mutations: int = 3
    """Mutations of a wrong one: with several, sampling below temperature 1 does not bring the right program back."""
    policy_epochs: float = 1.6
    """Passes over them."""
    rm_mutants: int = 2
    """Mutants per reward model problem."""
    rm_samples: int = 6
    """Policy samples per reward model problem."""
    test_mutants: int = 8
    test_samples: int = 8
    """Policy samples per test problem, before and after."""
    rm_epochs: float = 4.2
    rm_batch: int = 20
    """Pairs per step: what four problems have on average."""
    rm_layers: int = 2
    """Layers that the reward model has above the policy's."""
    rm_learning_rate: float = 1e-3
    rl_steps: int = 60
    rl_learning_rate: float = 2e-4


TINY = Sizes(policy_sft=60, rm=40, rl=20, test=24, test_held_out=6, base_epochs=0.5, rm_samples=2, test_samples=2, rl_steps=2)
"""A run of two minutes that shows nothing but that every stage works."""


class Quickstart(Command):
    """Reinforce a small code model with a reward that runs no program, end to end, and show that it worked."""

    out: Path = Path("runs/quickstart")
    """Folder for everything that is made; what is there already is reused."""
    seed: int = 0
    """Seed of the run."""
    compare: bool = False
    """Also train with the tests themselves, noisy tests, reward models from noisy tests and from shuffled labels, and the syntax check."""
    again: list[str] = Field(default=[])
    """Stage to do again although its results are there; what depends on it is done again too."""
    tiny: bool = False
    """Use sizes at which the run takes two minutes and its figures mean nothing."""

    @property
    def sizes(self) -> Sizes:
        return TINY if self.tiny else Sizes()
