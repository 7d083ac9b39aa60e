"""What a policy's run comes to: a figure per column with its interval over problems, and paired differences of two runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from pydantic import BaseModel

from benchmarks.verdicts import Judged
from code_reward.errors import DataError
from code_reward.figure import Figure
from code_reward.metrics import bootstrap, paired_difference, pass_at_k

KS = (1, 5, 10, 100)


class Column(BaseModel):
    """One column of the table."""

    problems: int
    missing: int
    """Answers that nobody could judge; they count for nothing."""
    passes: dict[int, Figure]
    """pass@k by k."""
    sandbox_agrees: int | None = None
    """Answers of which referee and sandbox say the same, where both judged; of `compared`."""
    compared: int = 0


def measure(judged: Sequence[Judged], column: str, seed: int) -> Column:
    """The figures of a column; raises `DataError` where fewer than two problems have a verdict."""
    counts = counts_of(judged, column)
    if len(counts) < 2:
        raise DataError(f"Of {column} fewer than two problems have a verdict; see why the others are missing, or ask more.", kind="empty")
    samples = min(right + wrong for right, wrong in counts.values())
    both = [one for one in judged if column in one.referee and one.sandbox.get(column, "missing") != "missing"]
    return Column(
        problems=len(counts),
        missing=sum(one.verdict(column) == "missing" for one in judged),
        passes={k: _interval([pass_at_k(right + wrong, right, k) for right, wrong in counts.values()], seed) for k in KS if k <= samples},
        sandbox_agrees=sum(column not in one.disputed for one in both) if both else None,
        compared=len(both),
    )


def counts_of(judged: Sequence[Judged], column: str) -> dict[str, tuple[int, int]]:
    """Right and wrong answers of every problem that has one with a verdict."""
    counts: dict[str, tuple[int, int]] = {}
    for one in judged:
        said = one.verdict(column)
        if said != "missing":
            right, wrong = counts.get(one.task_id, (0, 0))
            counts[one.task_id] = (right + (said == "pass"), wrong + (said != "pass"))
    return counts


def compare(ours: Sequence[Judged], theirs: Sequence[Judged], column: str, seed: int) -> tuple[int, Figure | None]:
    """How many problems two runs share, and the difference of pass@1 on them, ours less theirs; None where they share fewer than two."""
    rates = [{task: right / (right + wrong) for task, (right, wrong) in counts_of(one, column).items()} for one in (ours, theirs)]
    shared = [task for task in rates[0] if task in rates[1]]
    if len(shared) < 2:
        return len(shared), None
    difference = paired_difference([rates[0][task] for task in shared], [rates[1][task] for task in shared], seed=seed)
    return len(shared), Figure.of(difference)


def _interval(values: Sequence[float], seed: int) -> Figure:
    return Figure.of(bootstrap(lambda column: float(np.mean(column)), values, seed=seed))


Columns = Mapping[str, Column]
