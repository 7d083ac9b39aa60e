"""The problem statement out of a prompt, for data without a statement of its own: a fallback, and never exact by promise.

Some trainers keep only the rendered prompt (slime's `--apply-chat-template`), or prompt and response as one text (OpenRLHF). The last user
turn of a Qwen prompt (`<|im_start|>user`) or a GLM prompt (`<|user|>`) is then taken for the statement, instructions around it included.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

_QWEN = ("<|im_start|>user\n", "<|im_end|>\n<|im_start|>assistant")
_GLM = ("<|user|>", "<|assistant|>")
_CONTROL_TOKEN = re.compile(r"<\|[^|<>\s]+\|>|\[/?INST\]|<start_of_turn>|<｜[^｜]+｜>")


def statement_in(prompt: str | Sequence[dict[str, Any]]) -> str | None:
    """What the user asks in a prompt: of messages the last user's; of text the last user turn, or all of it if it has no control tokens.

    None for an empty prompt, one without a user's turn, and one in a chat template that is not known here.
    """
    if not isinstance(prompt, str):
        asked = [message for message in prompt if message.get("role") == "user"]
        return _text(asked[-1].get("content")) or None if asked else None
    for begin, end in (_QWEN, _GLM):
        stop = prompt.rfind(end)
        start = prompt.rfind(begin, 0, max(stop, 0))
        if start >= 0:
            return prompt[start + len(begin) : stop].removeprefix("\n") or None
    return None if _CONTROL_TOKEN.search(prompt) else (prompt.strip() and prompt) or None


def split_answer(text: str) -> tuple[str, str] | None:
    """Prompt and response of a rendered conversation that ends with the response; None where no assistant's turn begins.

    What the model's own answer holds decides nothing unless it imitates a whole turn.
    """
    for _, end in (_QWEN, _GLM):
        start = text.rfind(end)
        if start >= 0:
            return text[: start + len(end)], text[start + len(end) :].removeprefix("\n")
    return None


def _text(content: Any) -> str:
    """A message's text; of a list of parts those that are text."""
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return "".join(part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str))
