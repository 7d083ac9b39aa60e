"""What a table amounts to: curves over steps, distributions, and what they say in words. A verdict that is missing is in no mean."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from code_reward.errors import DataError
from code_reward.metrics import auc, cross_calibrate, reliability
from code_reward_view.table import NONE, Frame, Table

BINS: Final = 60
"""Points of a curve, at most: longer runs are put together."""
_POINTS: Final = 400
"""Answers in one of the clouds of score and length."""
_ENOUGH: Final = 8
"""Answers from which a correlation says something."""
_MOST_CALIBRATED: Final = 50_000

Values = NDArray[np.float64]


def figures(table: Table, title: str = "", seed: int = 0) -> dict[str, Any]:
    """Everything that the overview shows; `seed` decides which half of the problems calibrates which."""
    frame = table.frame()
    curves = curves_of(frame)
    return {
        "title": title,
        "counts": counts(table, frame),
        "curves": curves,
        "histogram": histogram(frame),
        "clouds": clouds(frame),
        "reliability": reliability_of(frame, seed),
        "groups": groups(table, frame),
        "findings": findings(frame, curves),
    }


def counts(table: Table, frame: Frame) -> dict[str, Any]:
    """How many answers there are of what kind, and what the filters can choose from."""
    known = frame.passed >= 0
    steps = frame.step[frame.step != NONE]
    return {
        "rows": len(frame),
        "verdicts": {name: int((frame.verdict == code).sum()) for code, name in enumerate(("unknown", "scored", "rejected", "missing"))},
        "right": int((frame.passed == 1).sum()),
        "wrong": int((frame.passed == 0).sum()),
        "pass": _mean(frame.passed[known].astype(float)),
        "reward": _mean(frame.reward),
        "score": _mean(frame.score),
        "value": "score" if np.isfinite(frame.score).any() else "reward",
        "steps": [int(steps.min()), int(steps.max())] if len(steps) else None,
        "problems": len(np.unique(frame.problem)),
        "reasons": _choices(table, frame, "reason"),
        "groups": _choices(table, frame, "group"),
    }


def _choices(table: Table, frame: Frame, column: str) -> list[str]:
    codes, sizes = np.unique(getattr(frame, column), return_counts=True)
    names = table.names(column)
    return [names[codes[place]] for place in np.argsort(-sizes)[:50] if names[codes[place]]]


def curves_of(frame: Frame) -> list[dict[str, Any]]:
    """A point per step, or per few steps."""
    rows = np.flatnonzero(frame.step != NONE)
    if not len(rows):
        return []
    steps = frame.step[rows]
    distinct = np.unique(steps)
    edges = distinct if len(distinct) <= BINS else np.unique(np.linspace(distinct[0], distinct[-1] + 1, BINS + 1).astype(np.int64))[:-1]
    place = np.searchsorted(edges, steps, "right") - 1
    order = np.argsort(place, kind="stable")
    parts = np.split(rows[order], np.flatnonzero(np.diff(place[order])) + 1)
    return [_point(frame.take(part)) for part in parts]


def _point(part: Frame) -> dict[str, Any]:
    value = part.value
    return {
        "step": int(part.step.min()),
        "last": int(part.step.max()),
        "count": len(part),
        "reward": _mean(part.reward),
        "score": _mean(part.score),
        "pass": _mean(part.passed[part.passed >= 0].astype(float)),
        "rejected": float((part.verdict == 2).mean()),
        "missing": float((part.verdict == 3).mean()),
        "length": _mean(part.length.astype(float)),
        "correlation": correlation(part.length.astype(float), value),
        "fooled": fooled(part),
    }


def fooled(part: Frame) -> float | None:
    """The share of wrong answers in the half that is rewarded best."""
    rows = np.flatnonzero((part.passed >= 0) & np.isfinite(part.value))
    if len(rows) < _ENOUGH:
        return None
    value = part.value[rows]
    return float((part.passed[rows][value >= np.median(value)] == 0).mean())


def correlation(one: Values, other: Values) -> float | None:
    """Pearson's, where there are enough pairs and both vary."""
    known = np.isfinite(one) & np.isfinite(other)
    a, b = one[known], other[known]
    if len(a) < _ENOUGH or a.std() == 0 or b.std() == 0:
        return None
    return float(np.corrcoef(a, b)[0, 1])


