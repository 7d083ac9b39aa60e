"""Verdicts: what a reward says about one answer.

There are three, and only the first is a number. `Scored` is an estimate of correctness. `Rejected` means that the policy's answer cannot
be right whatever the reward model would say: no code, code that does not parse, a truncated answer. `Missing` means that *we* could not
tell: a server was down, a deadline passed, a generation was aborted. A missing verdict never becomes a number: it is left out of its
group's statistics and of the loss, counted, and reported.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from code_reward.errors import DataError


@dataclass(frozen=True, slots=True)
class Scored:
    """An estimate of correctness: a finite raw score (a logit for a reward model, a pass rate for tests); higher is better."""

    value: float

    def __post_init__(self) -> None:
        if not math.isfinite(self.value):
            raise ValueError(f"A score must be finite, not {self.value}; use Missing('not_finite').")


@dataclass(frozen=True, slots=True)
class Rejected:
    """The answer is unacceptable by itself; `reason` is a short identifier such as `no_code`."""

    reason: str


@dataclass(frozen=True, slots=True)
class Missing:
    """No verdict could be had; `reason` is a short identifier such as `timeout`. Never a number."""

    reason: str


Verdict = Scored | Rejected | Missing


def to_record(verdict: Verdict) -> dict[str, Any]:
    """The verdict as `{"verdict", "reason", "score"}`, the first keys of `sample.metadata["code_reward"]`."""
    match verdict:
        case Scored(value):
            return {"verdict": "scored", "reason": None, "score": value}
        case Rejected(reason):
            return {"verdict": "rejected", "reason": reason, "score": None}
        case Missing(reason):
            return {"verdict": "missing", "reason": reason, "score": None}


def from_record(record: Mapping[str, Any]) -> Verdict:
    """Read what `to_record` wrote; raises `DataError` for anything else."""
    kind, reason, score = record.get("verdict"), record.get("reason"), record.get("score")
    if kind == "scored" and isinstance(score, (int, float)) and not isinstance(score, bool) and abs(score) <= sys.float_info.max:
        return Scored(float(score))
    if kind == "rejected" and isinstance(reason, str):
        return Rejected(reason)
    if kind == "missing" and isinstance(reason, str):
        return Missing(reason)
    raise DataError(f"Not a verdict: {dict(record)!r}; expected the keys verdict, reason and score as to_record writes them.")
