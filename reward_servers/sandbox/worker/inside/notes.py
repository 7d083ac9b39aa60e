"""What counter-tests call: the note of what held, and the change of what is expected. See `referee.falsify`."""

from __future__ import annotations

import builtins
from typing import Any

from reward_servers.sandbox.worker.inside.report import Report
from reward_servers.sandbox.worker.protocol import NOTE, OTHER


def provide(report: Report, test: int) -> None:
    """Put both functions where every module finds them; notes are about the test of this number."""
    seen: set[tuple[int, bool]] = set()

    def note(number: int, held: bool) -> None:
        if (number, held) not in seen:
            seen.add((number, held))
            report.write("note", test, number, held)

    vars(builtins)[NOTE] = note
    vars(builtins)[OTHER] = other


def other(change: bool, value: Any) -> Any:
    """The value, or with `change` one that is not equal to it."""
    if not change:
        return value
    kind: Any = type(value)
    if kind is bool:
        return not value
    if kind in (int, float, complex):
        return value + 1 if value + 1 != value else 0
    if kind in (list, tuple) and value:
        return value[:-1] + kind([other(True, value[-1])])
    if kind is dict and value:
        *_, last = value
        return {**value, last: other(True, value[last])}
    if kind in (str, bytes, list, tuple):
        return value + kind([None] if kind in (list, tuple) else b"_" if kind is bytes else "_")
    if kind is set or kind is frozenset:
        return value ^ {"_"}
    return Different()


class Different:
    """Equal to nothing, unless that says so."""
