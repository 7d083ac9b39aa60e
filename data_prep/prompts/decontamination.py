"""Benchmarks' prompts, and whether a problem repeats a part of one.

A problem is contaminated when it shares a run of `WORDS` words with a benchmark's prompt (a prompt that is shorter counts as a whole). Runs
that stand in many prompts of a benchmark are its boilerplate ("the input is given from standard input in the following format") and
identify no task, so they do not count.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from code_reward.errors import DataError
from data_prep.sources.records import raw_records

WORDS = 10
SHORTEST = 5
BOILERPLATE = 5
"""Prompts of one benchmark that must share a run of words for it to be boilerplate: more than this many."""

COLUMNS = ("statement", "question_content", "instruct_prompt", "complete_prompt", "prompt", "text")
"""Where the published files of HumanEval, MBPP, LiveCodeBench, BigCodeBench and this project have their prompts."""


@dataclass(frozen=True)
class Overlap:
    """What a problem shares with a benchmark."""

    benchmark: str
    words: str

    def __str__(self) -> str:
        return f"{self.benchmark}: {self.words!r}"


class Benchmarks:
    """Every run of words that identifies a task of some benchmark.

    Args:
        prompts: Texts by the benchmark's name.
    """

    def __init__(self, prompts: dict[str, Sequence[str]]) -> None:
        self._owner = {run: name for name, texts in prompts.items() for run in _identifying(texts)}
        self._lengths = sorted({run.count(" ") + 1 for run in self._owner})

    def find(self, text: str) -> Overlap | None:
        """The first run of words that the text shares with a benchmark."""
        words = _words(text)
        for length in self._lengths:
            for run in _runs(words, length):
                if run in self._owner:
                    return Overlap(self._owner[run], run)
        return None


def read_benchmark(path: Path) -> list[str]:
    """The prompts of a benchmark's file (`.json`, `.jsonl`, both also gzipped, `.parquet`); raises `DataError` where a row has none."""
    prompts = []
    for number, row in raw_records(path):
        texts = [row[column] for column in COLUMNS if isinstance(row.get(column), str) and row[column].strip()]
        if not texts:
            raise DataError(f"{path}, row {number}: none of the columns {', '.join(COLUMNS)} holds a prompt; name the prompt's column so.")
        prompts.extend(texts)
    if not prompts:
        raise DataError(f"{path} holds no prompt; give a benchmark's file.")
    return prompts


def _identifying(texts: Sequence[str]) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for words in {tuple(_words(text)) for text in texts}:
        counts.update(set(_runs(words, min(len(words), WORDS))) if len(words) >= SHORTEST else ())
    return (run for run, count in counts.items() if count <= BOILERPLATE)


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _runs(words: Sequence[str], length: int) -> Iterator[str]:
    return (" ".join(words[start : start + length]) for start in range(len(words) - length + 1))
