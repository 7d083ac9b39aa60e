"""From what verl hands a reward function to a verdict: the answer's text and the row's `extra_info`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from code_reward.chat_prompt import statement_in
from code_reward.errors import DataError
from code_reward.shaping import shape
from code_reward.verdict import Missing, Rejected, Scored, Verdict
from code_reward_verl.settings import Settings, client_of
from reward_servers.client import Judged


async def judge(settings: Settings, answer: str, row: Mapping[str, Any]) -> Judged:
    """The verdict on one answer; raises `DataError` for a row that does not say what the problem is."""
    return await client_of(settings).verdict(statement_of(row), answer, row.get("entry_point") or None)


def statement_of(row: Mapping[str, Any]) -> str:
    """The row's `statement`, or what its `question` or the messages of its `prompt` ask, as many of verl's data sets have it."""
    prompt = row.get("prompt")
    asked = row.get("statement") or row.get("question") or (None if prompt is None else statement_in(prompt))
    if not isinstance(asked, str) or not asked:
        columns = ", ".join(sorted(map(str, row))) or "nothing"
        raise DataError(f"extra_info holds {columns}, and no statement; write it there (python -m data_prep.prompts does).")
    return asked


def describe(verdict: Verdict, reward: float) -> dict[str, Any]:
    """What verl logs beside the score. The same keys in every row, as verl demands; `raw` is NaN where nobody gave a score."""
    return {
        "score": reward,
        "verdict": type(verdict).__name__.lower(),
        "reason": verdict.reason if isinstance(verdict, (Rejected, Missing)) else "",
        "raw": verdict.value if isinstance(verdict, Scored) else float("nan"),
        "rejected": float(isinstance(verdict, Rejected)),
    }


def shaped(settings: Settings, judged: Judged) -> float | None:
    """The reward; None where there is no verdict."""
    return shape(judged.verdict, settings.shaping, rejected=settings.rejected)
