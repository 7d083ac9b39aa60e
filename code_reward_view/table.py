"""`Table`: a row of numbers per answer, and what is asked of them: filter, sort, page. An answer takes about 80 bytes."""

from __future__ import annotations

from array import array
from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from code_reward_view.entry import VERDICTS, Entry

Rows = NDArray[np.intp]
NONE: Final = -(2**63)
"""A step that is not known."""
_TYPES: Final = {"verdict": "b", "passed": "b", "score": "d", "reward": "d"}
_ORDERS = 8
"""Orders that are remembered, so that scrolling does not sort again."""


class Vocabulary:
    """Texts that repeat themselves, as numbers."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self._codes: dict[str, int] = {}

    def code(self, name: str) -> int:
        """The number of a text."""
        if name not in self._codes:
            self._codes[name] = len(self.names)
            self.names.append(name)
        return self._codes[name]


@dataclass(frozen=True)
class Frame:
    """The table at one moment, a column per field; unknown numbers are NaN, an unknown truth is -1."""

    step: NDArray[np.int64]
    problem: NDArray[np.int64]
    group: NDArray[np.int64]
    verdict: NDArray[np.int8]
    reason: NDArray[np.int64]
    score: NDArray[np.float64]
    reward: NDArray[np.float64]
    passed: NDArray[np.int8]
    length: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.length)

    @property
    def value(self) -> NDArray[np.float64]:
        """What was said of each answer: the reward model's score, else the reward. Among scores a rejected answer has no value: its reward
        is of another scale."""
        if not np.isfinite(self.score).any():
            return self.reward
        unscored = np.where(self.verdict == VERDICTS.index("rejected"), np.nan, self.reward)
        return np.where(np.isnan(self.score), unscored, self.score)

    def take(self, rows: Rows) -> Frame:
        """Only these rows."""
        return Frame(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))


def _with_rejected(frame: Frame) -> Frame:
    """Where programs were executed, a rejected answer, which was not, is wrong: else pass@1 would be that of the others alone."""
    if (frame.passed >= 0).any():
        frame.passed[(frame.passed < 0) & (frame.verdict == VERDICTS.index("rejected"))] = 0
    return frame


@dataclass(frozen=True)
class Query:
    """What of the table is wanted, and in which order. Ranges include their ends."""

    verdict: str = ""
    reason: str = ""
    group: str = ""
    passed: str = ""
    """`right`, `wrong`, `unknown`, or any."""
    problem: str = ""
    """Part of its name."""
    steps: tuple[float | None, float | None] = (None, None)
    values: tuple[float | None, float | None] = (None, None)
    lengths: tuple[float | None, float | None] = (None, None)
    sort: str = ""
    descending: bool = False


class Table:
    """Answers in the order in which they were read; one thread adds, others look."""

    _CODES = ("problem", "group", "reason")

    def __init__(self) -> None:
        self.vocabularies = {name: Vocabulary() for name in self._CODES}
        self._columns: dict[str, array[Any]] = {name: array(_TYPES.get(name, "q")) for name in Entry._fields}
        self._lock = Lock()
        self._frame: Frame | None = None
        self._orders: OrderedDict[tuple[int, Query], Rows] = OrderedDict()

    def __len__(self) -> int:
        return len(self._columns["length"])

    def add(self, entries: list[Entry]) -> None:
        """Add answers."""
        columns, codes = self._columns, {name: vocabulary.code for name, vocabulary in self.vocabularies.items()}
        nan = float("nan")
        with self._lock:
            for one in entries:
                columns["step"].append(NONE if one.step is None else one.step)
                columns["problem"].append(codes["problem"](one.problem))
                columns["group"].append(codes["group"](one.group))
                columns["verdict"].append(VERDICTS.index(one.verdict))
                columns["reason"].append(codes["reason"](one.reason))
                columns["score"].append(nan if one.score is None else one.score)
                columns["reward"].append(nan if one.reward is None else one.reward)
                columns["passed"].append(-1 if one.passed is None else int(one.passed))
                columns["length"].append(one.length)

    def frame(self) -> Frame:
        """All answers so far."""
        with self._lock:
            if self._frame is None or len(self._frame) != len(self):
                self._frame = _with_rejected(Frame(**{name: np.array(column) for name, column in self._columns.items()}))  # type: ignore[arg-type]
            return self._frame

    def names(self, column: str) -> list[str]:
        """The texts behind a column of numbers."""
        return self.vocabularies[column].names

    def find(self, query: Query) -> Rows:
        """The rows that a query wants, in its order; rows without the value that is sorted by come last."""
        frame = self.frame()
        key = (len(frame), query)
        with self._lock:
            if key in self._orders:
                self._orders.move_to_end(key)
                return self._orders[key]
        rows = self._sorted(frame, self._wanted(frame, query), query)
        with self._lock:
            self._orders[key] = rows
            while len(self._orders) > _ORDERS:
                self._orders.popitem(last=False)
        return rows

    def _wanted(self, frame: Frame, query: Query) -> Rows:
        keep = np.ones(len(frame), dtype=bool)
        if query.verdict:
            keep &= frame.verdict == (VERDICTS.index(query.verdict) if query.verdict in VERDICTS else -1)
        for name in ("reason", "group"):
            wanted = getattr(query, name)
            if wanted:
                keep &= np.isin(getattr(frame, name), [code for code, text in enumerate(self.names(name)) if text == wanted])
        if query.problem:
            part = query.problem.lower()
            keep &= np.isin(frame.problem, [code for code, text in enumerate(self.names("problem")) if part in text.lower()])
        if query.passed:
            keep &= frame.passed == {"right": 1, "wrong": 0}.get(query.passed, -1)
        for column, (low, high) in ((frame.step, query.steps), (frame.value, query.values), (frame.length, query.lengths)):
            if low is not None:
                keep &= column >= low
            if high is not None:
                keep &= column <= high
        if query.steps != (None, None):
            keep &= frame.step != NONE
        return np.flatnonzero(keep)

    def _sorted(self, frame: Frame, rows: Rows, query: Query) -> Rows:
        if query.sort not in frame.__dataclass_fields__ and query.sort != "value":
            return rows[::-1] if query.descending else rows
        column: NDArray[Any] = getattr(frame, query.sort)[rows].astype(np.float64)
        if query.sort in self._CODES:
            names = self.names(query.sort)
            rank = {code: place for place, code in enumerate(sorted(range(len(names)), key=names.__getitem__))}
            column = np.array([rank[int(code)] for code in column], dtype=np.float64)
        if query.sort in ("step", "passed"):
            column[column == (NONE if query.sort == "step" else -1)] = np.nan
        # NaN sorts last either way.
        return rows[np.argsort(-column if query.descending else column, kind="stable")]
