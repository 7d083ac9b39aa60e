"""`Budget`: what a run may spend, and what it has spent; when it is spent, no further question is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from data_prep.llm.errors import RunStopped
from data_prep.llm.request import Reply


@dataclass
class Budget:
    """Calls and tokens of a run, over all its restarts.

    Calls under way are finished and kept when the budget runs out, so tokens may pass `max_tokens` by what those use.

    Args:
        max_calls: Answers that may be paid for; None for no limit.
        max_tokens: Tokens of prompts and answers together; None for no limit.
    """

    max_calls: int | None = None
    max_tokens: int | None = None
    calls: int = 0
    prompt_tokens: int = 0
    completion_tokens: int = 0
    uncounted: int = 0
    """Answers for which the server named no token counts."""
    told: Callable[[], None] | None = None
    """Called with each answer that was paid for."""
    _reserved: int = 0

    def reserve(self) -> None:
        """Call before a question is asked; raises `RunStopped` when the budget does not cover it."""
        if self.max_calls is not None and self.calls + self._reserved >= self.max_calls:
            raise RunStopped(f"The budget of {self.max_calls} calls is spent; resume with a larger --max-calls.", kind="budget_spent")
        if self.max_tokens is not None and self.prompt_tokens + self.completion_tokens >= self.max_tokens:
            raise RunStopped(f"The budget of {self.max_tokens} tokens is spent; resume with a larger --max-tokens.", kind="budget_spent")
        self._reserved += 1

    def release(self) -> None:
        """Call when a reserved question is over, answered or not."""
        self._reserved -= 1

    def add(self, reply: Reply) -> None:
        """Count an answer."""
        self.calls += 1
        self.prompt_tokens += reply.prompt_tokens
        self.completion_tokens += reply.completion_tokens
        self.uncounted += not reply.counted
        if self.told is not None:
            self.told()