def histogram(frame: Frame) -> dict[str, Any] | None:
    """How the values of right, wrong and other answers are distributed."""
    value = frame.value
    known = value[np.isfinite(value)]
    if not len(known):
        return None
    low, high = np.quantile(known, [0.001, 0.999])
    edges = np.linspace(low, high if high > low else low + 1, 33)
    masks = {"right": frame.passed == 1, "wrong": frame.passed == 0, "unknown": frame.passed < 0}
    shown = {name: np.histogram(np.clip(value[mask & np.isfinite(value)], edges[0], edges[-1]), edges)[0] for name, mask in masks.items()}
    return {"edges": edges.tolist(), **{name: heights.tolist() for name, heights in shown.items() if heights.any()}}


def clouds(frame: Frame) -> list[dict[str, Any]]:
    """Length and value of some answers: early, in the middle and late where there are steps, else of all."""
    rows = np.flatnonzero(np.isfinite(frame.value))
    if not len(rows):
        return []
    steps = frame.step[rows]
    timed = (steps != NONE).all() and len(np.unique(steps)) > 2
    parts = np.array_split(rows[np.argsort(steps, kind="stable")], 3) if timed else [rows]
    return [_cloud(frame, part, name) for part, name in zip(parts, ("early", "middle", "late") if timed else ("all",), strict=True)]


def _cloud(frame: Frame, rows: NDArray[np.intp], name: str) -> dict[str, Any]:
    some = np.sort(np.random.default_rng(0).choice(rows, min(len(rows), _POINTS), replace=False))
    points = [[int(row), int(frame.length[row]), float(frame.value[row]), int(frame.passed[row])] for row in some]
    steps = frame.step[rows]
    span = None if (steps == NONE).any() else [int(steps.min()), int(steps.max())]
    return {"name": name, "steps": span, "correlation": correlation(frame.length[rows].astype(float), frame.value[rows]), "points": points}


def reliability_of(frame: Frame, seed: int) -> dict[str, Any] | None:
    """The calibration of scores where the truth is known: the figure of `rm_train.evaluate`, computed as it computes it."""
    rows = np.flatnonzero((frame.passed >= 0) & np.isfinite(frame.score))
    if not 20 <= len(rows) <= _MOST_CALIBRATED:
        return None
    labels, scores, problems = frame.passed[rows], frame.score[rows], frame.problem[rows].tolist()
    try:
        found = reliability(labels, cross_calibrate(labels, scores, problems, seed=seed))
        area = auc(labels, scores)
    except DataError:  # All right, or all wrong, in one half of the problems.
        return None
    return {"ece": found.ece, "auc": area, "bins": [[one.confidence, one.accuracy, one.count] for one in found.bins]}


def groups(table: Table, frame: Frame) -> list[dict[str, Any]]:
    """Every group with its figures, the largest first."""
    codes, sizes = np.unique(frame.group, return_counts=True)
    if len(codes) < 2:
        return []
    return [
        _group(table.names("group")[codes[place]], frame.take(np.flatnonzero(frame.group == codes[place])))
        for place in np.argsort(-sizes)[:30]
    ]


def _group(name: str, part: Frame) -> dict[str, Any]:
    rows = np.flatnonzero((part.passed >= 0) & np.isfinite(part.value))
    both = len(np.unique(part.passed[rows])) == 2
    return {
        "name": name or "(none)",
        "count": len(part),
        "pass": _mean(part.passed[part.passed >= 0].astype(float)),
        "value": _mean(part.value),
        "auc": auc(part.passed[rows], part.value[rows]) if both else None,
        "fooled": fooled(part),
    }


