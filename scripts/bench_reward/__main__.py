"""Measure the reward path: `python -m scripts.bench_reward` prints markdown tables.

The server runs on one core and the client on another. What is compared is measured in turn within one run, because other work on the
machine changes every figure.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal, get_args

from pydantic import Field

from code_reward.cli import Command, run

GROUP_SIZE = 16

Part = Literal["throughput", "group", "stall", "judge", "faults"]


class BenchReward(Command):
    """Measure the reward path: throughput against CodeRM-NT's way, forward passes per group, event-loop stalls, a judge, faults."""

    data: Path = Path("data")
    """Folder of the real data (docs/real_data.md); CODE_REWARD_DATA names it, too."""
    work: Path = Path("runs/bench_reward")
    """Folder for the reward model that is made."""
    parts: list[Part] = Field(default=list(get_args(Part)))
    """What to measure."""
    groups: int = Field(default=32, ge=1)
    """Groups of 16 answers in the corpus."""
    rounds: int = Field(default=3, ge=1)
    """How often each way is measured."""


def main(settings: BenchReward) -> None:
    """Measure and print."""
    import logging
    import os

    # The faults are meant.
    logging.disable(logging.WARNING)
    cores = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, {cores[-1]})
    if {"throughput", "group", "stall", "judge"} & set(settings.parts):
        _measure_speed(settings, cores[0])
    if "faults" in settings.parts:
        _measure_faults()


def _measure_speed(settings: BenchReward, server_core: int) -> None:
    import asyncio

    from code_reward.rm_input import RMInput
    from scripts.bench_reward import group, judge, report, stall, throughput
    from scripts.bench_reward.corpus import build_model, load_groups

    model = build_model(settings.data, settings.work / "rm")
    groups = load_groups(settings.data, RMInput.load(model), settings.groups, GROUP_SIZE)
    if "throughput" in settings.parts:
        print(report.throughput(*asyncio.run(throughput.measure(model, groups, settings.rounds, server_core))), flush=True)
    if "group" in settings.parts:
        print(report.group(*asyncio.run(group.measure(model, groups[0], server_core))), flush=True)
    if "stall" in settings.parts:
        print(report.stall(asyncio.run(stall.measure(settings.data, model, groups, server_core))), flush=True)
    if "judge" in settings.parts:
        print(report.judge(asyncio.run(judge.measure(settings.data, model, groups, settings.rounds, server_core))), flush=True)


def _measure_faults() -> None:
    import asyncio
    import tempfile
    from pathlib import Path

    from scripts.bench_reward import faults, report

    with tempfile.TemporaryDirectory() as folder:
        print(report.faults(asyncio.run(faults.measure(Path(folder) / "rm"))), flush=True)


if __name__ == "__main__":
    run(BenchReward, main)
