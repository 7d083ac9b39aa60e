"""What became of every row: written beside the prompts as JSON, and shown in a few lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from code_reward.problem import Problem
from data_prep.prompts.filters import REASONS, Dropped

EXAMPLES = 5


class Loss(BaseModel):
    """Rows dropped for one reason, some of them by name."""

    count: int
    examples: list[str]


class Report(BaseModel):
    """The account of one run; `read` is `prompts` plus `held_out` plus everything dropped."""

    source: str
    inputs: dict[str, str]
    """SHA-256 of every file that was read, by its path; several may have one name."""
    seed: int
    read: int
    dropped: dict[str, Loss]
    prompts: int
    held_out: int
    tests: dict[str, int]
    """Tests of the prompts by kind."""
    benchmarks: dict[str, int]
    """Prompts of every benchmark that the problems were compared with."""

    def lines(self) -> Iterator[str]:
        """The report for a person."""
        yield f"{self.read} rows read, {self.prompts} prompts, {self.held_out} held out"
        for reason, loss in self.dropped.items():
            yield f"  {loss.count:>8} {reason}: {REASONS[reason]}"
            yield from (f"           {example}" for example in loss.examples[:1])
        if not self.benchmarks:
            yield "  NOT compared with any benchmark; name the files of those that you will evaluate on with --against"


def losses(dropped: Sequence[Dropped]) -> dict[str, Loss]:
    """By reason, in the order of `REASONS`."""
    found = {reason: [row for row in dropped if row.reason == reason] for reason in REASONS}
    return {
        reason: Loss(count=len(rows), examples=[f"{row.row} ({row.why})" if row.why else row.row for row in rows[:EXAMPLES]])
        for reason, rows in found.items()
        if rows
    }


def kinds(problems: Sequence[Problem]) -> dict[str, int]:
    """How many tests of which kind."""
    return dict(sorted(Counter(test.kind for problem in problems for test in problem.tests).items()))
