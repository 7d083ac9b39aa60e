"""What the judges' verdicts amount to: how well each orders right above wrong, how far two agree, what the advantages would have been.

All over answers that both sides scored: a rejected answer is ordered below all others by everybody, which says nothing of a judge.
"""

from __future__ import annotations

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from code_reward.advantages import group_advantages
from code_reward.errors import DataError
from code_reward.metrics import auc
from code_reward.shaping import PRESETS, shape
from code_reward.verdict import Rejected, Verdict, from_record

Values = NDArray[np.float64]
TRUTH = "tests"
NOBODYS = "aborted"
"""Why a verdict is missing that nobody was asked for."""
STORED = "stored"
"""The run's own rewards stand beside the judges."""


class Columns:
    """Numbers of all answers: per judge its score (NaN without one) and the reward that it would have given. About 20 bytes per answer and
    judge."""

    def __init__(self, judges: Iterable[str], shaping: str) -> None:
        self.judges, self._shaping = list(judges), shaping
        self._scores = {name: array("d") for name in self.judges}
        self._rewards = {name: array("d") for name in self.judges}
        self._groups, self._codes = array("q"), dict[str, int]()
        self.verdicts: dict[str, Counter[str]] = {name: Counter() for name in self.judges}
        self.open: dict[str, Counter[str]] = {name: Counter() for name in self.judges}
        """Of each judge, why verdicts of its are missing for a fault that is ours to mend."""

    def add(self, row: Mapping[str, Any]) -> None:
        """Take one line of `records`."""
        self._groups.append(self._codes.setdefault(row["rollout_group"], len(self._codes)))
        for name in self.judges:
            record = row["said"].get(name)
            if name == STORED:
                value = float("nan") if row["reward"] is None else row["reward"]
                self._scores[name].append(value)
                self._rewards[name].append(value)
                self.verdicts[name]["missing" if row["reward"] is None else "scored"] += 1
                continue
            self.verdicts[name][record["verdict"] if record else "nothing to say"] += 1
            if record and record["verdict"] == "missing" and record["reason"] != NOBODYS:
                self.open[name][record["reason"]] += 1
            verdict = from_record(record) if record else None
            self._scores[name].append(record["score"] if record and record["score"] is not None else float("nan"))
            reward = None if verdict is None else _reward(name, verdict, self._shaping)
            self._rewards[name].append(float("nan") if reward is None else reward)

    def scores(self, name: str) -> Values:
        """A judge's scores."""
        return np.array(self._scores[name])

    def rewards(self, name: str) -> Values:
        """What a judge's verdicts would have been worth in training."""
        return np.array(self._rewards[name])

    @property
    def groups(self) -> NDArray[np.int64]:
        """Which prompt of which step each answer answers."""
        return np.array(self._groups, dtype=np.int64)


def _reward(name: str, verdict: Verdict, shaping: str) -> float | None:
    """As the hooks shape it (`code_reward_slime.rewards`)."""
    if name == "rm":
        return shape(verdict, shaping)
    floor = 0.0 if name == TRUTH else PRESETS.get("default").rejected
    return floor if isinstance(verdict, Rejected) else shape(verdict, "raw", rejected=floor)


def agreement(columns: Columns) -> dict[str, Any]:
    """All figures, as plain data; None where the answers do not define one."""
    found: dict[str, Any] = {"answers": len(columns.groups), "groups": len(np.unique(columns.groups))}
    found["verdicts"] = {name: dict(counts) for name, counts in columns.verdicts.items()}
    found["against_tests"] = {}
    if TRUTH in columns.judges:
        for name in columns.judges:
            if name != TRUTH:
                found["against_tests"][name] = _against_tests(columns, name)
    found["between"] = {f"{one} and {other}": _between(columns, one, other) for one, other in combinations(columns.judges, 2)}
    found["advantages"] = _advantages(columns)
    return found


