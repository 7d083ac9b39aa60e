"""Measure a reward model on published benchmarks: `python -m benchmarks.reward_model --model FOLDER --sets rm_bench=FILE --out RUN`.

Every answer is scored once and journalled; the figures of each benchmark, in its own arithmetic, and plots are written into RUN. Given
again after it was stopped, the command goes on where it was.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from pydantic import Field

from benchmarks.judging import Judging, files_of, judge_of, setup_of
from code_reward.cli import run
from code_reward.errors import ConfigurationError


class RewardModel(Judging):
    """Measure a reward model on RM-Bench, Themis-CodeRewardBench, Scoring-Verifiers, JudgeBench, RewardBench, HumanEvalPack and pools."""

    sets: list[str] = Field(default=[])
    """NAME=FILE each: rm_bench, themis, judgebench, rewardbench, humanevalpack, verifiers, pool, preferences (docs/benchmarks.md); files
    of one name are one set."""
    published: list[Path] = Field(default=[])
    """Per-sample scores that the authors of Themis-CodeRewardBench published (scores.parquet), measured in the place of a model."""
    out: Path
    """Folder of the run; a run that was stopped goes on."""
    limit: int | None = Field(default=None, gt=0)
    """Only the first rows of each set; the figures are then not the benchmark's."""
    seed: int = 0
    """Seed of the bootstrap."""


def main(settings: RewardModel) -> int:
    """Score, measure, report; the status is 1 if answers have no verdict."""
    from benchmarks.rewards.evaluate import evaluate, items_of
    from benchmarks.rewards.published import themis_pairs
    from benchmarks.rewards.readers import read
    from benchmarks.rewards.report import write_report
    from benchmarks.rewards.score import score_items
    from benchmarks.run_folder import begin

    if not settings.sets and not settings.published:
        raise ConfigurationError("Nothing to measure; give --sets NAME=FILE, or --published SCORES.")
    sets = {name: read(name, paths)[: settings.limit] for name, paths in files_of(settings.sets).items()}
    folders = [path.parent.name for path in settings.published]
    published = {
        name if folders.count(name) == 1 else str(path): themis_pairs(path) for name, path in zip(folders, settings.published, strict=True)
    }
    begin(settings.out, setup_of(settings) if settings.sets else {"published": sorted(published)})
    judge = cache(lambda: judge_of(settings))
    evaluated = {
        name: evaluate(name, rows, score_items(settings.out, name, items_of(rows), judge), settings.seed) for name, rows in sets.items()
    }
    report = write_report(settings.out, evaluated, published, _conventions(settings, sets))
    print(f"Report: {report}")
    return int(any(one.missing for one in evaluated.values()))


def _conventions(settings: RewardModel, sets: dict[str, Any]) -> dict[str, object]:
    """How the run is done, for its report's header."""
    judge = f"{settings.model.name if settings.model else 'published scores'}"
    return {
        "reward model": judge + (f", zero-shot {settings.zero_shot}" if settings.zero_shot else ""),
        "reads": settings.preset or ("its chat template" if settings.zero_shot else "as its folder says"),
        "precision": f"{settings.dtype} {'at ' + ', '.join(settings.url) if settings.url else 'on ' + settings.device}",
        "ties": "are wrong answers in pair accuracies, as published",
        **{f"rows, {name}": f"{len(rows)}" + (", the first only" if settings.limit else "") for name, rows in sets.items()},
    }


if __name__ == "__main__":
    run(RewardModel, main)
