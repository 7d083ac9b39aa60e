"""The pages that our rollout log writes for slime (`rollout_000012.md`): the best and the worst programs of a rollout, as rows."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from code_reward.errors import DataError

_ENTRY = re.compile(
    r"^## (?:Best|Worst) \d+: score (?P<score>\S+), reward (?P<reward>[^\s,]+)(?P<terms>.*), (?P<tokens>\d+) tokens\n\n"
    r"(?P<one>~{6,})\n(?P<statement>.*?)\n(?P=one)\n\n(?P<other>~{6,})python\n(?P<program>.*?)\n(?P=other)$",
    re.MULTILINE | re.DOTALL,
)


def read_page(path: Path) -> tuple[int | None, list[dict[str, Any]]]:
    """The number of the rollout and its programs; raises `DataError` where the page cannot be read."""
    try:
        text = path.read_text(encoding="utf-8", errors="replace")
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}).") from error
    number = re.match(r"# Rollout (\d+)", text)
    rows = [
        {
            "statement": found["statement"],
            "program": found["program"],
            "verdict": "scored",
            "reason": None,
            "score": _float(found["score"]),
            "reward": _float(found["reward"]),
            "response_length": int(found["tokens"]),
            "terms": found["terms"].strip(", "),
        }
        for found in _ENTRY.finditer(text)
    ]
    return int(number[1]) if number else None, rows


def _float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None
