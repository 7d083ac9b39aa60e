"""Measure a reward model on published benchmarks: `python -m benchmarks.reward_model --model FOLDER --sets rm_bench=FILE --out RUN`.

Every answer is scored once and journalled; the figures of each benchmark, in its own arithmetic, and plots are written into RUN. Given
again after it was stopped, the command goes on where it was.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from pydantic import Field

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError

if TYPE_CHECKING:
    from benchmarks.rewards.judges import Judge


class RewardModel(Command):
    """Measure a reward model on RM-Bench, Themis-CodeRewardBench, Scoring-Verifiers, JudgeBench, RewardBench, HumanEvalPack and pools."""

    model: Path | None = None
    """Reward model folder; with --url its small files suffice; with --zero-shot a causal language model."""
    url: list[str] = Field(default=[])
    """Addresses of servers of the model."""
    zero_shot: Literal["logprob", "yes_no"] | None = None
    """Score with a causal language model that was never trained to: the mean log-probability of the answer, or its Yes against its No."""
    preset: str | None = None
    """How the model reads, for a folder that was not adopted: themis, codescaler, coderm-nt, skywork, generic, default."""
    system: Path | None = None
    """File with another system prompt, such as that of another criterion."""
    sets: list[str] = Field(default=[])
    """NAME=FILE each: rm_bench, themis, judgebench, rewardbench, humanevalpack, verifiers, pool, preferences (docs/benchmarks.md)."""
    published: list[Path] = Field(default=[])
    """Per-sample scores that the authors of Themis-CodeRewardBench published (scores.parquet), measured in the place of a model."""
    out: Path
    """Folder of the run; a run that was stopped goes on."""
    limit: int | None = Field(default=None, gt=0)
    """Only the first rows of each set; the figures are then not the benchmark's."""
    dtype: Literal["float32", "bfloat16", "float16"] = "float32"
    """Precision of the model, here or at its servers."""
    device: str = "cpu"
    """Where a model that is loaded here runs."""
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

    _check(settings)
    sets = {name: read(name, path)[: settings.limit] for name, path in map(_named, settings.sets)}
    published = {path.parent.name: themis_pairs(path) for path in settings.published}
    begin(settings.out, _setup(settings))
    judge = cache(lambda: _judge(settings))
    evaluated = {
        name: evaluate(name, rows, score_items(settings.out, name, items_of(rows), judge), settings.seed) for name, rows in sets.items()
    }
    report = write_report(settings.out, evaluated, published, _conventions(settings, sets))
    print(f"Report: {report}")
    return int(any(one.missing for one in evaluated.values()))


def _check(settings: RewardModel) -> None:
    if not settings.sets and not settings.published:
        raise ConfigurationError("Nothing to measure; give --sets NAME=FILE, or --published SCORES.")
    if settings.sets and settings.model is None:
        raise ConfigurationError("Give --model, the folder of what scores.")
    if settings.url and (settings.zero_shot or settings.preset):
        raise ConfigurationError("A served reward model reads as its folder says; leave --zero-shot and --preset out, or --url.")


def _named(word: str) -> tuple[str, Path]:
    name, sign, path = word.partition("=")
    if not sign or not path:
        raise ConfigurationError(f"--sets {word}: say which file, as in {name or 'rm_bench'}=FILE.")
    return name, Path(path)


def _setup(settings: RewardModel) -> dict[str, Any]:
    """What decides the scores."""
    from code_reward.files import digest

    names = {"zero_shot", "preset", "dtype", "seed"}
    files = {name: digest(path) for name, path in (("model", settings.model), ("system", settings.system)) if path is not None}
    return {**settings.model_dump(mode="json", include=names), **files}


def _judge(settings: RewardModel) -> Judge:
    from benchmarks.rewards.judges import FolderJudge, ServedJudge, settings_of

    assert settings.model is not None
    system = settings.system.read_text() if settings.system else None
    if settings.zero_shot:
        from benchmarks.rewards.causal import CausalJudge

        return CausalJudge(settings.model, settings.zero_shot, settings.dtype, settings.device)
    if settings.url:
        return ServedJudge(settings.model, settings.url, system, settings.dtype)
    return FolderJudge(settings.model, settings_of(settings.model, settings.preset, system), settings.dtype, settings.device)


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
