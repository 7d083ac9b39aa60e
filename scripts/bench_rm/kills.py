"""Kills a training at random moments until it is done, and compares with one that was left alone: `python -m scripts.bench_rm.kills`."""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import CodeRewardError


class Kills(Command):
    """End a training of a reward model with SIGKILL at random moments, start it again each time, and compare its weights at the end.

    Ends with status 2 unless the weights are those of a training that was left alone, bit for bit.
    """

    init: Path
    """Language model folder."""
    pairs: Path
    """Preference pairs."""
    work: Path
    """Folder for both trainings; must not hold one."""
    kills: int = Field(default=20, gt=0)
    """How many kills."""
    epochs: float = Field(default=20.0, gt=0)
    """Passes over the pairs."""
    batch_size: int = Field(default=8, gt=0)
    """Pairs a step."""
    save_steps: int = Field(default=2, gt=0)
    """Steps between checkpoints."""
    seed: int = 0
    """Seed of the moments."""


def main(settings: Kills) -> None:
    """Train twice, compare, print."""
    import torch
    from safetensors.torch import load_file

    from rm_train.settings import Train
    from rm_train.train import main as train

    if settings.work.is_dir() and any(settings.work.iterdir()):
        raise CodeRewardError(f"{settings.work} holds something; give an empty folder.")
    same: dict[str, Any] = {"init": settings.init, "pairs": settings.pairs, "recipe": "tiny", "epochs": settings.epochs}
    same |= {"batch_size": settings.batch_size, "save_steps": settings.save_steps}
    whole = Train(out=settings.work / "whole", **same)
    began = time.monotonic()
    if _ended(lambda: train(whole), None) != 0:
        raise CodeRewardError("The training that is left alone failed; see above.")
    seconds, drawn, done, rounds = time.monotonic() - began, random.Random(settings.seed), 0, 0
    expected = load_file(whole.out / "model.safetensors")
    while done < settings.kills:
        rounds += 1
        killed = Train(out=settings.work / f"killed-{rounds}", **same)
        while not killed.out.exists():
            # Early enough that a training needs several starts; what is left when all kills are spent runs to its end.
            status = _ended(lambda: train(killed), drawn.uniform(0, seconds / 2) if done < settings.kills else None)  # noqa: B023
            done += status == -signal.SIGKILL
            if status not in (0, -signal.SIGKILL):
                raise CodeRewardError(f"After {done} kills the training ended with status {status}; see above.")
        found = load_file(killed.out / "model.safetensors")
        differing = [name for name, tensor in expected.items() if not torch.equal(found[name], tensor)]
        if differing:
            raise CodeRewardError(f"After {done} kills {len(differing)} tensors differ, {differing[0]} among them.")
    print(f"{done} kills in {rounds} trainings: all {len(expected)} tensors are those of a training left alone, bit for bit")


def _ended(work: Callable[[], None], after: float | None) -> int:
    """The status of a process of its own that does this, killed after so many seconds. Forked, for an import takes longer than a step."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException as error:
            print(f"error: {error}", file=sys.stderr)
            os._exit(1)
        os._exit(0)
    if after is not None:
        time.sleep(after)
        os.kill(child, signal.SIGKILL)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


if __name__ == "__main__":
    run(Kills, main)
