"""What the reward gets most wrong, by kind: wrong answers that it values, right ones that it does not, alike ones put together.

Confident means in units of the other side: a wrong answer's place among the values of the right ones. Programs are alike when they are so
after names, numbers and texts are taken out; that is where a policy that has found a hole is seen, since it uses it again and again.
"""

from __future__ import annotations

import builtins
import keyword
import re
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from code_reward_view.table import NONE, Frame, Rows

MOST: Final = 400
"""Answers of each side that are looked at, the worst ones."""
CLUSTERS: Final = 24
_ALIKE: Final = 0.5
"""The share of three-token pieces that two alike programs have in common."""
_TOKEN: Final = re.compile(r"#[^\n]*|\"\"\".*?\"\"\"|'''.*?'''|\"[^\"\n]*\"|'[^'\n]*'|\d[\w.]*|\w+|[^\w\s]", re.DOTALL)
_KEPT: Final = {*keyword.kwlist, *dir(builtins)}
_LONGEST: Final = 20_000
"""Characters of a program that are compared."""

Shape = frozenset[tuple[str, ...]]


@dataclass
class Cluster:
    """Answers that err alike; the first is the worst."""

    shape: Shape
    rows: list[int] = field(default_factory=list)


def worst(frame: Frame, *, liked: bool) -> Rows:
    """The most confident errors, worst first: wrong answers that are `liked`, or right ones that are not."""
    value = frame.value
    wrong = np.flatnonzero((frame.passed == 0) & np.isfinite(value))
    right = np.flatnonzero((frame.passed == 1) & np.isfinite(value))
    if liked:
        if not len(wrong):
            return wrong
        bar = np.quantile(value[right], 0.25) if len(right) else -np.inf
        rows = wrong[value[wrong] >= bar]
        return _first(rows, -value[rows])
    if not len(right):
        return right
    bar = np.quantile(value[wrong], 0.75) if len(wrong) else np.inf
    rows = right[value[right] <= bar]
    return _first(rows, value[rows])


def _first(rows: Rows, by: NDArray[np.float64]) -> Rows:
    """The `MOST` lowest; equal ones, of which a reward of 0 or 1 has many, drawn from the whole run."""
    drawn = np.random.default_rng(0).permutation(len(rows))
    return rows[np.lexsort((drawn, by))][:MOST]


def clusters(rows: Rows, program: Callable[[int], str]) -> list[Cluster]:
    """Put answers together whose programs are alike; the largest first."""
    found: list[Cluster] = []
    for row in rows.tolist():
        shape = shape_of(program(row))
        home = next((one for one in found if _alike(one.shape, shape)), None)
        if home is None:
            home = Cluster(shape)
            found.append(home)
        home.rows.append(row)
    return sorted(found, key=lambda one: -len(one.rows))


def shape_of(program: str) -> Shape:
    """The three-token pieces of a program without its names, numbers, texts and comments."""
    tokens = ["", *(_plain(token) for token in _TOKEN.findall(program[:_LONGEST]) if not token.startswith("#")), ""]
    return frozenset(zip(tokens, tokens[1:], tokens[2:], strict=False))


def _plain(token: str) -> str:
    if token[0] in "\"'":
        return "'"
    if token[0].isdigit():
        return "0"
    return token if token in _KEPT or not (token[0].isalpha() or token[0] == "_") else "x"


def _alike(one: Shape, other: Shape) -> bool:
    return len(one & other) >= _ALIKE * len(one | other)


def errors(frame: Frame, program: Callable[[int], str], names: Callable[[str, int], str]) -> dict[str, Any]:
    """Both sides with their clusters; `program` gives the text of a row, `names` the text of a column in a row."""
    return {side: _side(frame, worst(frame, liked=liked), program, names) for side, liked in (("liked", True), ("disliked", False))}


def _side(frame: Frame, rows: Rows, program: Callable[[int], str], names: Callable[[str, int], str]) -> dict[str, Any]:
    found = clusters(rows, program)
    steps = frame.step[frame.step != NONE]
    edges = np.linspace(steps.min(), steps.max() + 1, 13) if len(steps) else None
    told = [_tell(frame, one, program(one.rows[0]), names, edges) for one in found[:CLUSTERS]]
    return {"looked_at": len(rows), "kinds": len(found), "clusters": told}


def _tell(frame: Frame, one: Cluster, program: str, names: Callable[[str, int], str], edges: Any) -> dict[str, Any]:
    rows = np.array(one.rows)
    steps = frame.step[rows]
    reasons = Counter(names("reason", row) for row in one.rows)
    return {
        "count": len(rows),
        "problems": len(np.unique(frame.problem[rows])),
        "groups": [name for name, _ in Counter(names("group", row) for row in one.rows).most_common(3) if name],
        "reason": reasons.most_common(1)[0][0],
        "value": float(np.mean(frame.value[rows])),
        "program": program[:1500],
        "rows": one.rows[:50],
        "over_time": np.histogram(steps[steps != NONE], edges)[0].tolist() if edges is not None else [],
    }
