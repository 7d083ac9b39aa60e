"""Control tokens: what ends a turn, opens a thought, or steers a chat template; and how a text that holds one is kept from doing so.

A tokenizer finds its added tokens in any text, so a program with `<|im_end|>` in a string would end the assistant's turn in the reward
model's input, and one with `</think>` would have its first half taken for reasoning by the template. Such a text is cut inside each of
these strings and the pieces are encoded one by one: the letters stay, the token is gone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from tokenizers import Tokenizer

from code_reward.chat_template import ChatTemplate


class ControlTokens:
    """A set of control tokens, each of at least two characters. Takes time linear in the text, however many there are."""

    def __init__(self, tokens: Iterable[str]) -> None:
        self._tokens = frozenset(tokens)
        self._lengths = sorted({len(token) for token in self._tokens})
        beginnings = sorted({re.escape(token[:2]) for token in self._tokens})
        # Looking ahead finds tokens that overlap, too.
        self._beginning = re.compile(f"(?=(?:{'|'.join(beginnings) or '(?!)'}))")

    @classmethod
    def of(cls, tokenizer: Tokenizer, template: ChatTemplate) -> ControlTokens:
        """A tokenizer's special tokens, its other added tokens that the template writes, and what the template looks for in a message.

        An added token that is none of these (Qwen's `<|fim_prefix|>`, runs of spaces) is encoded as transformers does.
        """
        added = tokenizer.get_added_tokens_decoder().values()
        tokens = {token.content for token in added if token.special or token.content in template.literals} | template.probes
        return cls(token for token in tokens if len(token) > 1 and not token.isspace())

    def split(self, text: str) -> list[str]:
        """The text in pieces none of which holds a control token: cut after the first character of each."""
        cuts = [
            start + 1
            for start in (match.start() for match in self._beginning.finditer(text))
            if any(text[start : start + length] in self._tokens for length in self._lengths)
        ]
        return [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]

    def end(self, text: str) -> bool:
        """Whether the text ends with one."""
        return any(text[-length:] in self._tokens for length in self._lengths)
