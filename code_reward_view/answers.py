"""What the page asks and is told, as plain data; the server and a page in one file tell the same."""

from __future__ import annotations

import math
from typing import Any, TypeVar

from code_reward.errors import CodeRewardError
from code_reward_view.detail import detail, program_of
from code_reward_view.entry import VERDICTS
from code_reward_view.errors import errors, worst
from code_reward_view.figures import figures
from code_reward_view.run import Run, Source
from code_reward_view.table import NONE, Frame, Query

T = TypeVar("T")

PAGE = 200
"""Rows that are sent at once, at most."""


def list_sources(run: Run) -> dict[str, Any]:
    """The run's sources, the one to begin with, and how far each is read."""
    return {"run": str(run.path), "first": run.first.number, "sources": [state_of(source) for source in run.sources]}


def state_of(source: Source) -> dict[str, Any]:
    """How far a source is read."""
    return {
        "number": source.number,
        "name": source.name,
        "files": len(source.files),
        "rows": len(source.table),
        "loaded": source.loaded,
        "broken": source.broken,
        "error": source.error,
    }


def tell_figures(source: Source, seed: int = 0) -> dict[str, Any]:
    """The overview."""
    return without_nan(figures(source.table, source.name, seed))


def tell_rows(source: Source, query: Query, start: int, count: int) -> dict[str, Any]:
    """A page of the table."""
    found, frame = source.table.find(query), source.table.frame()
    part = found[start : start + min(count, PAGE)]
    return {"total": len(found), "start": start, "rows": [tell_row(source, frame, int(row)) for row in part]}


def tell_row(source: Source, frame: Frame, row: int) -> list[Any]:
    """A row of the table: number, step, problem, group, verdict, reason, score, reward, right or not, length."""
    step, passed = int(frame.step[row]), int(frame.passed[row])
    return [
        row,
        None if step == NONE else step,
        source.table.names("problem")[frame.problem[row]],
        source.table.names("group")[frame.group[row]],
        VERDICTS[frame.verdict[row]],
        source.table.names("reason")[frame.reason[row]],
        without_nan(float(frame.score[row])),
        without_nan(float(frame.reward[row])),
        None if passed < 0 else bool(passed),
        int(frame.length[row]),
    ]


def tell_detail(source: Source, row: int) -> dict[str, Any]:
    """One answer whole; what is known of it from the table too, which may be more than its row says."""
    told = detail(source.row(row))
    known = tell_row(source, source.table.frame(), row)
    names = ("row", "step", "problem", "group", "verdict", "reason", "score", "reward", "passed", "length")
    return without_nan({**told, **dict(zip(names, known, strict=True)), "file": source.file_of(row)})


def tell_errors(source: Source) -> dict[str, Any]:
    """What the reward gets most wrong."""
    frame = source.table.frame()
    wanted = {row for liked in (True, False) for row in worst(frame, liked=liked).tolist()}
    programs: dict[int, str] = {}
    for row in source.in_order(wanted):  # Files that are read whole are so once each.
        try:
            programs[row] = program_of(source.row(row))[0]
        except CodeRewardError:
            programs[row] = ""

    def names(column: str, row: int) -> str:
        return source.table.names(column)[int(getattr(frame, column)[row])]

    return without_nan(errors(frame, programs.__getitem__, names))


def without_nan(value: T) -> T:
    """JSON has no NaN: None stands for it."""
    told: Any = value
    if isinstance(value, float):
        told = value if math.isfinite(value) else None
    elif isinstance(value, dict):
        told = {name: without_nan(one) for name, one in value.items()}
    elif isinstance(value, (list, tuple)):
        told = [without_nan(one) for one in value]
    return told  # type: ignore[no-any-return]
