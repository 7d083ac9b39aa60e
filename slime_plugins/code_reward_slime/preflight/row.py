"""One line of the preflight's table."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from code_reward.errors import CodeRewardError


@dataclass(frozen=True)
class Row:
    """What one check found; for a failure, one sentence that says what to do."""

    check: str
    state: Literal["ok", "failed", "not checked"]
    found: str


def ok(check: str, found: str) -> Row:
    """Nothing stands in the way."""
    return Row(check, "ok", found)


def failed(check: str, what_to_do: str) -> Row:
    """The run would fail, or do something else than its author believes."""
    return Row(check, "failed", what_to_do)


def not_checked(check: str, why: str) -> Row:
    """It could not be found out here; nobody should believe that it was."""
    return Row(check, "not checked", why)


def guarded(check: str, find: Callable[[], Iterable[Row]]) -> Iterator[Row]:
    """The rows of a check, and a failed row for an error that ends it."""
    try:
        yield from find()
    except CodeRewardError as error:
        yield failed(check, str(error))


def table(rows: Iterable[Row]) -> Iterator[str]:
    """One line per row, as soon as it is there."""
    for row in rows:
        yield f"{row.state:<12} {row.check:<16} {row.found}"
