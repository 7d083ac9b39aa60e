"""Published reward model benchmarks, read into `Preference` and `Graded` rows.

Each reader names the columns that it needs, so that another file is refused by name. Languages are written in small letters as their
fences are tagged.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from pydantic import AliasChoices, Field

from benchmarks.rewards.row import Graded, Preference
from code_reward.errors import ConfigurationError, DataError
from code_reward.reward_data import LabelledProgram
from code_reward.rows import read_rows
from data_prep.sources.records import Record, each, read_records

Rows = list[Preference] | list[Graded]

_WANTED = re.compile(r"Write an? (\S+) function")
"""How a code prompt of RM-Bench names its language; the column is in its parts alone."""

_LANGUAGES = {"c++": "cpp", "csharp": "csharp", "c#": "csharp", "js": "javascript", "golang": "go"}


@dataclass(frozen=True)
class Reader:
    """How a benchmark's file becomes rows.

    Args:
        read: The reader.
        arithmetic: Which measures it is published with.
        source: Where it is published.
    """

    read: Callable[[Path], Rows]
    arithmetic: Literal["pairs", "rm_bench", "verifiers", "pool"]
    source: str


def language(name: str) -> str:
    """A language as fences are tagged with it."""
    small = name.strip().lower()
    return _LANGUAGES.get(small, small)


class RMBenchRecord(Record):
    id: int | str
    prompt: str
    chosen: list[str] = Field(min_length=3, max_length=3)
    rejected: list[str] = Field(min_length=3, max_length=3)
    language: str = ""
    domain: str = "code"


def rm_bench(path: Path) -> list[Preference]:
    """RM-Bench: three styles of the right answer and of the wrong one, from concise to elaborate."""
    return each(path, read_records(path, RMBenchRecord), _rm_bench)


def _rm_bench(record: RMBenchRecord) -> Preference:
    asked = _WANTED.match(record.prompt) if record.domain.startswith("code") else None
    spoken = language(record.language or (asked[1] if asked else "text"))
    # "safety-refuse" and "safety-response" are one domain.
    tags = {"domain": record.domain.partition("-")[0]}
    return Preference(id=str(record.id), prompt=record.prompt, chosen=record.chosen, rejected=record.rejected, language=spoken, tags=tags)


class ThemisRecord(Record):
    id: str = ""
    prompt: str
    chosen: str
    rejected: str
    aspect: str
    language: str
    subset: str


def themis(path: Path) -> list[Preference]:
    """Themis-CodeRewardBench: pairs by criterion, language and subset."""
    records = read_records(path, ThemisRecord)
    return [
        Preference(
            id=record.id or str(number),
            prompt=record.prompt,
            chosen=[record.chosen],
            rejected=[record.rejected],
            language=language(record.language),
            tags={"aspect": record.aspect, "language": record.language, "subset": record.subset},
        )
        for number, record in enumerate(records)
    ]


class JudgeBenchRecord(Record):
    pair_id: str
    source: str
    question: str
    response_A: str
    response_B: str
    label: Literal["A>B", "B>A"]


def judgebench(path: Path) -> list[Preference]:
    """JudgeBench's code part: pairs whose source is LiveCodeBench."""
    return [
        Preference(
            id=record.pair_id,
            prompt=record.question,
            chosen=[record.response_A if record.label == "A>B" else record.response_B],
            rejected=[record.response_B if record.label == "A>B" else record.response_A],
            tags={"source": record.source},
        )
        for record in read_records(path, JudgeBenchRecord)
        if record.source.startswith("livecodebench")
    ]


class RewardBenchRecord(Record):
    id: int | str
    prompt: str
    chosen: str
    rejected: str
    subset: str


def rewardbench(path: Path) -> list[Preference]:
    """RewardBench's code part: HumanEvalPack pairs (`hep-python` and five others)."""
    return [
        Preference(
            id=str(record.id),
            prompt=record.prompt,
            chosen=[record.chosen],
            rejected=[record.rejected],
            language=language(record.subset.removeprefix("hep-")),
            programs=True,
            tags={"subset": record.subset},
        )
        for record in read_records(path, RewardBenchRecord)
        if record.subset.startswith("hep-")
    ]


class TwinsRecord(Record):
    task_id: str
    prompt: str
    canonical_solution: str
    buggy_solution: str
    bug_type: str = ""


def humanevalpack(path: Path) -> list[Preference]:
    """HumanEvalPack's right and buggy solutions of one language, each the prompt with its body."""
    return [
        Preference(
            id=record.task_id,
            prompt=record.prompt,
            chosen=[record.prompt + record.canonical_solution],
            rejected=[record.prompt + record.buggy_solution],
            language=language(record.task_id.partition("/")[0]),
            programs=True,
            tags={"bug": record.bug_type or "unknown", "language": language(record.task_id.partition("/")[0])},
        )
        for record in read_records(path, TwinsRecord)
    ]


class VerifierRecord(Record):
    dataset: Literal["HE_base", "HE_plus", "MBPP_base", "MBPP_plus"]
    task_id: str
    prompt: str
    solution: str = Field(validation_alias=AliasChoices("solution", "canonical_solution"))
    rank: float
    ground_average_test_score: float = Field(ge=0, le=1)


def verifiers(path: Path) -> list[Graded]:
    """Scoring-Verifiers: HE-R(+) and MBPP-R(+), answers to a task ranked by the share of tests that they pass."""
    return [
        Graded(
            task=record.task_id,
            part=record.dataset,
            prompt=record.prompt,
            answer=record.solution,
            rank=record.rank,
            grade=record.ground_average_test_score,
        )
        for record in read_records(path, VerifierRecord)
    ]


def pool(path: Path) -> list[Graded]:
    """Programs that `data_prep.label` has labelled."""
    return [
        Graded(task=row.problem_id, part=row.group, prompt=row.statement, answer=row.program, grade=float(row.passed))
        for row in read_rows(path, LabelledProgram)
    ]


def preferences(path: Path) -> list[Preference]:
    """Rows of our own."""
    return read_rows(path, Preference)


READERS = {
    "rm_bench": Reader(rm_bench, "rm_bench", "THU-KEG/RM-Bench"),
    "themis": Reader(themis, "pairs", "project-themis/Themis-CodeRewardBench (Apache-2.0)"),
    "judgebench": Reader(judgebench, "pairs", "ScalerLab/JudgeBench"),
    "rewardbench": Reader(rewardbench, "pairs", "allenai/reward-bench, filtered"),
    "humanevalpack": Reader(humanevalpack, "pairs", "bigcode/humanevalpack (MIT)"),
    "verifiers": Reader(verifiers, "verifiers", "nvidia/Scoring-Verifiers"),
    "pool": Reader(pool, "pool", "rows of data_prep.label"),
    "preferences": Reader(preferences, "pairs", "rows of this project"),
}


def read(name: str, paths: Sequence[Path]) -> list[Preference] | list[Graded]:
    """The rows of the benchmark `name`, of all its files: some are published as one for each language or domain.

    Raises:
        ConfigurationError: No benchmark has that name.
        DataError: A file is absent, holds other columns, or no row of the benchmark.
    """
    if name not in READERS:
        raise ConfigurationError(f"There is no set {name!r}; use one or more of {', '.join(READERS)}.", kind="unknown_name")
    every: list[Any] = []
    for path in paths:
        rows = READERS[name].read(path)
        if not rows:
            raise DataError(f"{path} holds no row of {name}; give the published file.")
        every += rows
    return every
