"""Rows of a reward data file as examples: which texts a reward model reads for them, and what its scores of these are to be.

A pair is an example of two inputs, a prefix of one. Everything after this (encoding, planning, training) knows examples alone. No torch
here.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from code_reward.bare_programs import read_of, read_of_beginning, sides_of
from code_reward.errors import DataError
from code_reward.reward_data import LabelledProgram, Pair, Prefix
from code_reward.rm_input import RMInputSettings
from code_reward.rows import read_rows


@dataclass(frozen=True)
class Example:
    """Texts to score of one problem, how much they count, and the target (a pair's margin, a prefix's value)."""

    problem_id: str
    statement: str
    texts: tuple[str, ...]
    weight: float
    target: float


@dataclass(frozen=True)
class Kind:
    """A kind of rows: what it is called, how many inputs an example has, and how a row becomes one."""

    name: str
    width: int
    model: Any
    convert: Callable[[Any, RMInputSettings], Example]

    def read(self, path: Path, settings: RMInputSettings) -> list[Example]:
        """The examples of a file that count for something; raises `DataError` for a file without any, or a row without a program."""
        rows = read_rows(path, self.model)
        if not rows:
            raise DataError(f"{path} has no {self.name}; make some with data_prep (docs/rm_training.md).")
        examples = [example for example in self.convert_all(rows, settings, str(path)) if example.weight > 0]
        if not examples:
            raise DataError(f"All {len(rows)} {self.name} of {path} have the weight 0; give some that count.")
        return examples

    def convert_all(self, rows: Sequence[Any], settings: RMInputSettings, source: str) -> list[Example]:
        """The same of rows that are read already; `source` is named in errors."""
        examples = [self.convert(row, settings) for row in rows]
        for number, example in enumerate(examples, start=1):
            if not all(text.strip() for text in example.texts):
                raise DataError(f"{source}, row {number}: a program is empty; give the program or remove the row.")
        return examples


def _pair(row: Pair, settings: RMInputSettings) -> Example:
    texts = sides_of(row, settings) if row.chosen.strip() and row.rejected.strip() else ("", "")
    return Example(row.problem_id, row.statement, texts, row.weight, row.margin)


def _prefix(row: Prefix, settings: RMInputSettings) -> Example:
    text = read_of_beginning(row.program, row.response, row.complete, settings) if row.program.strip() else ""
    # A prefix of which the judge was less sure counts less.
    return Example(row.problem_id, row.statement, (text,), row.agreement, row.value)


def _labelled(row: LabelledProgram, settings: RMInputSettings) -> Example:
    return Example(row.problem_id, row.statement, (read_of(row.program, settings),), 1.0, float(row.passed))


PAIRS = Kind("pairs", 2, Pair, _pair)
PREFIXES = Kind("prefixes", 1, Prefix, _prefix)
LABELLED = Kind("labelled programs", 1, LabelledProgram, _labelled)
