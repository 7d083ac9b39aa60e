"""`Judged`: one answer with what each judge says of it in each column of the table."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

Said = Literal["pass", "fail", "timeout", "missing"]
"""`missing` is a failure of the judge, and says nothing of the answer."""


class Judged(BaseModel):
    """An answer and its verdicts."""

    set: str
    task_id: str
    sample: int
    text: str
    """As the policy wrote it."""
    program: str
    """What was judged."""
    cut: bool
    tokens: int
    referee: dict[str, Said] = {}
    """The published referee's word, by column; empty where our sandbox alone judged."""
    sandbox: dict[str, Said] = {}
    """Our sandbox's word, by column."""
    message: str = ""
    """What the sandbox says of the first test that failed."""

    def verdict(self, column: str) -> Said:
        """The word of record."""
        return (self.referee or self.sandbox)[column]

    @property
    def disputed(self) -> list[str]:
        """The columns in which one judge lets pass what the other does not."""
        return [name for name, said in self.referee.items() if name in self.sandbox and (said == "pass") != (self.sandbox[name] == "pass")]
