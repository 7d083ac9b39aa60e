"""Runs of the quickstart with several seeds side by side, as Markdown: `python -m scripts.quickstart.seeds runs/quickstart/seed*`."""

from __future__ import annotations

import json
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import DataError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from code_reward.figure import Figure
    from scripts.quickstart.figures import Figures


class Seeds(Command):
    """Print what runs with different seeds have in common, and how far they differ."""

    runs: CliPositionalArg[list[Path]]
    """Folders of runs, each with its report (figures.json)."""


def main(settings: Seeds) -> None:
    """Read, and print two tables."""
    from benchmarks.report import markdown
    from scripts.quickstart.stages import ARMS

    every = sorted((_read(folder) for folder in settings.runs), key=lambda figures: figures.seed)
    seeds = [f"seed {figures.seed}" for figures in every]
    rows = [(title, *(told(one) for one in every)) for title, told in _TOLD.items()]
    print(markdown(("", *seeds), rows), end="\n\n")
    arms = [name for name in ARMS if any(arm.arm == name for figures in every for arm in figures.arms)]
    gains = {name: [_gain(figures, name) for figures in every] for name in arms}
    above = {name: [figures.over.get(name, {}).get("syntax") for figures in every] for name in arms if name != "syntax"}
    header = ("reward", *seeds, "mean (lowest to highest)")
    print("Gain in points, known families\n")
    print(markdown(header, [_row(ARMS[name], found) for name, found in gains.items()]), end="\n\n")
    if any(one is not None for found in above.values() for one in found):
        print("Above the syntax check alone, in points, paired over problems\n")
        print(markdown(header, [_row(ARMS[name], found) for name, found in above.items()]))


def _read(folder: Path) -> Figures:
    from scripts.quickstart.figures import Figures

    path = folder / "figures.json"
    if not path.is_file():
        raise DataError(f"{folder} has no figures.json; give the folder of a quickstart that has ended, such as runs/quickstart/seed0.")
    try:
        return Figures.model_validate(json.loads(path.read_bytes()))
    except ValueError as error:
        raise DataError(f"{path} is of another version of the quickstart; run it again.") from error


def _gain(figures: Figures, name: str) -> Figure | None:
    return next((arm.gain for arm in figures.arms if (arm.arm, arm.part) == (name, "known")), None)


def _row(title: str, found: Sequence[Figure | None]) -> tuple[str, ...]:
    values = [100 * one.value for one in found if one is not None]
    together = f"{fmean(values):+.1f} ({min(values):+.1f} to {max(values):+.1f})" if values else ""
    return (title, *(one.percent(sign=True) if one else "" for one in found), together)


_TOLD: dict[str, Callable[[Figures], str]] = {
    "right before, %": lambda one: one.before["known"].percent(),
    "parse before, %": lambda one: f"{100 - 100 * one.samples['before'].unparsable.value:.1f}",
    "pair accuracy of the reward model": lambda one: one.reward_model["known"]["all"].pair_accuracy.plain(),
    "its gain in held-out families": lambda one: next(
        (arm.gain.percent(sign=True) for arm in one.arms if (arm.arm, arm.part) == ("rm", "held_out")), ""
    ),
    "seconds, --compare included": lambda one: f"{sum(one.seconds.values()):.0f}",
}


if __name__ == "__main__":
    run(Seeds, main)