def _against_tests(columns: Columns, name: str) -> dict[str, Any]:
    truth, scores, groups = _both(columns, TRUTH, name)
    right, wrong = _sides(truth, scores, groups)
    try:
        area = auc(truth, scores)
    except DataError:  # All right, all wrong, or nothing to compare.
        area = None
    pairs = len(right)
    order = float(np.mean((right > wrong) + 0.5 * (right == wrong))) if pairs else None
    return {"answers": len(truth), "auc": area, "pairs": pairs, "pair_accuracy": order}


def _sides(truth: Values, scores: Values, groups: NDArray[np.int64]) -> tuple[Values, Values]:
    """The scores of every pair of a right and a wrong answer of one group."""
    right, wrong = [], []
    for members in _members(groups):
        good, bad = scores[members][truth[members] == 1], scores[members][truth[members] == 0]
        right.append(np.repeat(good, len(bad)))
        wrong.append(np.tile(bad, len(good)))
    return np.concatenate(right or [np.array([])]), np.concatenate(wrong or [np.array([])])


def _between(columns: Columns, one: str, other: str) -> dict[str, Any]:
    a, b, groups = _both(columns, one, other)
    same = total = 0
    for members in _members(groups):
        signs = np.sign(a[members][:, None] - a[members]) * np.sign(b[members][:, None] - b[members])
        same, total = same + int((signs > 0).sum()) // 2, total + int((signs != 0).sum()) // 2
    return {"answers": len(a), "spearman": _spearman(a, b), "pairs": total, "same_order": same / total if total else None}


def _advantages(columns: Columns) -> dict[str, Any]:
    """Of each judge: in how many groups its rewards teach anything, and how its advantages lie to those of the tests."""
    of = {name: _advantages_of(columns, name) for name in columns.judges}
    found: dict[str, Any] = {}
    for name, own in of.items():
        # A group of which fewer than two verdicts are there says nothing of the judge.
        there = np.isfinite(columns.rewards(name))
        judged = [members for members in _members(columns.groups) if there[members].sum() > 1]
        teaching = sum(bool(np.any(own[members] != 0)) for members in judged)
        figures: dict[str, Any] = {"groups": len(judged), "groups_that_teach": teaching / len(judged) if judged else None}
        if TRUTH in of and name != TRUTH:
            known = np.isfinite(columns.rewards(name)) & np.isfinite(columns.rewards(TRUTH))
            mine, true = own[known], of[TRUTH][known]
            both = (mine != 0) & (true != 0)
            figures["correlation_with_tests"] = _pearson(mine, true)
            figures["opposite_sign"] = float(np.mean(np.sign(mine[both]) != np.sign(true[both]))) if both.any() else None
        found[name] = figures
    return found


def _advantages_of(columns: Columns, name: str) -> Values:
    rewards = [float(value) if np.isfinite(value) else None for value in columns.rewards(name)]
    return np.array(group_advantages(rewards, columns.groups.tolist()))


def _both(columns: Columns, one: str, other: str) -> tuple[Values, Values, NDArray[np.int64]]:
    a, b = columns.scores(one), columns.scores(other)
    known = np.isfinite(a) & np.isfinite(b)
    return a[known], b[known], columns.groups[known]


def _members(groups: NDArray[np.int64]) -> Iterable[NDArray[np.intp]]:
    places: dict[int, list[int]] = defaultdict(list)
    for place, group in enumerate(groups.tolist()):
        places[group].append(place)
    return [np.array(members) for members in places.values()]


def _spearman(a: Values, b: Values) -> float | None:
    return _pearson(_ranks(a), _ranks(b))


def _pearson(a: Values, b: Values) -> float | None:
    if len(a) < 2 or a.std() == 0 or b.std() == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def _ranks(values: Values) -> Values:
    """Ranks from 0, ties sharing their mean."""
    ordered = np.sort(values)
    ranks: Values = (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right") - 1) / 2
    return ranks
