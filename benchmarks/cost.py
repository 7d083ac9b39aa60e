"""What a run's answers took: tokens read and written and, where somebody says what a token costs, the price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from benchmarks.sampling.question import Answer

_MILLION = 1_000_000


@dataclass(frozen=True)
class Prices:
    """Of a million tokens, in whatever currency; 0 where nobody says.

    Args:
        read: Of the questions.
        written: Of the answers.
    """

    read: float = 0.0
    written: float = 0.0


def tell_cost(answers: Iterable[Answer], prices: Prices) -> str:
    """The tokens of all answers of the run, those of its earlier starts included, and their price."""
    every = list(answers)
    read, written = sum(answer.prompt_tokens for answer in every), sum(answer.tokens for answer in every)
    said = f"{read:,} read, {written:,} written"
    uncounted = sum(not answer.tokens and bool(answer.text) for answer in every)
    if uncounted:
        said += f" ({uncounted} answers came without a count)"
    if prices == Prices():
        return said
    return f"{said}: {(read * prices.read + written * prices.written) / _MILLION:,.4f}"
