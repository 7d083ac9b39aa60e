"""A language model that judges, over real sockets, with every fault of `misbehaving`.

Its faults mean here: `short`: a reply without a choice; `nan`: a score that is no number; `softmax`: a reply that forgets the score.
"""

from __future__ import annotations

import json
from typing import Any

from misbehaving import Misbehaving


def vote_of(ids: list[int]) -> int:
    """The correctness from 0 to 5 that the judge gives to a question, decided by its text."""
    return sum(ids) % 6


class MisbehavingJudge(Misbehaving):
    """One such endpoint.

    Attributes:
        model: What it calls itself.
        bodies: Every request that it read.
        junk: How many replies from now on cannot be read.
        again: What is added to the vote for each time that the same question was answered before.
    """

    paths = ("/v1/chat/completions",)

    def __init__(self) -> None:
        super().__init__(vote_of)
        self.model = "judge"
        self.bodies: list[dict[str, Any]] = []
        self.junk = self.again = 0

    @property
    def api(self) -> str:
        """The address as an OpenAI-compatible client wants it."""
        return f"{self.url}/v1"

    def _read(self, record: Any) -> list[list[int]]:
        self.bodies.append(record)
        return [list(record["messages"][0]["content"].encode())]

    def _body(self, path: str, batch: list[list[int]], poison: set[int]) -> bytes:
        if self.fault == "malformed":
            return b'{"choices": [{"mess'
        [ids] = batch
        vote = (self.score(ids) + self.again * self.scored.count(tuple(ids))) % 6
        text = f"It was read.\nCorrectness: {'nan' if self.fault == 'nan' else vote}\nStyle: 3"
        if self.fault == "softmax" or self.junk:
            self.junk = max(self.junk - 1, 0)
            text = "It may be right."
        self.scored.append(tuple(ids))
        choice = {"message": {"role": "assistant", "content": text}, "finish_reason": "stop"}
        usage = {"prompt_tokens": len(ids) // 4, "completion_tokens": 8}
        return json.dumps({"model": self.model, "choices": [] if self.fault == "short" else [choice], "usage": usage}).encode()
