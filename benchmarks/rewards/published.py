"""Per-sample scores that a benchmark's authors published, measured again: the check that our arithmetic is theirs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.rewards.measures import Pairs, pairs
from code_reward.errors import DataError
from code_reward.rows import raw_rows

_COLUMNS = ("chosen_score", "rejected_score", "aspect", "language", "subset")


def themis_pairs(path: Path) -> Pairs:
    """The figures of a `scores.parquet` of Themis-CodeRewardBench; a judgement that could not be read is no win."""
    rows = [row for _, row in raw_rows(path)]
    for column in _COLUMNS:
        if not rows or column not in rows[0]:
            raise DataError(f"{path} has no column {column!r}; give per-sample scores of Themis-CodeRewardBench.")
    scores = [_scores(row) for row in rows]
    tags = [{name: row[name] for name in ("aspect", "language", "subset")} for row in rows]
    return pairs([chosen for chosen, _ in scores], [rejected for _, rejected in scores], tags)


def _scores(row: dict[str, Any]) -> tuple[float | None, float | None]:
    """Both scores; of a pair that could not be judged, none."""
    both = row["chosen_score"], row["rejected_score"]
    if row.get("parse_failed") or any(score is None or score != score for score in both):
        return None, None
    return float(both[0]), float(both[1])
