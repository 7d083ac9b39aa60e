"""The report of the ablation: what each arm cost and is worth, and how far it is from independent samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import fmean, stdev

from pydantic import TypeAdapter

from code_reward.files import write_text
from code_reward.reward_data import Pair
from code_reward.rows import read_rows
from data_prep.search.run import read_trees
from rm_train.figures import Evaluation
from scripts.ablation.settings import Ablation
from scripts.ablation.stages import ARMS, arms

ORIGINS = ("all", "mutant", "policy")
_STUDENT = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}
"""Quantiles of Student's t at 97.5 % by number of seeds."""


@dataclass(frozen=True)
class Outcome:
    """One arm with one seed."""

    executions: int
    right: float
    """Share of judged programs that the judge finds right."""
    pairs: int
    accuracy: dict[str, float]
    """Pair accuracy on unseen problems, by the origin of the wrong programs."""


def write_report(settings: Ablation) -> Path:
    """Read every seed's files, write `report.md`; where it lies."""
    outcomes = {name: [_read(settings.out / f"seed{seed}", name) for seed in range(settings.seeds)] for name in arms(settings)}
    rows = [_row(name, outcomes) for name in outcomes]
    head = ["reward data", "executions", "found right", "pairs", *(f"accuracy: {origin}" for origin in ORIGINS), "difference (all)"]
    lines = [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]
    text = (
        f"# Reward models from {settings.problems} problems and {settings.rollouts} programs each, {settings.seeds} seeds\n\n"
        + "\n".join(lines)
        + "\n\nAccuracy: share of pairs of a right and a wrong program of an unseen problem in the right order, mean over seeds.\n"
        "The difference is to independent samples, paired by seed, with its 95 % interval (Student's t over seeds).\n"
    )
    write_text(settings.out / "report.md", text)
    return settings.out / "report.md"


def _read(folder: Path, name: str) -> Outcome:
    judged = [
        rollout.judgement
        for tree in read_trees(folder / f"{ARMS[name].trees or name}.trees")
        for rollout in tree.rollouts
        if rollout.judgement is not None
    ]
    figures = TypeAdapter(dict[str, Evaluation]).validate_json((folder / f"{name}.json").read_text(encoding="utf-8"))
    return Outcome(
        executions=len(judged),
        right=fmean(judgement.correctness == 1.0 for judgement in judged),
        pairs=len(read_rows(folder / f"{name}.data" / "pairs.train.parquet", Pair)),
        accuracy={origin: figures[origin].pair_accuracy.value for origin in ORIGINS if origin in figures},
    )


def _row(name: str, outcomes: dict[str, list[Outcome]]) -> list[str]:
    own, base = outcomes[name], outcomes[next(iter(ARMS))]
    accuracies = [f"{fmean(one.accuracy[origin] for one in own):.3f}" if origin in own[0].accuracy else "" for origin in ORIGINS]
    differences = [one.accuracy["all"] - other.accuracy["all"] for one, other in zip(own, base, strict=True)]
    shares = fmean(one.right for one in own)
    counts = [f"{fmean(one.executions for one in own):.0f}", f"{shares:.0%}", f"{fmean(one.pairs for one in own):.0f}"]
    return [ARMS[name].title, *counts, *accuracies, interval(differences) if own is not base else ""]


def interval(differences: Sequence[float]) -> str:
    """Mean and 95 % interval of paired differences, one per seed."""
    middle = fmean(differences)
    half = _STUDENT.get(len(differences), 2.228) * stdev(differences) / len(differences) ** 0.5
    return f"{middle:+.3f} [{middle - half:+.3f}, {middle + half:+.3f}]"
