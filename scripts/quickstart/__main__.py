"""Run the quickstart: `python -m scripts.quickstart`."""

from __future__ import annotations

from itertools import takewhile

from code_reward.cli import run
from code_reward.errors import ConfigurationError
from scripts.quickstart.settings import Quickstart


def main(settings: Quickstart) -> None:
    """Do every stage that is not done, then report."""
    from scripts.quickstart.stage import Run, console
    from scripts.quickstart.stages import plan

    folder = (settings.out / f"seed{settings.seed}").resolve()
    folder.mkdir(parents=True, exist_ok=True)
    stages = plan(settings.sizes, settings.seed, compare=settings.compare)
    if unknown := sorted(set(settings.again) - {stage.name for stage in stages}):
        raise ConfigurationError(f"No stage is called {', '.join(unknown)}; choose from {', '.join(stage.name for stage in stages)}.")
    work = Run(folder, again=settings.again)
    for number, stage in enumerate(stages):
        if not stage.beside:
            work.do(stage, *takewhile(lambda other: other.beside, stages[number + 1 :]))
    # Plots and figures import torch, which nothing before needs in this process.
    from scripts.quickstart.report import write_report

    report = write_report(work, stages, settings.seed)
    console.print(f"\nThe report with its plots: {report}")


if __name__ == "__main__":
    run(Quickstart, main)
