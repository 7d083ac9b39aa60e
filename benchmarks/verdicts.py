"""`Judged`: one answer with what each judge says of it in each column of the table."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

from benchmarks.sampling.question import Answer
from reward_servers.sandbox.outcome import Outcome

Said = Literal["pass", "fail", "timeout", "missing"]
"""`missing` is a failure of the judge, and says nothing of the answer."""


def word_of(outcome: Outcome) -> Said:
    """A sandbox's outcome in the referees' words."""
    if outcome.kind == "sandbox_error":
        return "missing"
    return "pass" if outcome.passed else "timeout" if outcome.kind == "timeout" else "fail"


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

    @classmethod
    def of(
        cls, set_name: str, key: tuple[str, int], answer: Answer, program: str, said: dict[str, Said], outcomes: dict[str, Outcome]
    ) -> Judged:
        """An answer with the referee's word and the sandbox's outcome, by column."""
        wrong = next((one for one in outcomes.values() if not one.passed), None)
        return cls(
            set=set_name,
            task_id=key[0],
            sample=key[1],
            text=answer.text,
            program=program,
            cut=answer.cut,
            tokens=answer.tokens,
            referee=said,
            sandbox={column: word_of(outcome) for column, outcome in outcomes.items()},
            message=f"{wrong.kind}: {wrong.message}" if wrong else "",
        )

    def verdict(self, column: str) -> Said:
        """The word of record."""
        return (self.referee or self.sandbox)[column]

    @property
    def disputed(self) -> list[str]:
        """The columns in which one judge lets pass what the other does not."""
        return [name for name, said in self.referee.items() if name in self.sandbox and (said == "pass") != (self.sandbox[name] == "pass")]
