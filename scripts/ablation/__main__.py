"""Run the ablation: `python -m scripts.ablation`."""

from __future__ import annotations

from code_reward.cli import run
from code_reward.errors import ConfigurationError
from scripts.ablation.settings import Ablation


def main(settings: Ablation) -> None:
    """Do every stage that is not done, then report."""
    from scripts.ablation.report import write_report
    from scripts.ablation.stages import common, of_seed
    from scripts.quickstart.stage import Run, console

    seeds = range(settings.seeds) if settings.only is None else [settings.only]
    if not set(seeds) <= set(range(settings.seeds)):
        raise ConfigurationError(f"--only {settings.only} is none of the {settings.seeds} seeds; count from 0.")
    for name, stages in [("common", common(settings)), *((f"seed{seed}", list(of_seed(settings, seed))) for seed in seeds)]:
        folder = (settings.out / name).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        work = Run(folder)
        for stage in stages:
            work.do(stage)
    if settings.only is None:
        report = write_report(settings)
        console.print(report.read_text(encoding="utf-8"), markup=False)


if __name__ == "__main__":
    run(Ablation, main)
