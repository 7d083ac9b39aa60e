"""The best and worst programs of a rollout on one page: reward hacking is seen by people first, in programs, not in curves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from code_reward.extraction import extract_code
from code_reward.turns import final_answer
from code_reward_slime.samples import record_of
from code_reward_slime.task import task_of

PROGRAMS: Final = 5
_STATEMENT_CHARACTERS: Final = 1_000
_FENCE: Final = "~~~~~~"


def render_page(rollout_id: int, samples: Sequence[Any]) -> str:
    """Markdown with the programs of the highest and of the lowest scores, no program twice; empty if nothing was scored."""
    ranked = [sample for sample in samples if record_of(sample).get("verdict") == "scored"]
    ranked.sort(key=lambda sample: -float(record_of(sample)["score"]))
    shown: set[str] = set()
    best = _entries("Best", ranked, shown)
    parts = [*best, *_entries("Worst", reversed(ranked), shown)]
    return "\n\n".join([f"# Rollout {rollout_id}", *parts]) + "\n" if parts else ""


def _entries(title: str, ranked: Iterable[Any], shown: set[str]) -> list[str]:
    """The first programs that are not among those `shown`. Extraction takes time, so no more answers are read than needed."""
    parts: list[str] = []
    number = 0
    for sample in ranked:
        code = extract_code(sample.response, entry_point=task_of(sample).entry_point).code or final_answer(sample.response)
        if code not in shown:
            shown.add(code)
            number += 1
            parts += _entry(f"## {title} {number}", sample, code)
        if number == PROGRAMS:
            break
    return parts


def _entry(heading: str, sample: Any, code: str) -> list[str]:
    record = record_of(sample)
    terms = "".join(f", {name} {value:+.3g}" for name, value in record["terms"].items())
    return [
        f"{heading}: score {record['score']:.4g}, reward {record['shaped']:.4g}{terms}, {sample.response_length} tokens",
        f"{_FENCE}\n{(task_of(sample).statement or '')[:_STATEMENT_CHARACTERS]}\n{_FENCE}",
        f"{_FENCE}python\n{code}\n{_FENCE}",
    ]
