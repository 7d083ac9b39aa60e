"""The pictures of both commands' reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import matplotlib
import numpy as np

from code_reward.figure import Figure
from code_reward.files import replacing

matplotlib.use("Agg")
import matplotlib.pyplot as plt

RIGHT, WRONG, CUT = "#2a7f62", "#c8553d", "#8aa4b8"


def bars(path: Path, title: str, series: Mapping[str, Mapping[str, Figure]]) -> Path:
    """Figures in percent with their intervals: a group per name, a bar per series."""
    names = list(dict.fromkeys(name for figures in series.values() for name in figures))
    figure, axis = plt.subplots(figsize=(max(5, 1.1 * len(names) + 2), 3.6))
    width = 0.8 / len(series)
    for place, (label, figures) in enumerate(series.items()):
        for index, name in enumerate(names):
            if name in figures:
                one = figures[name]
                error = [[100 * (one.value - one.low)], [100 * (one.high - one.value)]]
                colour = (RIGHT, CUT, WRONG)[place % 3]
                axis.bar(
                    index + (place - (len(series) - 1) / 2) * width,
                    100 * one.value,
                    width,
                    yerr=error,
                    capsize=3,
                    color=colour,
                    label=label if index == 0 else None,
                )
    axis.set(xticks=range(len(names)), ylabel="%", title=title)
    axis.set_xticklabels(names, rotation=20, ha="right", fontsize=8)
    if len(series) > 1:
        axis.legend(fontsize=8)
    return save(figure, path)


def histogram(path: Path, title: str, groups: Mapping[str, Sequence[float]], unit: str) -> Path:
    """How values are spread, a colour per group."""
    figure, axis = plt.subplots(figsize=(6, 3.2))
    edges = np.histogram_bin_edges(np.concatenate([np.asarray(values, float) for values in groups.values()]), 40)
    for (label, values), colour in zip(groups.items(), (RIGHT, WRONG, CUT), strict=False):
        axis.hist(values, edges, alpha=0.6, color=colour, label=f"{label} ({len(values)})")
    axis.set(xlabel=unit, title=title)
    axis.legend(fontsize=8)
    return save(figure, path)


def curves(path: Path, title: str, lines: Mapping[str, tuple[Sequence[float], Sequence[float]]], unit: str, value: str) -> Path:
    """Lines over a logarithmic axis of whole numbers."""
    figure, axis = plt.subplots(figsize=(6, 3.6))
    for label, (across, up) in lines.items():
        axis.plot(across, up, marker="o", markersize=3, label=label)
    axis.set(xlabel=unit, ylabel=value, title=title, xscale="log")
    axis.legend(fontsize=8)
    return save(figure, path)


def save(figure: plt.Figure, path: Path) -> Path:
    """Write a picture at once or not at all."""
    figure.tight_layout()
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=130, format="png")
    plt.close(figure)
    return path
