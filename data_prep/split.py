"""Part a file of rows by problem: `python -m data_prep.split --rows F --first F --second F`.

For reward data the honest unit is the task: samples of one problem are alike, so a model that saw some of them is not tested by the others.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from code_reward.cli import Command, run
from code_reward.errors import DataError
from code_reward.rows import read_all, write_rows
from data_prep.pairs import split_by_problem


class Row(BaseModel):
    """Any row of a problem: a candidate, a labelled program or a pair."""

    model_config = ConfigDict(extra="allow")

    problem_id: str


class Split(Command):
    """Part a file of rows so that no problem is on both sides."""

    rows: Path
    """Candidates, labelled programs or pairs."""
    first: Path
    """File for the rows of `share` of the problems."""
    second: Path
    """File for the other rows."""
    share: float = Field(default=0.5, ge=0, le=1)
    """Share of the problems on the first side."""
    seed: int = 0
    """Seed of the draw."""


def main(settings: Split) -> None:
    """Split and write both files."""
    rows = read_all([settings.rows], Row)
    sides = split_by_problem(rows, settings.share, settings.seed)
    if 0 < settings.share < 1 and not all(sides):
        many = len({row.problem_id for row in rows})
        raise DataError(f"{settings.share:g} of {many} problems leaves nothing on one side; take another --share or more problems.")
    for path, rows in zip((settings.first, settings.second), sides, strict=True):
        write_rows(path, rows)
        print(f"{len(rows)} rows of {len({row.problem_id for row in rows})} problems: {path}")


if __name__ == "__main__":
    run(Split, main)
