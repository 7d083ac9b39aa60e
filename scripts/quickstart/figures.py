"""The figures of one run: what its files say, with intervals over problems."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel

from code_reward.figure import Figure
from code_reward.metrics import bootstrap, paired_difference
from code_reward.problem import load_problems
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_rows
from rm_train.figures import Evaluation, ScoredProgram
from rm_train.measure import evaluate_all
from scripts.quickstart.stage import Run, Stage
from scripts.quickstart.stages import ARMS

PARTS = {"known": "known families", "held_out": "held-out families"}
YARDSTICKS = ("rm", "syntax")
"""The arms that every other is compared with."""


class Arm(BaseModel):
    """One policy after reinforcement, on the test problems of one part."""

    arm: str
    part: str
    after: Figure
    gain: Figure
    """Paired over problems."""


class Samples(BaseModel):
    """What a policy writes for the test problems of known families."""

    unparsable: Figure
    """Share of samples whose program does not parse."""
    distinct: Figure
    """Distinct programs among the samples of a problem; samples without a program count for none."""


class Figures(BaseModel):
    """Everything that the report tells."""

    seed: int
    problems: dict[str, int]
    """Test problems of each part."""
    before: dict[str, Figure]
    arms: list[Arm]
    over: dict[str, dict[str, Figure]]
    """By arm, then by another arm: what its pass@1 after reinforcement is above that one's, paired over problems of known families."""
    samples: dict[str, Samples]
    """Of the policy before reinforcement (`before`), and after it in each arm."""
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
    after = {arm: pass_rates(folder / f"after_{arm}.parquet") for arm in ARMS if any(stage.name == f"after_{arm}" for stage in stages)}
    return Figures(
        seed=seed,
        problems={part: list(parts.values()).count(part) for part in names},
        before={part: Figure.of(bootstrap(np.mean, _of(part, before, parts), seed=0)) for part in names},
        arms=[_arm(arm, part, before, rates, parts) for arm, rates in after.items() for part in names],
        over={
            arm: {other: _difference("known", rates, after[other], parts) for other in YARDSTICKS if other in after and other != arm}
            for arm, rates in after.items()
        },
        samples={
            "before": _samples(folder / "before.parquet", parts),
            **{arm: _samples(folder / f"after_{arm}.parquet", parts) for arm in after},
        },
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
    rate = Figure.of(bootstrap(np.mean, _of(part, both, parts), seed=0))
    return Arm(arm=arm, part=part, after=rate, gain=_difference(part, after, before, parts))


def _difference(part: str, ours: dict[str, float], theirs: dict[str, float], parts: dict[str, str]) -> Figure:
    """Of the problems that both have."""
    both = [problem_id for problem_id in ours if problem_id in theirs]
    pairs = ({problem_id: rates[problem_id] for problem_id in both} for rates in (ours, theirs))
    return Figure.of(paired_difference(*(_of(part, rates, parts) for rates in pairs), seed=0))


def _samples(path: Path, parts: dict[str, str]) -> Samples:
    by_problem: dict[str, list[LabelledProgram]] = {}
    for row in read_rows(path, LabelledProgram):
        if parts[row.problem_id] == "known":
            by_problem.setdefault(row.problem_id, []).append(row)
    unparsable = [float(np.mean([row.outcome == "does_not_parse" for row in rows])) for rows in by_problem.values()]
    distinct = [len({row.program for row in rows if row.program}) for rows in by_problem.values()]
    return Samples(unparsable=Figure.of(bootstrap(np.mean, unparsable, seed=0)), distinct=Figure.of(bootstrap(np.mean, distinct, seed=0)))


def _of(part: str, rates: dict[str, float], parts: dict[str, str]) -> list[float]:
    return [rate for problem_id, rate in rates.items() if parts[problem_id] == part]


def _reward_model(folder: Path, part: str, parts: dict[str, str]) -> dict[str, Evaluation]:
    return evaluate_all(scored_of(folder, part, parts), seed=0)


def scored_of(folder: Path, part: str, parts: dict[str, str]) -> list[ScoredProgram]:
    """The reward model's scores of the programs of one part of the test problems."""
    return [row for row in read_rows(folder / "rm.evaluation.scores.parquet", ScoredProgram) if parts[row.problem_id] == part]
