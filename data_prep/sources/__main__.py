"""Turn a published data set into problems: `python -m data_prep.sources NAME [PATH …] --out FILE`."""

from __future__ import annotations

import sys
from pathlib import Path

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run


class Sources(Command):
    """Turn a published data set into problems."""

    name: CliPositionalArg[str]
    """humaneval, humaneval_plus, mbpp, mbpp_plus, leetcode, kodcode, opencodeinstruct, deepcoder, apps, taco, code_contests, synthetic1,
    acecode, coderm, lcb, bigcodebench, bigcodebench_hard, humanevalpack, magicoder, problems (our own files), or a plugin's source."""
    path: CliPositionalArg[list[Path]] = Field(default=[])
    """Published files, a folder of them, or OWNER/NAME of a data set on the Hugging Face hub; by default the source's own one there."""
    config: str | None = None
    """Configuration of a data set in many files, such as taco of DeepCoder."""
    split: str | None = None
    """Its split, such as test; every source has one that is taken by default."""
    revision: str | None = None
    """Its revision on the hub; fix one to get the same problems again."""
    out: Path
    """File for the problems (JSONL or parquet)."""
    skip_malformed: bool = False
    """Leave out rows that are not what the source promises, of which the largest data sets have some, and count them."""
    verify: bool = False
    """Run every reference solution and leave out problems whose reference does not pass its own tests; beside the file lies a journal, from
    which a killed run continues."""


def main(settings: Sources) -> None:
    """Read, perhaps verify, write, row by row, and say how many of what."""
    from rich.progress import track

    from code_reward.rows import writing_rows
    from data_prep.sources.conversion import Tally, problems_of, verified
    from data_prep.sources.hub import Part

    tally = Tally()
    part = Part(settings.config, settings.split, settings.revision)
    problems = problems_of(settings.name, settings.path, part, tally, skip_malformed=settings.skip_malformed)
    if settings.verify:
        problems = verified(problems, f"{settings.out}.journal", tally)
    with writing_rows(settings.out) as write:
        for problem in track(problems, "reading", transient=True, disable=not sys.stdout.isatty()):
            tally.add(problem)
            write(problem)
        tally.check(", ".join(map(str, settings.path)) or settings.name, settings.verify)
    print(*tally.lines(settings.out), sep="\n")


if __name__ == "__main__":
    run(Sources, main)
