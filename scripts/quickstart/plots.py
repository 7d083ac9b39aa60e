"""The pictures of the report."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np

from code_reward.files import replacing
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_rows
from rm_train.figures import ScoredProgram
from rm_train.measure import calibration
from scripts.quickstart.figures import PARTS, Figures, part_of, scored_of
from scripts.quickstart.stages import ARMS

matplotlib.use("Agg")
import matplotlib.pyplot as plt

RIGHT, WRONG = "#2a7f62", "#c8553d"
WORDS = {"mutant": "mutants", "policy": "policy samples"}
WINDOW = 10
"""Steps that a curve averages over."""


def plot_all(folder: Path, figures: Figures) -> list[Path]:
    """Draw every picture into `folder/plots`."""
    arms = list(dict.fromkeys(arm.arm for arm in figures.arms))
    return [_curves(folder, arms), _scores(folder), _reliability(folder, figures), _gains(folder, figures)]


def _curves(folder: Path, arms: list[str]) -> Path:
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.6))
    for arm in arms:
        rows = read_rows(folder / f"rollouts_{arm}.parquet", LabelledProgram)
        steps = np.array([(row.model_extra or {}).get("step", 0) for row in rows])
        rewards: list[float | None] = [(row.model_extra or {}).get("reward") for row in rows]
        truth: list[float | None] = [float(row.passed) for row in rows]
        for axis, values in zip(axes, (rewards, truth), strict=True):
            known = np.array([value is not None for value in values])
            by_step = [np.mean([v for v, s, k in zip(values, steps, known, strict=True) if s == step and k]) for step in np.unique(steps)]
            axis.plot(_smooth(np.array(by_step)), label=ARMS[arm])
    axes[0].set(xlabel="step", ylabel="mean reward", title="Reward that the policy saw")
    axes[1].set(xlabel="step", ylabel="pass@1", title="Truth about the same rollouts, executed afterwards", ylim=(0, 1))
    axes[1].legend(fontsize=7)
    return _save(figure, folder / "plots" / "curves.png")


def _smooth(values: np.ndarray) -> np.ndarray:
    width = min(WINDOW, len(values))
    return np.convolve(values, np.ones(width) / width, mode="valid")


def _scores(folder: Path) -> Path:
    rows = read_rows(folder / "rm.evaluation.scores.parquet", ScoredProgram)
    figure, axes = plt.subplots(1, 2, figsize=(10, 3.2), sharey=True)
    bins = np.histogram_bin_edges([row.score for row in rows], 40)
    for axis, (origin, words) in zip(axes, WORDS.items(), strict=True):
        axis.hist([row.score for row in rows if row.passed], bins, density=True, alpha=0.6, color=RIGHT, label="right programs")
        wrong = [row.score for row in rows if not row.passed and row.origin == origin]
        axis.hist(
            wrong,
            bins,
            density=bool(wrong),
            alpha=0.6,
            color=WRONG,
            label=f"wrong: {words}",
        )
        axis.set(xlabel="reward model's score", yticks=[])
        axis.legend(fontsize=8)
    return _save(figure, folder / "plots" / "scores.png")


def _reliability(folder: Path, figures: Figures) -> Path:
    """A curve for each part of the test problems that the report has a row of, with that row's error."""
    figure, axis = plt.subplots(figsize=(3.8, 3.6))
    axis.plot([0, 1], [0, 1], color="grey", linewidth=1)
    for part, color in zip(figures.reward_model, (RIGHT, WRONG), strict=False):
        result = calibration(scored_of(folder, part, part_of(folder)), seed=0)
        bins = [(one.confidence, one.accuracy) for one in result.bins]
        axis.plot(*zip(*bins, strict=True), marker="o", color=color, label=f"{PARTS[part]} (ECE {result.ece:.3f})")
    axis.set(xlabel="stated probability of right", ylabel="share right", title="Reliability")
    axis.legend(fontsize=7)
    return _save(figure, folder / "plots" / "reliability.png")


def _gains(folder: Path, figures: Figures) -> Path:
    arms = [arm for arm in figures.arms if arm.part == "known"]
    figure, axis = plt.subplots(figsize=(7, 0.5 * len(arms) + 1.4))
    for row, arm in enumerate(reversed(arms)):
        error = [[100 * (arm.gain.value - arm.gain.low)], [100 * (arm.gain.high - arm.gain.value)]]
        axis.barh(row, 100 * arm.gain.value, xerr=error, color=RIGHT if arm.arm == "rm" else "#8aa4b8", height=0.6)
    axis.set(yticks=range(len(arms)), yticklabels=[ARMS[arm.arm] for arm in reversed(arms)], xlabel="gain in pass@1 (points)")
    axis.axvline(0, color="black", linewidth=0.8)
    return _save(figure, folder / "plots" / "gains.png")


def _save(figure: plt.Figure, path: Path) -> Path:
    figure.tight_layout()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=130, format="png")
    plt.close(figure)
    return path
