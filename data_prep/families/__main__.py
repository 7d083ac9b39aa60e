"""Generate problems and part them for the stages of training: `python -m data_prep.families --out FOLDER`.

Writes `policy_sft.jsonl`, `rm.jsonl`, `rl.jsonl` and `test.jsonl`, which share no problem.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.problem import save_problems
from data_prep.families.catalogue import FAMILIES
from data_prep.families.generator import generate
from data_prep.families.splits import Sizes, split


class Families(Command):
    """Generate small Python function tasks in disjoint sets."""

    out: Path
    """Folder for the four problem files."""
    families: list[str] = Field(default=[])
    """Families to draw from; all by default."""
    policy_sft: int = Field(default=900, gt=0)
    """Problems for teaching the policy."""
    rm: int = Field(default=400, gt=0)
    """Problems for the reward model."""
    rl: int = Field(default=300, gt=0)
    """Problems for reinforcement learning."""
    test: int = Field(default=200, gt=0)
    """Test problems of known families."""
    test_held_out: int = Field(default=40, ge=0)
    """Test problems of families that the reward model and the reinforcement never see."""
    held_out: int = Field(default=2, ge=0)
    """Number of such families."""
    seed: int = 0
    """Seed of everything."""


def main(settings: Families) -> None:
    """Generate, part and write."""
    sizes = Sizes.model_validate(settings.model_dump(include=set(Sizes.model_fields)))
    known = sizes.policy_sft + sizes.rm + sizes.rl + sizes.test
    names = settings.families or list(FAMILIES)
    # Held-out families are in two sets only, so that much of theirs is left over; generate enough for the known ones.
    count = -(-(known + sizes.test_held_out) * len(names) // max(len(names) - sizes.held_out, 1))
    for name, problems in split(generate(count, settings.seed, names), settings.seed, sizes).items():
        save_problems(settings.out / f"{name}.jsonl", problems)
        print(f"{len(problems):5} problems in {settings.out / name}.jsonl")


if __name__ == "__main__":
    run(Families, main)
