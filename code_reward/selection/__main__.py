"""`python -m code_reward.selection FILE`: compare the selection rules on a file of results matrices."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from pydantic import AliasChoices, Field, NonNegativeInt, PositiveInt
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError, DataError
from code_reward.metrics import Interval
from code_reward.selection.evaluation import METHODS, Figure, accuracies, applicable, compare, figure
from code_reward.selection.matrix import ResultsMatrix, load_matrices
from code_reward.selection.nested import nested_accuracies
from code_reward.selection.rules import Rule
from code_reward.selection.scored import SCORED_VARIANTS
from code_reward.selection.vouched import VARIANTS

TUNED: Mapping[str, Mapping[str, Rule]] = {"vouched_vote": VARIANTS, "scored_vote": SCORED_VARIANTS}
"""Rules with exponents, and what these are chosen from."""


class Selection(Command):
    """Compare selection rules on a file of results matrices (.jsonl, .jsonl.gz or .parquet).

    Each row is a problem: problem_id, correct (per candidate), and optionally passed (per candidate, per test), outputs and scores.
    Prints the accuracy of the chosen program and its paired difference to another method, with 95 % intervals over problems.
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
    against: str = "random"
    """The method to which the paired difference is taken, e.g. codet."""
    folds: NonNegativeInt = 0
    """Also measure vouched_vote, and scored_vote where there are scores, with exponents chosen by nested cross-validation over so many
    parts, at least 2; 0 leaves it out."""
    as_json: bool = Field(default=False, validation_alias=AliasChoices("json"))
    """Print JSON instead of a table."""


def main(command: Selection) -> None:
    matrices = load_matrices(command.file)
    if not matrices:
        raise DataError(f"{command.file} holds no problem; write at least two.")
    methods = applicable(matrices)
    if command.against not in methods:
        raise ConfigurationError(f"--against {command.against}: not one of {', '.join(methods)}.")
    sizes = command.best_of or [min(len(matrix.correct) for matrix in matrices)]
    given = command.model_dump(include={"against", "seed", "draws", "resamples"})
    tuned = {name: variants for name, variants in TUNED.items() if name in methods or name == "vouched_vote"}
    nested = [nested_figure(name, variants, matrices, n, command) for n in sizes if command.folds for name, variants in tuned.items()]
    figures = [*compare(matrices, sizes, methods=methods, **given), *nested]
    if command.as_json:
        print(json.dumps({"problems": len(matrices), "figures": [asdict(one) for one in figures]}, indent=2))
    else:
        print_table(figures, len(matrices), command.against)


def nested_figure(rule: str, variants: Mapping[str, Rule], matrices: Sequence[ResultsMatrix], n: int, command: Selection) -> Figure:
    """A rule with settings chosen on other problems; says on standard error which were chosen."""
    own, chosen = nested_accuracies(variants, matrices, n, folds=command.folds, seed=command.seed, draws=command.draws)
    other = accuracies(METHODS[command.against], matrices, n, seed=command.seed, draws=command.draws)
    for name, times in chosen.most_common():
        print(f"{times:5} x {name}", file=sys.stderr)
    return figure(f"{rule}, nested", n, own, other, seed=command.seed, resamples=command.resamples)


def print_table(figures: Sequence[Figure], problems: int, against: str) -> None:
    """Print figures in per cent to the terminal."""
    from rich.console import Console
    from rich.table import Table

    table = Table(title=f"Accuracy of the chosen program, {problems} problems, %")
    for heading in ("n", "method", "accuracy", "95 % interval", f"over {against}", "95 % interval"):
        table.add_column(heading, justify="left" if heading == "method" else "right")
    previous = None
    for one in figures:
        if previous not in (None, one.n):
            table.add_section()
        previous = one.n
        table.add_row(str(one.n), one.method, *_per_cent(one.accuracy), *_per_cent(one.difference, sign="+"))
    Console().print(table)


def _per_cent(interval: Interval, sign: str = "") -> tuple[str, str]:
    # Adding 0.0 turns -0.0 into 0.0.
    estimate, low, high = (format(round(100 * value, 1) + 0.0, f"{sign}.1f") for value in (interval.estimate, interval.low, interval.high))
    return estimate, f"{low} … {high}"


if __name__ == "__main__":
    run(Selection, main)
