"""The best and worst programs of a rollout on one page: reward hacking is seen by people first, in programs, not in curves."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final

from code_reward.extraction import extract_code
from code_reward.turns import final_answer
from code_reward_slime.judging import described_by
from code_reward_slime.rollouts import Rollout
from code_reward_slime.task import task_of

PROGRAMS: Final = 5
_STATEMENT_CHARACTERS: Final = 1_000
_FENCE: Final = 6
"""Tildes around a text, or one more than it has in a row: what a policy writes must not end its own block."""


def render_page(rollout_id: int, rollouts: Sequence[Rollout]) -> str:
    """Markdown with the programs of the highest and of the lowest scores, no program twice; empty if nothing was scored."""
    ranked = [rollout for rollout in rollouts if rollout.record.get("verdict") == "scored"]
    ranked.sort(key=lambda rollout: -float(rollout.record["score"]))
    shown: set[str] = set()
    best = _entries("Best", ranked, shown)
    parts = [*best, *_entries("Worst", reversed(ranked), shown)]
    return "\n\n".join([f"# Rollout {rollout_id}", *parts]) + "\n" if parts else ""


def _entries(title: str, ranked: Iterable[Rollout], shown: set[str]) -> list[str]:
    """The first programs that are not among those `shown`. Extraction takes time, so no more answers are read than needed."""
    parts: list[str] = []
    number = 0
    for rollout in ranked:
        response, task = rollout.answer.response, task_of(described_by(rollout.samples))
        code = extract_code(response, entry_point=task.entry_point).code or final_answer(response)
        if code not in shown:
            shown.add(code)
            number += 1
            parts += _entry(f"## {title} {number}", rollout, task.statement or "", code)
        if number == PROGRAMS:
            break
    return parts


def _entry(heading: str, rollout: Rollout, statement: str, code: str) -> list[str]:
    record = rollout.record
    terms = "".join(f", {name} {value:+.3g}" for name, value in record["terms"].items())
    return [
        f"{heading}: score {record['score']:.4g}, reward {record['shaped']:.4g}{terms}, {rollout.answer.response_length} tokens",
        _block("", statement[:_STATEMENT_CHARACTERS]),
        _block("python", code),
    ]


def _block(language: str, text: str) -> str:
    fence = "~" * max([_FENCE, *(len(run) + 1 for run in re.findall("~+", text))])
    return f"{fence}{language}\n{text}\n{fence}"
