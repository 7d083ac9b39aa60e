"""Which turn of a rollout is its answer. A rollout of several turns (tool calls, compacted contexts) has one answer, and so one verdict."""

from __future__ import annotations

from collections.abc import Sequence

from code_reward.extraction import Extraction, extract_code


def answering_turn(extractions: Sequence[Extraction]) -> int:
    """The last turn with a block that was meant as the answer, even one that fails; without any, the last turn.

    As within one answer (`extract_code`): what is said after the solution (its use, its output, "done") does not replace it, and a
    solution that an earlier turn tried does not stand in for a last one that is broken. Raises `ValueError` for no turn at all.
    """
    if not extractions:
        raise ValueError("a rollout has at least one turn")
    attempts = [number for number, extraction in enumerate(extractions) if extraction.attempt]
    return attempts[-1] if attempts else len(extractions) - 1


def answer_of(turns: Sequence[str], entry_point: str | None = None) -> str:
    """The text of the turn that is the answer; empty without any turn. Each turn is extracted from once, if there is more than one."""
    if len(turns) <= 1:
        return turns[0] if turns else ""
    return turns[answering_turn([extract_code(turn, entry_point=entry_point) for turn in turns])]
