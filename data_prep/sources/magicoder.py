"""Magicoder-OSS-Instruct (ise-uiuc): problems that a language model made of open-source snippets, with its answers, which may be wrong.

Its Python rows only, in the file's order. There are no tests: this is what the tree search is for. The answer's code block is the reference
solution; an answer without a usable one leaves the problem without a reference. Where the reference defines one function and the
statement names it, that is the entry point; else programs are judged by what they show of themselves.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from code_reward.errors import DataError
from code_reward.extraction import extract_code
from code_reward.problem import Problem
from data_prep.sources.declarations import Definition, only_function, tells
from data_prep.sources.hub import Part
from data_prep.sources.records import Record, left_out, read_problems, survey_problems
from data_prep.sources.source import Source


class MagicoderRecord(Record):
    lang: str
    raw_index: int
    index: int
    seed: str
    problem: str
    solution: str


def read(path: Path) -> list[Problem]:
    """`seed` (the snippet that a problem was made of) and `index` are kept as extra columns."""
    return read_problems(path, MagicoderRecord, _problem)


def survey(path: Path) -> Iterator[Problem | DataError]:
    """The same row by row."""
    return survey_problems(path, MagicoderRecord, _problem)


def _problem(record: MagicoderRecord) -> Problem:
    if record.lang != "python":
        raise left_out("not Python")
    reference = extract_code(record.solution).code
    return Problem(
        id=f"magicoder/{record.raw_index}-{record.index}",
        statement=record.problem,
        entry_point=_entry_point(record.problem, reference) if reference else None,
        reference_solution=reference,
        source="magicoder",
        index=record.index,
        seed=record.seed,
    )


def _entry_point(statement: str, reference: str) -> str | None:
    name = only_function(node for node in ast.parse(reference).body if isinstance(node, Definition))
    return name if name is not None and tells(statement, name) else None


MAGICODER = Source(
    read,
    "ise-uiuc/Magicoder-OSS-Instruct-75K on the Hugging Face hub (MIT)",
    survey,
    hub="ise-uiuc/Magicoder-OSS-Instruct-75K",
    part=Part(split="train"),
)
