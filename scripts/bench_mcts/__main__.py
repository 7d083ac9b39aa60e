"""Measure the tree search: `python -m scripts.bench_mcts driver`, `tracing` or `kills`.

CODE_REWARD_DATA=DIR python -m scripts.bench_mcts tracing
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run


class BenchMcts(Command):
    """Measure the tree search."""

    what: CliPositionalArg[Literal["driver", "tracing", "kills"]]
    """The driver's use of an endpoint, its CPU and memory; what tracing costs and whether it changes results; kill -9 and resumption."""
    problems: int | None = Field(default=None, gt=0)
    """Problems: 200 for driver, 60 for kills, all of each data set for tracing."""
    latency: float = Field(default=0.25, gt=0)
    """Seconds that the simulated endpoint takes per answer (driver)."""
    capacity: int = Field(default=64, gt=0)
    """Answers that it makes at once (driver)."""
    kills: int = Field(default=20, gt=0)
    """How often the run is killed."""
    seed: int = 0
    """Seed of the moments at which it is killed."""


def main(settings: BenchMcts) -> None:
    """Measure and print."""
    from scripts.bench_mcts import driver, kills, tracing

    if settings.what == "driver":
        driver.measure(settings.problems or 200, settings.latency, settings.capacity)
    elif settings.what == "tracing":
        tracing.measure(settings.problems)
    else:
        kills.measure(settings.problems or 60, settings.kills, settings.seed)


if __name__ == "__main__":
    run(BenchMcts, main)
