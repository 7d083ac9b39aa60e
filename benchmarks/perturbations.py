"""See what moves a reward model that should not: `python -m benchmarks.perturbations --model RM --sets humanevalpack=FILE --out RUN`.

Programs are changed in ways that say nothing about whether they are right (comments, a claim of success, dead code, docstrings, other
names, another order), and in one that breaks them (a truncated end). A good reward model moves less by the former than right and wrong
programs lie apart. Scores are journalled; a run that was stopped goes on.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from benchmarks.judging import Judging, files_of, judge_of, setup_of
from code_reward.cli import run
from code_reward.errors import ConfigurationError

if TYPE_CHECKING:
    from benchmarks.rewards.perturbation_figures import Perturbed, Subject
    from benchmarks.rewards.row import Item


class Perturbations(Judging):
    """See what changes to programs do to a reward model's scores of right and wrong ones."""

    sets: list[str] = Field(min_length=1)
    """NAME=FILE of Python programs with the truth about them: humanevalpack, pool, verifiers (docs/benchmarks.md)."""
    out: Path
    """Folder of the run; a run that was stopped goes on."""
    limit: int | None = Field(default=None, gt=0)
    """Only the first programs of each set."""
    seed: int = 0
    """Seed of the bootstrap."""


def main(settings: Perturbations) -> None:
    """Change, score, measure, report."""
    from benchmarks.rewards.perturbation_figures import measure
    from benchmarks.run_folder import begin

    labelled = {name: _programs(name, paths)[: settings.limit] for name, paths in files_of(settings.sets).items()}
    begin(settings.out, setup_of(settings))
    judge = cache(lambda: judge_of(settings))
    figures = {name: measure(_subjects(settings.out, name, rows, judge), settings.seed) for name, rows in labelled.items()}
    print(f"Report: {_report(settings, figures)}")


def _programs(name: str, paths: list[Path]) -> list[tuple[str, bool, Item]]:
    """Task, truth and program of every Python program of a set."""
    from benchmarks.rewards.readers import read
    from benchmarks.rewards.row import Graded, Item

    rows: list[tuple[str, bool, Item]] = []
    for row in read(name, paths):
        if isinstance(row, Graded):
            rows.append((row.task, row.grade == 1, Item(row.prompt, row.answer, row.language, True)))
        elif row.programs:
            rows += [(row.id, True, Item(row.prompt, program, row.language, True)) for program in row.chosen]
            rows += [(row.id, False, Item(row.prompt, program, row.language, True)) for program in row.rejected]
    python = [row for row in rows if row[2].language == "python"]
    if not python:
        raise ConfigurationError(f"--sets {name}: no Python programs with the truth about them; use humanevalpack, pool or verifiers.")
    return python


def _subjects(folder: Path, name: str, rows: list[tuple[str, bool, Item]], judge: object) -> list[Subject]:
    """Every program that parses, with its scores before and after each change."""
    from dataclasses import replace

    from benchmarks.rewards.perturb import PERTURBATIONS, plain
    from benchmarks.rewards.perturbation_figures import Subject
    from benchmarks.rewards.score import score_items
    from code_reward.verdict import Missing, Scored

    items: list[Item] = []
    plan: list[tuple[str, bool, dict[str, int]]] = []
    for task, right, item in rows:
        try:
            program = plain(item.answer)
        except (SyntaxError, RecursionError):
            continue
        versions = {"": program, **{change: make(program) for change, make in PERTURBATIONS.items()}}
        places = {
            change: len(items) + place for place, change in enumerate(change for change, text in versions.items() if text is not None)
        }
        items += [replace(item, answer=text) for text in versions.values() if text is not None]
        plan.append((task, right, places))
    verdicts = score_items(folder, name, items, judge)  # type: ignore[arg-type]
    if any(isinstance(one, Missing) for one in verdicts):
        raise ConfigurationError("Some scores are missing; mend the reward model or its server and give the same command again.")
    scores = [one.value if isinstance(one, Scored) else None for one in verdicts]
    return [
        Subject(task, right, scores[places[""]], {change: scores[place] for change, place in places.items() if change})
        for task, right, places in plan
    ]


def _report(settings: Perturbations, figures: dict[str, Perturbed]) -> Path:
    import json

    from benchmarks.report import Report
    from benchmarks.rewards.perturb import HARMLESS
    from code_reward.files import write_text

    report = Report("What moves the reward model")
    for name, one in figures.items():
        report.text(
            f"{name}: right programs score {one.spread:.3f} above wrong ones of their task on average (the spread); "
            f"pair accuracy {one.accuracy.percent()} %."
        )
        rows = []
        for change, moved in one.moved.items():
            shifts = [part.plain() if part else "" for part in (moved.right, moved.wrong)]
            still = moved.size is not None and moved.size < 1 and one.spread > 0
            steady = ("yes" if still else "no") if change in HARMLESS else "must fall"
            size = "" if moved.size is None else f"{moved.size:.2f}"
            told = (*shifts, size, f"{100 * moved.rejected:.0f}", moved.accuracy.percent() if moved.accuracy else "", steady)
            rows.append((change, str(moved.programs), *told))
        header = (
            "change",
            "programs",
            "right (spreads)",
            "wrong (spreads)",
            "size",
            "rejected (%)",
            "accuracy, wrong ones changed (%)",
            "steady",
        )
        report.table(f"{name}: shifts of the score", header, rows)
    write_text(settings.out / "figures.json", json.dumps({name: one.model_dump() for name, one in figures.items()}, indent=1) + "\n")
    return report.write(settings.out)


if __name__ == "__main__":
    run(Perturbations, main)
