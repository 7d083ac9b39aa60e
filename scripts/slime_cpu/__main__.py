"""Show slime's real loop on this machine, without a GPU: `make slime-cpu SLIME_ROOT=… MEGATRON_ROOT=…`."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from code_reward.cli import Command, run


class SlimeCpu(Command):
    """Train a tiny policy with slime itself: Ray, SGLang engines for policy and reward model, Megatron, weight sync, all on CPU.

    Needs SLIME_ROOT and MEGATRON_ROOT (docs/slime_on_cpu.md) and about 6 GB of memory, and takes one to three minutes.
    """

    out: Path = Path("runs/slime_cpu")
    """Folder for the models, the run's files and its log."""
    rollouts: int = 3
    """Rollouts, and steps of training."""
    script: Literal["train.py", "train_async.py"] = "train.py"
    """slime's training script."""
    policy: Literal["qwen3", "glm4"] = "qwen3"
    """Architecture of the policy."""


def main(settings: SlimeCpu) -> int:
    """Make the models, run slime, and report."""
    from scripts.slime_cpu.models import build_policy, build_rm, make_problems
    from scripts.slime_cpu.progress import follow, report
    from scripts.slime_cpu.recipe import prepare, running, sizes

    folder = settings.out.resolve() / settings.policy
    policy, rm = folder / "policy", folder / "rm"
    if not rm.exists():
        print("Making a policy and a reward model ...", flush=True)
        build_rm(rm, build_policy(policy, settings.policy))
    for old in folder.glob("rollout_[0-9]*.pt"):
        old.unlink()
    flags = prepare(folder, policy=policy, rm=rm, problems=make_problems())
    size = sizes(rollouts=settings.rollouts, prompts=2, samples=4, response=48)
    with running(settings.script, [*flags, *size], folder / "log.txt") as process:
        status = follow(process, folder, settings.rollouts)
    report(folder, status)
    return status


if __name__ == "__main__":
    run(SlimeCpu, main)
