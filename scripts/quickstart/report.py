"""The report of a run: a table in the terminal, and `report.md` with the same figures and the plots."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.table import Table

from benchmarks.report import markdown
from code_reward.figure import Figure
from code_reward.files import write_text
from scripts.quickstart.figures import PARTS, YARDSTICKS, Figures, measure
from scripts.quickstart.plots import plot_all
from scripts.quickstart.stage import Run, Stage, console
from scripts.quickstart.stages import ARMS

Rows = list[tuple[str, ...]]


def write_report(work: Run, stages: Sequence[Stage], seed: int) -> Path:
    """Measure, print, and write `report.md`, `figures.json` and the plots; returns the path of the report."""
    figures = measure(work, stages, seed)
    tables = {
        "pass@1 on hidden tests (%), with 95 % intervals over problems": (
            ("policy", *(f"{PARTS[part]} ({count} problems)" for part, count in figures.problems.items())),
            _policies(figures),
        ),
        **_comparison(figures),
        "Test samples for known families, with 95 % intervals over problems": (
            ("policy", "do not parse (%)", "distinct programs of a problem"),
            _samples(figures),
        ),
        "Reward model on problems it has not seen": (("wrong programs", "pair accuracy", "AUC", "ECE"), _reward_model(figures)),
        "Time and memory": (("stage", "seconds", "peak MB"), _costs(figures, stages)),
    }
    for title, (header, rows) in tables.items():
        _print(title, header, rows)
    pictures = plot_all(work.folder, figures)
    sections = [f"## {title}\n\n{markdown(header, rows)}" for title, (header, rows) in tables.items()]
    images = [f"![{path.stem}]({path.relative_to(work.folder)})" for path in pictures]
    path = work.folder / "report.md"
    write_text(path, "\n\n".join([f"# Quickstart, seed {seed}", *sections, "## Plots", *images]) + "\n")
    write_text(work.folder / "figures.json", figures.model_dump_json(indent=2))
    return path


def _policies(figures: Figures) -> Rows:
    rows: Rows = [("before", *(_percent(figure) for figure in figures.before.values()))]
    for name, words in ARMS.items():
        arms = [arm for arm in figures.arms if arm.arm == name]
        if arms:
            rows.append((f"after: {words}", *(f"{_percent(arm.after)}, gain {_percent(arm.gain, sign=True)}" for arm in arms)))
    return rows


def _comparison(figures: Figures) -> dict[str, tuple[tuple[str, ...], Rows]]:
    """The table of every arm against two others, if there are several."""
    if len(figures.over) < 2:
        return {}
    yardsticks = [name for name in YARDSTICKS if name in figures.over]
    rows: Rows = [
        (ARMS[name], *(_percent(over[other], sign=True) if other in over else "" for other in yardsticks))
        for name, over in figures.over.items()
    ]
    title = "pass@1 after, above that after another reward (points), paired over problems of known families"
    return {title: (("reward", *(f"above: {ARMS[name]}" for name in yardsticks)), rows)}


def _samples(figures: Figures) -> Rows:
    return [
        (
            name if name == "before" else f"after: {ARMS[name]}",
            _percent(samples.unparsable),
            f"{samples.distinct.value:.1f} [{samples.distinct.low:.1f}, {samples.distinct.high:.1f}]",
        )
        for name, samples in figures.samples.items()
    ]


def _reward_model(figures: Figures) -> Rows:
    return [
        (f"{origin} ({PARTS[part]})", _plain(result.pair_accuracy), _plain(result.auc), f"{result.ece:.3f}")
        for part, origins in figures.reward_model.items()
        for origin, result in origins.items()
    ]


def _costs(figures: Figures, stages: Sequence[Stage]) -> Rows:
    rows: Rows = [
        (
            f"{stage.title}{' (beside the one above)' * stage.beside}",
            f"{figures.seconds[stage.name]:.0f}",
            f"{figures.peak_mb[stage.name]:.0f}",
        )
        for stage in stages
    ]
    seconds = sum(figures.seconds[stage.name] for stage in stages if not stage.beside)
    return [*rows, ("all", f"{seconds:.0f}", f"{max(figures.peak_mb.values()):.0f}")]


def _percent(figure: Figure, *, sign: bool = False) -> str:
    return f"{100 * figure.value:{'+' if sign else ''}.1f} [{100 * figure.low:.1f}, {100 * figure.high:.1f}]"


def _plain(figure: Figure) -> str:
    return f"{figure.value:.3f} [{figure.low:.3f}, {figure.high:.3f}]"


def _print(title: str, header: Sequence[str], rows: Rows) -> None:
    table = Table(*header, title=title, title_justify="left")
    for row in rows:
        table.add_row(*row)
    console.print(table)
