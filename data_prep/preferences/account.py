"""What became of the rows of preference files, by reason; written beside the pairs and shown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from pydantic import BaseModel

from code_reward.reward_data import Pair
from data_prep.preferences.reading import LEFT_OUT, Outcome


class Account(BaseModel):
    """`rows` is `pairs` plus everything in `left_out`."""

    rows: int
    pairs: int
    left_out: dict[str, int]
    """Rows by the reason (a key of `LEFT_OUT`), the most frequent first."""
    groups: dict[str, int]
    """Pairs by where they come from."""

    def lines(self) -> Iterator[str]:
        """What was left out, for a person."""
        for reason, count in self.left_out.items():
            yield f"{count} {reason}: {LEFT_OUT[reason]}"


def account(outcomes: Sequence[Outcome]) -> Account:
    """Count the outcomes of all rows."""
    pairs = [outcome for outcome in outcomes if isinstance(outcome, Pair)]
    return Account(
        rows=len(outcomes),
        pairs=len(pairs),
        left_out=dict(Counter(outcome for outcome in outcomes if isinstance(outcome, str)).most_common()),
        groups=dict(Counter(pair.group for pair in pairs).most_common()),
    )