def findings(frame: Frame, curves: list[dict[str, Any]]) -> list[dict[str, str]]:
    """What the figures say, in sentences; `tone` is good, bad or plain."""
    found = [*(_over_time(frame) if len(curves) >= 4 else []), *_worth(frame), *_shares(frame)]
    return sorted(found, key=lambda one: ("bad", "good", "plain").index(one["tone"]))


def _shares(frame: Frame) -> list[dict[str, str]]:
    missing, rejected = (float((frame.verdict == code).mean()) if len(frame) else 0.0 for code in (3, 2))
    found = []
    if missing > 0:
        found.append(_say("bad", f"{_percent(missing, 2)} of the verdicts are missing: failures of ours, in no mean on this page."))
    if rejected > 0.02:
        found.append(_say("plain", f"{_percent(rejected)} of the answers are rejected before anybody judges them."))
    return found


def _worth(frame: Frame) -> list[dict[str, str]]:
    wrong, known = fooled(frame), frame.passed[(frame.passed >= 0) & np.isfinite(frame.value)]
    if wrong is not None:
        base = float((known == 0).mean())
        blind = 0 < base < 1 and wrong > 0.95 * base
        says = "; it hardly tells right from wrong" if blind else ""
        text = f"Of the half that is valued most, {_percent(wrong)} of the answers are wrong; of all, {_percent(base)}{says}."
        return [_say("bad" if blind else "plain", text)]
    if not (frame.passed >= 0).any():
        text = "Nobody has said which answers are right; python -m data_prep.label does, and shows where the reward errs."
        return [_say("plain", text)]
    return []


def _over_time(frame: Frame) -> list[dict[str, str]]:
    rows = np.flatnonzero(frame.step != NONE)
    rows = rows[np.argsort(frame.step[rows], kind="stable")]
    fifth = max(len(rows) // 5, 1)
    first, last = frame.take(rows[:fifth]), frame.take(rows[-fifth:])
    return [*_reward_and_truth(first, last, frame), *_length(first, last)]


def _reward_and_truth(first: Frame, last: Frame, frame: Frame) -> list[dict[str, str]]:
    (paid, pays), (was, now) = ((_mean(first.value), _mean(last.value)), (_mean(_truth(first)), _mean(_truth(last))))
    if paid is None or pays is None or was is None or now is None:
        return []
    told = f"from the first fifth to the last it went from {paid:.2f} to {pays:.2f}, pass@1 from {_percent(was)} to {_percent(now)}"
    # Both in units of their own spread: a reward that rises while the truth does not follow is what hacking looks like.
    gain, truth = _in_spreads(pays - paid, frame.value), _in_spreads(now - was, _truth(frame))
    if gain > 0.2 and truth < 0.4 * gain:
        text = f"The reward rises and the truth does not follow: {told}. The errors show what is rewarded instead."
        return [_say("bad", text)]
    if gain > 0 and truth > 0:
        return [_say("good", f"Reward and truth rise together: {told}.")]
    return [_say("plain", f"The mean reward: {told}.")]


def _length(first: Frame, last: Frame) -> list[dict[str, str]]:
    before, after = (correlation(part.length.astype(float), part.value) for part in (first, last))
    if after is None or abs(after) < 0.3:
        return []
    was = f", {before:+.2f} in the first" if before is not None else ""
    grew = abs(after) - abs(before or 0.0) > 0.15
    text = f"{'Longer' if after > 0 else 'Shorter'} answers are valued more: correlation {after:+.2f} in the last fifth{was}."
    return [_say("bad" if grew else "plain", text)]


def _truth(frame: Frame) -> Values:
    return np.where(frame.passed < 0, np.nan, frame.passed).astype(np.float64)


def _in_spreads(change: float, values: Values) -> float:
    """A change in units of the values' standard deviation; 0 where they do not vary."""
    known = values[np.isfinite(values)]
    spread = float(known.std()) if len(known) else 0.0
    return change / spread if spread else 0.0


def _mean(values: Values) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _percent(share: float, digits: int = 0) -> str:
    return f"{100 * share:.{digits}f} %"


def _say(tone: str, text: str) -> dict[str, str]:
    return {"tone": tone, "text": text}
