"""The best and worst programs of a rollout on one page: reward hacking is seen by people first, in programs, not in curves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from code_reward.extraction import extract_code, final_answer
from code_reward_slime.samples import record_of
from code_reward_slime.task import task_of

PROGRAMS: Final = 5
_STATEMENT_CHARACTERS: Final = 1_000
_FENCE: Final = "~~~~~~"


def render_page(rollout_id: int, samples: Sequence[Any]) -> str:
    """Markdown with the programs of the highest and of the lowest scores, no program twice; empty if nothing was scored."""
    by_answer = {final_answer(sample.response): sample for sample in samples if record_of(sample).get("verdict") == "scored"}
    ranked = sorted(by_answer.values(), key=lambda sample: -float(record_of(sample)["score"]))
    if not ranked:
        return ""
    worst = ranked[PROGRAMS:][-PROGRAMS:]
    parts = [f"# Rollout {rollout_id}", *_section("Best", ranked[:PROGRAMS]), *_section("Worst", list(reversed(worst)))]
    return "\n\n".join(parts) + "\n"


def _section(title: str, samples: Sequence[Any]) -> list[str]:
    return [part for number, sample in enumerate(samples, start=1) for part in _entry(f"## {title} {number}", sample)]


def _entry(heading: str, sample: Any) -> list[str]:
    record, task = record_of(sample), task_of(sample)
    code = extract_code(sample.response, entry_point=task.entry_point).code or final_answer(sample.response)
    terms = "".join(f", {name} {value:+.3g}" for name, value in record["terms"].items())
    return [
        f"{heading}: score {record['score']:.4g}, reward {record['shaped']:.4g}{terms}, {sample.response_length} tokens",
        f"{_FENCE}\n{(task.statement or '')[:_STATEMENT_CHARACTERS]}\n{_FENCE}",
        f"{_FENCE}python\n{code}\n{_FENCE}",
    ]
