"""Problem and answer of a conversation: one user's turn and one assistant's, as a reward model of programs reads them.

A system turn is left away, as everywhere here (`code_reward.chat_prompt`): the reward model's own template says what precedes a problem.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from code_reward.chat_prompt import statement_in

Trouble = Literal["no_statement", "no_answer", "several_turns"]
Talk = str | Sequence[Mapping[str, Any]]
"""A text, or messages with `role` and `content`."""


def exchange_in(prompt: Talk | None, answer: Talk | None) -> tuple[str, str] | Trouble:
    """(statement, answer) of a prompt, which may be absent or repeated before the answer, and of an answer; or what is the trouble."""
    asked = _turns("user", prompt)
    answered = _turns("assistant", answer)
    repeated = [] if isinstance(answer, str) else _turns("user", answer)
    statements = asked or repeated
    if not statements:
        return "no_statement"
    if not answered:
        return "no_answer"
    if len(statements) > 1 or len(answered) > 1 or (asked and repeated and asked != repeated) or _turns("assistant", _messages(prompt)):
        return "several_turns"
    return statements[0], answered[0]


def _turns(role: str, talk: Talk | None) -> list[str]:
    """What `role` says; a plain text is one turn of whoever is asked for."""
    if isinstance(talk, str):
        said = [statement_in(talk) if role == "user" else talk]
    else:
        said = [statement_in([{**message, "role": "user"}]) for message in talk or [] if message.get("role") == role]
    return [text for text in said if text and text.strip()]


def _messages(talk: Talk | None) -> Talk | None:
    return None if isinstance(talk, str) else talk
