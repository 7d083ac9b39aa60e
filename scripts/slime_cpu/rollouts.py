"""What a run of slime left behind: the samples that it dumped, and the figures that its trainer logged."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean
from typing import Any

STEP = re.compile(r"step (\d+): \{(.*?)\}")
FIGURE = re.compile(r"'train/(\w+)': ([-+.\de]+)")


@dataclass(frozen=True)
class Rollout:
    """One rollout and the step that was trained on it."""

    samples: list[dict[str, Any]]
    """As slime saves them, our verdict in `metadata`."""
    step: dict[str, float]
    """`grad_norm`, `train_rollout_logprob_abs_diff` (how far policy and engine are apart) and others; empty before the step is done."""

    def share(self, verdict: str) -> float:
        """How many samples have this verdict."""
        return fmean(sample["metadata"]["code_reward"]["verdict"] == verdict for sample in self.samples)

    def reward(self) -> float:
        """Mean reward of the samples that have a verdict; nan if none has."""
        rewards = [sample["reward"] for sample in self.samples if sample["metadata"]["code_reward"]["verdict"] != "missing"]
        return fmean(rewards) if rewards else float("nan")


def read_rollouts(folder: Path) -> list[Rollout]:
    """The run's rollouts in order."""
    steps = read_steps(folder / "log.txt")
    # Those of evaluations are called rollout_eval_N.pt.
    files = sorted(folder.glob("rollout_[0-9]*.pt"), key=_number)
    return [Rollout(read_samples(file), steps.get(_number(file), {})) for file in files]


def read_samples(dump: Path) -> list[dict[str, Any]]:
    """The samples of one dump."""
    import torch

    # Written by the run itself; samples hold more than tensors.
    samples: list[dict[str, Any]] = torch.load(dump, weights_only=False)["samples"]
    return samples


def read_steps(log: Path) -> dict[int, dict[str, float]]:
    """The trainer's figures by step."""
    found = STEP.findall(log.read_text(encoding="utf-8", errors="replace"))
    return {int(number): {name: float(value) for name, value in FIGURE.findall(figures)} for number, figures in found}


def _number(file: Path) -> int:
    return int(file.stem.rpartition("_")[2])
