"""The figures of one run: what its files say, with intervals over problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from code_reward.metrics import Interval, bootstrap, paired_difference
from code_reward.problem import load_problems
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_rows
from rm_train.evaluate import Evaluation, Figure, ScoredProgram
from rm_train.measure import evaluate_all
from scripts.quickstart.stage import Run, Stage
from scripts.quickstart.stages import ARMS

PARTS = ("known", "held_out")


class Arm(BaseModel):
    """One policy after reinforcement, on the test problems of one part."""

    arm: str
    part: str
    after: Figure
    gain: Figure
    """Paired over problems."""


class Figures(BaseModel):
    """Everything that the report tells."""

    seed: int
    problems: dict[str, int]
    """Test problems of each part."""
    before: dict[str, Figure]
    arms: list[Arm]
    reward_model: dict[str, dict[str, Evaluation]]
    """By part, then by the origin of the wrong programs (`all`, `mutant`, `policy`)."""
    seconds: dict[str, float]
    peak_mb: dict[str, float]


def measure(work: Run, stages: Sequence[Stage], seed: int) -> Figures:
    """Read the run's files and measure."""
    folder = work.folder
    parts = part_of(folder)
    before = pass_rates(folder / "before.parquet")
    names = [part for part in PARTS if part in parts.values()]
    arms = [
        _arm(arm, part, before, pass_rates(folder / f"after_{arm}.parquet"), parts)
        for arm in ARMS
        if any(stage.name == f"after_{arm}" for stage in stages)
        for part in names
    ]
    return Figures(
        seed=seed,
        problems={part: list(parts.values()).count(part) for part in names},
        before={part: _figure(bootstrap(np.mean, _of(part, before, parts), seed=0)) for part in names},
        arms=arms,
        reward_model={part: _reward_model(folder, part, parts) for part in names},
        seconds={stage.name: work.record(stage)["seconds"] for stage in stages},
        peak_mb={stage.name: work.record(stage)["peak_mb"] for stage in stages},
    )


def part_of(folder: Path) -> dict[str, str]:
    """The part (`known` or `held_out`) of every test problem."""
    return {problem.id: str((problem.model_extra or {})["part"]) for problem in load_problems(folder / "problems" / "test.jsonl")}


def pass_rates(path: Path) -> dict[str, float]:
    """Share of right samples of each problem: its pass@1."""
    outcomes: dict[str, list[bool]] = {}
    for row in read_rows(path, LabelledProgram):
        outcomes.setdefault(row.problem_id, []).append(row.passed)
    return {problem_id: float(np.mean(passed)) for problem_id, passed in outcomes.items()}


def _arm(arm: str, part: str, before: dict[str, float], after: dict[str, float], parts: dict[str, str]) -> Arm:
    both = {problem_id: rate for problem_id, rate in after.items() if problem_id in before}
    ours, theirs = _of(part, both, parts), _of(part, {problem_id: before[problem_id] for problem_id in both}, parts)
    gain = paired_difference(ours, theirs, seed=0)
    return Arm(arm=arm, part=part, after=_figure(bootstrap(np.mean, ours, seed=0)), gain=_figure(gain))


def _of(part: str, rates: dict[str, float], parts: dict[str, str]) -> list[float]:
    return [rate for problem_id, rate in rates.items() if parts[problem_id] == part]


def _reward_model(folder: Path, part: str, parts: dict[str, str]) -> dict[str, Evaluation]:
    rows = [row for row in read_rows(folder / "rm.evaluation.scores.parquet", ScoredProgram) if parts[row.problem_id] == part]
    return evaluate_all(rows, seed=0)


def _figure(interval: Interval) -> Figure:
    return Figure(value=interval.estimate, low=interval.low, high=interval.high)
