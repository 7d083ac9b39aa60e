"""`python -m code_reward.selection FILE`: compare the selection rules on a file of results matrices."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import AliasChoices, Field, NonNegativeInt, PositiveInt
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import DataError
from code_reward.metrics import Interval
from code_reward.selection.evaluation import Figure, applicable, compare
from code_reward.selection.matrix import load_matrices


class Selection(Command):
    """Compare selection rules on a file of results matrices (.jsonl, .jsonl.gz or .parquet).

    Each row is a problem: problem_id, correct (per candidate), and optionally passed (per candidate, per test) and scores (per candidate).
    Prints the accuracy of the chosen program and its paired difference to a random choice, with 95 % intervals over problems.
    """

    file: CliPositionalArg[Path]
    """The results matrices."""
    best_of: list[PositiveInt] = Field(default=[])
    """How many candidates to choose from, e.g. 1,10,100. By default as many as every problem has."""
    draws: PositiveInt = 100
    """Subsets of the candidates per problem; all of them where there are no more than that."""
    resamples: PositiveInt = 1000
    """Bootstrap resamples."""
    seed: NonNegativeInt = 0
    """The same seed gives the same figures."""
    as_json: bool = Field(default=False, validation_alias=AliasChoices("json"))
    """Print JSON instead of a table."""


def main(command: Selection) -> None:
    matrices = load_matrices(command.file)
    if not matrices:
        raise DataError(f"{command.file} holds no problem; write at least two.")
    sizes = command.best_of or [min(len(matrix.correct) for matrix in matrices)]
    figures = compare(matrices, sizes, methods=applicable(matrices), seed=command.seed, draws=command.draws, resamples=command.resamples)
    if command.as_json:
        print(json.dumps({"problems": len(matrices), "figures": [asdict(figure) for figure in figures]}, indent=2))
    else:
        print_table(figures, len(matrices))


def print_table(figures: Sequence[Figure], problems: int) -> None:
    """Print figures in per cent to the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Accuracy of the chosen program, {problems} problems, %")
    for heading in ("n", "method", "accuracy", "95 % interval", "over random", "95 % interval"):
        table.add_column(heading, justify="left" if heading == "method" else "right")
    previous = None
    for figure in figures:
        if previous not in (None, figure.n):
            table.add_section()
        previous = figure.n
        table.add_row(str(figure.n), figure.method, *_per_cent(figure.accuracy), *_per_cent(figure.over_random, sign="+"))
    Console().print(table)


def _per_cent(interval: Interval, sign: str = "") -> tuple[str, str]:
    # Adding 0.0 turns -0.0 into 0.0.
    estimate, low, high = (format(round(100 * value, 1) + 0.0, f"{sign}.1f") for value in (interval.estimate, interval.low, interval.high))
    return estimate, f"{low} … {high}"


if __name__ == "__main__":
    run(Selection, main)
