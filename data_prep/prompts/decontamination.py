"""Benchmarks' prompts, and whether a problem repeats one, whole or in part, under another name or without its examples.

Three things tell. A problem shares a run of `WORDS` words with a prompt; or it has most of a prompt's phrases, three words each, names and
examples aside, which is how a short prompt is known under another name; or it says nothing else than a prompt. Runs and phrases that stand
in many prompts of a benchmark are its boilerplate ("the input is given from standard input in the following format") and identify no task.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from code_reward.errors import DataError
from data_prep.sources.records import raw_records

WORDS = 10
PHRASE = 3
SHORTEST = 5
"""Words below which a prompt says too little to be known again."""
MOST = 0.75
"""Share of a prompt's phrases that makes a copy of it, and how many they must be at least:"""
FEWEST = 4
BOILERPLATE = 5
"""Prompts of one benchmark that must share words for these to be boilerplate: more than this many."""

COLUMNS = (
    *("statement", "query", "problem_description", "question_content", "instruct_prompt", "complete_prompt", "description", "question"),
    *("problem", "text", "instruction", "prompt", "input"),
)
"""Where published files have their tasks. Several may have them, in two forms or in part: LeetCodeDataset's `prompt` holds imports only."""


@dataclass(frozen=True)
class Overlap:
    """What a problem shares with a benchmark."""

    benchmark: str
    words: str

    def __str__(self) -> str:
        return f"{self.benchmark}: {self.words!r}"


class Benchmarks:
    """Everything that identifies a task of some benchmark.

    Args:
        prompts: Texts by the benchmark's name.
    """

    def __init__(self, prompts: dict[str, Sequence[str]]) -> None:
        self._owner: dict[str, str] = {}
        self._whole: dict[str, str] = {}
        self._tasks: list[tuple[str, int]] = []
        """The benchmark of each prompt, and how many phrases identify it."""
        self._phrases: dict[str, list[int]] = {}
        for name, texts in prompts.items():
            self._learn(name, texts)
        self._lengths = sorted({run.count(" ") + 1 for run in self._owner})

    def _learn(self, name: str, texts: Sequence[str]) -> None:
        self._owner |= dict.fromkeys(_identifying(texts), name)
        cores = list(dict.fromkeys(tuple(core) for core in map(_core, texts) if len(core) >= SHORTEST))
        # Word by word a prompt is known however short it is.
        self._whole |= {" ".join(core): name for core in [*cores, *map(_words, texts)] if core}
        counts = Counter(phrase for core in cores for phrase in set(_runs(core, PHRASE)))
        for core in cores:
            own = {phrase for phrase in _runs(core, PHRASE) if counts[phrase] <= BOILERPLATE}
            if len(own) >= FEWEST:
                for phrase in own:
                    self._phrases.setdefault(phrase, []).append(len(self._tasks))
                self._tasks.append((name, len(own)))

    def find(self, text: str) -> Overlap | None:
        """What the text shares with a benchmark, the first that is found."""
        words = _words(text)
        for length in self._lengths:
            for run in _runs(words, length):
                if run in self._owner:
                    return Overlap(self._owner[run], run)
        core = _core(text)
        whole = next((said for said in (" ".join(words), " ".join(core)) if said in self._whole), None)
        return Overlap(self._whole[whole], whole) if whole is not None else self._find_by_phrases(core)

    def _find_by_phrases(self, core: Sequence[str]) -> Overlap | None:
        shared: dict[int, list[str]] = {}
        for phrase in dict.fromkeys(_runs(core, PHRASE)):
            for task in self._phrases.get(phrase, ()):
                shared.setdefault(task, []).append(phrase)
        for task, phrases in shared.items():
            name, many = self._tasks[task]
            if len(phrases) >= MOST * many:
                return Overlap(name, "; ".join(phrases[:5]))
        return None


def read_benchmark(path: Path) -> list[str]:
    """The prompts of a benchmark's file (`.json`, `.jsonl`, both also gzipped, `.parquet`).

    Raises:
        DataError: A row has no prompt, or the rows have all the same, so that it is another column that holds the tasks.
    """
    prompts: list[str] = []
    tasks: set[tuple[str, ...]] = set()
    rows, columns = 0, ""
    for number, row in raw_records(path):
        texts = [text for text in (_text(row.get(column)) for column in COLUMNS if isinstance(row, dict)) if text.strip()]
        rows, columns = rows + 1, ", ".join(row)
        if not texts:
            raise DataError(
                f"{path}, row {number}: the columns are {columns}, and none of {', '.join(COLUMNS)} holds a prompt; name the prompt's "
                "column so."
            )
        prompts.extend(texts)
        tasks.add(tuple(_core("\n".join(texts))))
    if not rows:
        raise DataError(f"{path} holds no prompt; give a benchmark's file.")
    if rows > BOILERPLATE and 2 * len(tasks) < rows:
        raise DataError(
            f"{path}: {rows} rows say only {len(tasks)} different things in the columns that are compared, of {columns}; name the column "
            f"that holds the tasks {COLUMNS[0]}."
        )
    return prompts


def _text(value: Any) -> str:
    """A column's text, also where it is a conversation: what the user says."""
    if isinstance(value, list):
        return "\n".join(str(turn.get("content", "")) for turn in value if isinstance(turn, dict) and turn.get("role") == "user")
    return value if isinstance(value, str) else ""


def _identifying(texts: Sequence[str]) -> Iterator[str]:
    counts: Counter[str] = Counter()
    for words in {tuple(_words(text)) for text in texts}:
        counts.update(set(_runs(words, min(len(words), WORDS))) if len(words) >= SHORTEST else ())
    return (run for run, count in counts.items() if count <= BOILERPLATE)


_EXAMPLES = re.compile(
    "|".join(
        [
            r"^[ \t]*>>>.*\n(?:[ \t]*(?!>>>|\"\"\"|''')\S.*\n?)?",  # With the line of its result.
            r"^[ \t]*\w+\(.*\)[ \t]*(?:[=-]+>|➞|=+|returns?\b).*$",
            r"^[ \t]*(?:\*\*)?(?:for )?(?:example|sample|input|output|explanation)s?\b.{0,20}:.*$",
        ]
    ),
    re.MULTILINE | re.IGNORECASE,
)
_IMPORTS = re.compile(r"^[ \t]*(?:from\s+\S+\s+import|import)\s.*$", re.MULTILINE)
_NAME = re.compile(r"\b(?:def|class)\s+(\w+)")


def _core(text: str) -> list[str]:
    """The words without imports, examples and the names of what is to be written."""
    names = {name.casefold() for name in _NAME.findall(text)}
    return [word for word in _words(_EXAMPLES.sub(" ", _IMPORTS.sub(" ", text + "\n"))) if word not in names]


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _runs(words: Sequence[str], length: int) -> Iterable[str]:
    return (" ".join(words[start : start + length]) for start in range(len(words) - length + 1))
