"""The report of `python -m benchmarks.policy`: the papers' table, where the judges differ, and what other runs did."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks import plots
from benchmarks.figures import Column, compare, measure
from benchmarks.report import Report, Rows, header_table
from benchmarks.verdicts import Judged
from code_reward.figure import Figure
from code_reward.files import write_text


def write_report(
    folder: Path,
    sets: Mapping[str, Sequence[str]],
    judged: Sequence[Judged],
    conventions: Mapping[str, object],
    others: Mapping[str, Sequence[Judged]],
    seed: int,
) -> Path:
    """Measure, print, and write `report.md`, `figures.json` and the plots; the path of the report."""
    by_set = {name: [one for one in judged if one.set == name] for name in sets}
    columns = {column: measure(by_set[name], column, seed) for name, names in sets.items() for column in names}
    differences = {
        other: {
            column: compare(by_set[name], [one for one in theirs if one.set == name], column, seed)
            for name, names in sets.items()
            for column in names
            if any(one.set == name for one in theirs)
        }
        for other, theirs in others.items()
    }
    report = Report("Policy benchmarks")
    report.table("How it was measured", *header_table(conventions), show=False)
    report.table("pass@k (%), with 95 % intervals over problems", *_passes(columns))
    report.table("pass@1 less that of another run (points), paired over problems", *_differences(differences))
    for other, theirs in others.items():
        if any(bool(one.referee) for one in judged) != any(bool(one.referee) for one in theirs):
            report.text(f"{other} was judged by {'the published referees' if any(one.referee for one in theirs) else 'our sandbox alone'}.")
    report.table("Answers", *_answers(by_set), show=False)
    report.table("Where referee and sandbox differ", *_disputes(judged))
    for picture in _plots(folder, columns, by_set):
        report.picture(picture)
    figures = {
        "conventions": dict(conventions),
        "columns": {name: column.model_dump(mode="json") for name, column in columns.items()},
        "differences": {
            other: {name: one.model_dump() if one else None for name, (_, one) in many.items()} for other, many in differences.items()
        },
    }
    write_text(folder / "figures.json", json.dumps(figures, indent=1, default=str) + "\n")
    return report.write(folder)


def _passes(columns: Mapping[str, Column]) -> tuple[Sequence[str], Rows]:
    ks = sorted({k for column in columns.values() for k in column.passes})
    header = ("benchmark", "problems", *(f"pass@{k}" for k in ks), "no verdict", "sandbox agrees")
    rows = []
    for name, column in columns.items():
        agrees = "" if column.sandbox_agrees is None else f"{column.sandbox_agrees} of {column.compared}"
        passes = [column.passes[k].percent() if k in column.passes else "" for k in ks]
        rows.append((name, str(column.problems), *passes, str(column.missing), agrees))
    return header, rows


def _differences(differences: Mapping[str, Mapping[str, tuple[int, Figure | None]]]) -> tuple[Sequence[str], Rows]:
    rows = [
        (other, column, str(problems), figure.percent(sign=True) if figure else "too few shared problems")
        for other, many in differences.items()
        for column, (problems, figure) in many.items()
    ]
    return ("other run", "benchmark", "problems", "difference"), rows


def _answers(by_set: Mapping[str, Sequence[Judged]]) -> tuple[Sequence[str], Rows]:
    rows = []
    for name, judged in by_set.items():
        tokens = sorted(one.tokens for one in judged)
        empty = sum(not one.program.strip() for one in judged)
        rows.append(
            (name, str(len(judged)), str(sum(tokens)), str(tokens[len(tokens) // 2]), str(sum(one.cut for one in judged)), str(empty))
        )
    return ("set", "answers", "tokens", "median", "cut by the limit", "without a program"), rows


def _disputes(judged: Sequence[Judged]) -> tuple[Sequence[str], Rows]:
    rows = [
        (one.task_id, str(one.sample), column, one.referee[column], one.sandbox[column], one.message[:160] or "it passes")
        for one in judged
        for column in one.disputed
    ]
    return ("task", "sample", "benchmark", "referee", "sandbox", "what the sandbox says"), rows


def _plots(folder: Path, columns: Mapping[str, Column], by_set: Mapping[str, Sequence[Judged]]) -> list[Path]:
    first = {name: column.passes[1] for name, column in columns.items()}
    pictures = [plots.bars(folder / "plots" / "passes.png", "pass@1", {"pass@1": first})]
    for name, judged in by_set.items():
        said = Counter(one.set for one in judged)
        if said[name] and any(one.tokens for one in judged):
            groups = {
                word: [one.tokens for one in judged if (next(iter((one.referee or one.sandbox).values())) == "pass") == right]
                for word, right in (("right", True), ("not right", False))
            }
            pictures.append(plots.histogram(folder / "plots" / f"tokens_{name}.png", f"Length of answers, {name}", groups, "tokens"))
    return pictures
