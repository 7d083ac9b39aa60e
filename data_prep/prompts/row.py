"""One row of prompt data, as slime reads it with `--input-key prompt --label-key label --metadata-key metadata`."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel

from code_reward.problem import Problem, describe

INSTRUCTION = "Answer with one Python program in a ```python block."


class PromptRow(BaseModel):
    """A prompt and what rewards need to know of it."""

    prompt: list[dict[str, str]]
    """Chat messages; `--apply-chat-template` renders them."""
    label: str
    """The reference solution, or nothing; never shown to the policy."""
    metadata: dict[str, Any]
    """What `code_reward.problem.describe` says of the problem."""


def to_row(problem: Problem, instruction: str) -> PromptRow:
    """The statement with an instruction below it; the metadata keep the bare statement, which is what a reward model reads."""
    asked = f"{problem.statement.rstrip()}\n\n{instruction}" if instruction else problem.statement
    return PromptRow(
        prompt=[{"role": "user", "content": asked}],
        label=problem.reference_solution or "",
        metadata=describe(problem),
    )
