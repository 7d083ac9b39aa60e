"""The report of `python -m benchmarks.reward_model`."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import plots
from benchmarks.report import Report, Rows, header_table
from benchmarks.rewards.evaluate import Evaluated
from benchmarks.rewards.measures import Matrix, Pairs, Pool, Ranking
from code_reward.files import write_text


def write_report(
    folder: Path, evaluated: Mapping[str, Evaluated], published: Mapping[str, Pairs], conventions: Mapping[str, object]
) -> Path:
    """Write `report.md`, `figures.json` and the plots, print the tables; the path of the report."""
    report = Report("Reward model benchmarks")
    report.table("How it was measured", *header_table(conventions), show=False)
    pairs = {name: part for name, part in _parts(evaluated, Pairs).items() if isinstance(part, Pairs)}
    report.table("Pairs whose better answer scores higher", *_pairs({**pairs, **published}))
    for name, part in pairs.items():
        for tag, shares in part.by.items():
            rows = [(value, str(share.count), f"{100 * share.accuracy:.1f}") for value, share in shares.items()]
            report.table(f"{name} by {tag}", (tag, "pairs", "accuracy (%)"), rows, show=False)
    report.table("RM-Bench (%)", *_matrices(_parts(evaluated, Matrix)))
    report.table("Scoring-Verifiers", *_rankings(_parts(evaluated, Ranking)))
    report.table("Pools", *_pools(_parts(evaluated, Pool)))
    report.table("Answers without a score", *_unscored(evaluated))
    for picture in _plots(folder, evaluated):
        report.picture(picture)
    figures = {
        "conventions": dict(conventions),
        "sets": {name: {part: figure.model_dump(mode="json") for part, figure in one.figures.items()} for name, one in evaluated.items()},
        "published": {name: figure.model_dump(mode="json") for name, figure in published.items()},
    }
    write_text(folder / "figures.json", json.dumps(figures, indent=1, default=str) + "\n")
    return report.write(folder)


def _parts(evaluated: Mapping[str, Evaluated], kind: type) -> dict[str, object]:
    every = {f"{name} {part}".strip(): figure for name, one in evaluated.items() for part, figure in one.figures.items()}
    return {name: figure for name, figure in every.items() if isinstance(figure, kind)}


def _pairs(parts: Mapping[str, Pairs]) -> tuple[Sequence[str], Rows]:
    rows = [
        (name, str(one.count), one.interval.percent() if one.interval else f"{100 * one.accuracy:.2f}", str(one.tied))
        for name, one in parts.items()
    ]
    return ("set", "pairs", "accuracy (%)", "ties"), rows


def _matrices(parts: Mapping[str, object]) -> tuple[Sequence[str], Rows]:
    rows = [
        (name, str(one.count), *(f"{100 * value:.1f}" for value in (one.easy, one.normal, one.hard, one.mean)))
        for name, one in parts.items()
        if isinstance(one, Matrix)
    ]
    return ("set", "prompts", "easy", "normal", "hard", "mean"), rows


def _rankings(parts: Mapping[str, object]) -> tuple[Sequence[str], Rows]:
    rows = [
        (name, str(one.tasks), *(f"{value:.4f}" for value in (one.top1, one.bottom1, one.spearman, one.kendall, one.mae, one.r2)))
        for name, one in parts.items()
        if isinstance(one, Ranking)
    ]
    return ("set", "tasks", "top-1", "bottom-1", "Spearman", "Kendall", "MAE", "R2"), rows


def _pools(parts: Mapping[str, object]) -> tuple[Sequence[str], Rows]:
    rows = []
    for name, one in parts.items():
        assert isinstance(one, Pool)
        n = max(one.best_of)
        best = f"{one.best_of[n].percent()} (n = {n})"
        told = (f"{100 * one.random:.1f}", best, f"{100 * one.oracle[n]:.1f}", one.auc.plain(), f"{one.ece:.3f}")
        rows.append((name, str(one.tasks), str(one.answers), *told))
    return ("pool", "tasks", "answers", "random (%)", "best of n (%)", "oracle (%)", "AUC", "ECE"), rows


def _unscored(evaluated: Mapping[str, Evaluated]) -> tuple[Sequence[str], Rows]:
    rows = [(name, str(one.rejected), str(one.missing)) for name, one in evaluated.items() if one.rejected or one.missing]
    return ("set", "rejected by the input", "missing"), rows


def _plots(folder: Path, evaluated: Mapping[str, Evaluated]) -> list[Path]:
    pictures = []
    pairs = {name: one.interval for name, one in _parts(evaluated, Pairs).items() if isinstance(one, Pairs) and one.interval}
    if pairs:
        pictures.append(plots.bars(folder / "plots" / "pairs.png", "Pair accuracy", {"pair accuracy": pairs}))
    for name, one in _parts(evaluated, Pool).items():
        assert isinstance(one, Pool)
        ns = [float(n) for n in one.best_of]
        lines = {
            "best of n by score": (ns, [100 * figure.value for figure in one.best_of.values()]),
            "one at random": (ns, [100 * one.random] * len(ns)),
            "oracle": (ns, [100 * value for value in one.oracle.values()]),
        }
        pictures.append(plots.curves(folder / "plots" / f"best_of_n_{name}.png", f"Best of n, {name}", lines, "n", "right (%)"))
    return pictures
