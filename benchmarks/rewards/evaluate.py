"""From rows and verdicts to a benchmark's figures. A preference or a task with a missing verdict is left out whole, and what is missing
counted: of a task's other answers another one would be best."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

from pydantic import BaseModel

from benchmarks.rewards import measures
from benchmarks.rewards.readers import READERS
from benchmarks.rewards.row import Graded, Item, Preference
from code_reward.errors import DataError
from code_reward.verdict import Missing, Scored, Verdict

Row = Preference | Graded


@dataclass(frozen=True)
class Evaluated:
    """The figures of one benchmark by part ("" is the whole), and the answers of which it has no verdict."""

    figures: dict[str, BaseModel]
    missing: int
    rejected: int


def items_of(rows: Sequence[Row]) -> list[Item]:
    """What is to be scored, in the order in which `evaluate` takes the verdicts."""
    return [item for row in rows for item in _items(row)]


def _items(row: Row) -> list[Item]:
    if isinstance(row, Graded):
        return [Item(row.prompt, row.answer, row.language, True)]
    return [Item(row.prompt, answer, row.language, row.programs) for answer in (*row.chosen, *row.rejected)]


def evaluate(name: str, rows: Sequence[Row], verdicts: Sequence[Verdict], seed: int) -> Evaluated:
    """The figures of the benchmark `name`; raises `DataError` where nothing of it has all its verdicts."""
    scored = list(_together(rows, verdicts))
    unknown = {_unit(row) for row, own in scored if any(isinstance(one, Missing) for one in own)}
    known = [(row, [_score(one) for one in own]) for row, own in scored if _unit(row) not in unknown]
    if not known:
        raise DataError(f"Nothing of {name} has all its scores; see why they are missing, and give the same command again.", kind="empty")
    figures = _ARITHMETIC[READERS[name].arithmetic](known, seed)
    missing = sum(isinstance(one, Missing) for one in verdicts)
    return Evaluated(figures, missing, sum(not isinstance(one, Missing | Scored) for one in verdicts))


def _unit(row: Row) -> object:
    """What is left out together."""
    return (row.part, row.task) if isinstance(row, Graded) else id(row)


def _together(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> Iterator[tuple[Row, list[Verdict]]]:
    left = iter(verdicts)
    for row in rows:
        yield row, list(islice(left, len(_items(row))))


def _score(verdict: Verdict) -> float | None:
    return verdict.value if isinstance(verdict, Scored) else None


Known = Sequence[tuple[Any, Sequence[float | None]]]


def _pairs(known: Known, seed: int) -> dict[str, BaseModel]:
    every = [
        (better, worse, row.tags, number)
        for number, (row, scores) in enumerate(known)
        for better in scores[: len(row.chosen)]
        for worse in scores[len(row.chosen) :]
    ]
    chosen, rejected, tags, groups = zip(*every, strict=True)
    return {"": measures.pairs(chosen, rejected, tags, seed, groups)}


def _rm_bench(known: Known, seed: int) -> dict[str, BaseModel]:
    domains = sorted({row.tags["domain"] for row, _ in known})
    parts = {domain: [scores for row, scores in known if row.tags["domain"] == domain] for domain in domains}
    return {name: measures.matrix([s[:3] for s in own], [s[3:] for s in own]) for name, own in parts.items()}


def _tasks(known: Known) -> Mapping[tuple[str, str], list[tuple[Any, float | None]]]:
    tasks: dict[tuple[str, str], list[tuple[Any, float | None]]] = {}
    for row, scores in known:
        tasks.setdefault((row.part, row.task), []).append((row, scores[0]))
    return tasks


def _verifiers(known: Known, seed: int) -> dict[str, BaseModel]:
    tasks = _tasks(known)
    return {
        part: measures.ranking(
            [([s for _, s in own], [r.rank for r, _ in own], [r.grade for r, _ in own]) for (p, _), own in tasks.items() if p == part]
        )
        for part in sorted({part for part, _ in tasks})
    }


def _pool(known: Known, seed: int) -> dict[str, BaseModel]:
    return {"": measures.pool([([s for _, s in own], [r.grade == 1 for r, _ in own]) for own in _tasks(known).values()], seed)}


_ARITHMETIC = {"pairs": _pairs, "rm_bench": _rm_bench, "verifiers": _verifiers, "pool": _pool}
