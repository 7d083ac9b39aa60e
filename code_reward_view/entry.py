"""From a row of any file to what the table holds of it: one `Entry`, by the names under which this project and its trainers write.

Of slime's samples the record of our hooks (`metadata["code_reward"]`) counts, of everything else the row itself.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from code_reward.extraction import REASONS

VERDICTS = ("", "scored", "rejected", "missing")
"""What a row can say of an answer; empty where it says nothing."""


class Entry(NamedTuple):
    """One answer in the table; None where the row does not say."""

    step: int | None
    problem: str
    group: str
    verdict: str
    reason: str
    """Why it is rejected or missing, or how its program failed."""
    score: float | None
    reward: float | None
    passed: bool | None
    length: int
    """In tokens where the row counts them, else in characters."""


def entry_of(row: Mapping[str, Any], step: int | None = None) -> Entry:
    """The entry of a row; `step` where the file's name says it."""
    metadata = row.get("metadata")
    metadata = metadata if isinstance(metadata, dict) else {}
    record = metadata.get("code_reward")
    record = record if isinstance(record, dict) else row
    score = number(record.get("score"))
    outcome = record.get("outcome")
    verdict, reason = _verdict(record, row, score, outcome)
    passed = None if verdict == "missing" else _passed(row, outcome)
    return Entry(
        step=_whole(row.get("step"), step),
        problem=_text(row.get("problem_id") or metadata.get("id") or row.get("task_id") or row.get("id")),
        group=_text(row.get("group") or row.get("origin") or metadata.get("source")),
        verdict=verdict,
        reason=reason,
        score=score,
        reward=None if verdict == "missing" else _reward(row.get("reward"), record),
        passed=passed,
        length=_length(row),
    )


def is_other_turn(row: Mapping[str, Any]) -> bool:
    """Whether it is a turn of a rollout that another one answers for: a rollout counts once."""
    metadata = row.get("metadata")
    record = metadata.get("code_reward") if isinstance(metadata, dict) else None
    return isinstance(record, dict) and record.get("answer") is False


def number(value: Any) -> float | None:
    """A finite number, or None."""
    if isinstance(value, (int, float)) and not isinstance(value, bool) and abs(value) < 1e300 and math.isfinite(value):
        return float(value)
    return None


def answer_of(row: Mapping[str, Any]) -> str:
    """What the policy wrote, or the bare program where only that is known."""
    for name in ("response", "completion", "program"):
        value = row.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _passed(row: Mapping[str, Any], outcome: Any) -> bool | None:
    for name in ("passed", "correct"):
        if isinstance(row.get(name), bool):
            return bool(row[name])
    published = row.get("published")
    if isinstance(published, dict) and len(published) == 1:
        [only] = published.values()
        return only if isinstance(only, bool) else None
    return outcome == "passed" if isinstance(outcome, str) and outcome else None


def _verdict(record: Mapping[str, Any], row: Mapping[str, Any], score: float | None, outcome: Any) -> tuple[str, str]:
    verdict = record.get("verdict")
    failed = outcome if isinstance(outcome, str) and outcome != "passed" else ""
    if verdict in VERDICTS:
        return verdict, _text(record.get("reason")) or failed
    if failed in REASONS:
        return "rejected", failed
    if score is not None or number(row.get("reward")) is not None:
        return "scored", failed
    # TRL's rollouts have no other way to say it.
    return ("missing" if "reward" in row and row["reward"] is None else ""), failed


def _reward(value: Any, record: Mapping[str, Any]) -> float | None:
    if isinstance(value, dict):
        shaped = number(record.get("shaped"))
        return shaped if shaped is not None else next((found for one in value.values() if (found := number(one)) is not None), None)
    return number(value)


def _length(row: Mapping[str, Any]) -> int:
    tokens = row.get("response_length")
    return tokens if isinstance(tokens, int) and not isinstance(tokens, bool) and tokens >= 0 else len(answer_of(row))


def _whole(value: Any, other: int | None) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and abs(value) < 2**62 else other


def _text(value: Any) -> str:
    return value[:500] if isinstance(value, str) else "" if value is None else str(value)[:500]
