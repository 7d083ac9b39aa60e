"""Verdicts on what came back: the value of a call, the output of a script."""

from __future__ import annotations

import json
from typing import Any

from reward_servers.sandbox.worker.referee.compare import close, equal, identical
from reward_servers.sandbox.worker.referee.plan import Call
from reward_servers.sandbox.worker.referee.process import Event
from reward_servers.sandbox.worker.referee.verdicts import complaint

_SHOWN = 200
_WORDS = {"equal": "", "differs": "other than ", "same": "the object ", "close": "about "}


def judge_call(call: Call, event: Event) -> tuple[str, str]:
    """Kind and message for one call's event; raises for an event that `calls` never writes."""
    what, _, got, *rest = event
    shown = call.shown[:_SHOWN]
    if what == "error":
        return complaint(got), f"{shown}: {rest[0]}"[:500]
    if what == "not_plain":
        if call.relation == "differs":
            return "passed", ""
        return "failed", f"{shown}: the result is a {str(got)[:_SHOWN]}, which is not plain data"
    if what != "value":
        raise ValueError("not an event of a call")
    if _holds(call, got):
        return "passed", ""
    return "failed", f"{shown}: expected {_WORDS[call.relation]}{repr(call.expected)[:_SHOWN]}, got {json.dumps(got)[:_SHOWN]}"


def _holds(call: Call, got: Any) -> bool:
    if call.relation == "differs":
        return not equal(call.expected, got)
    if call.relation == "same":
        return identical(call.expected, got)
    if call.relation == "close":
        return close(call.expected, got, call.atol, call.rtol)
    return equal(call.expected, got, call.atol)


def judge_output(expected: str, printed: str) -> tuple[str, str]:
    """Kind and message for a script's output: equal line by line, up to white space at the ends of lines and of the text."""
    wanted, got = ([line.rstrip() for line in text.rstrip().splitlines()] for text in (expected, printed))
    if wanted == got:
        return "passed", ""
    line = next((i for i, (a, b) in enumerate(zip(wanted, got, strict=False)) if a != b), min(len(wanted), len(got)))
    shown = [repr(lines[line][:_SHOWN]) if line < len(lines) else "the end" for lines in (wanted, got)]
    return "wrong_output", f"line {line + 1}: expected {shown[0]}, got {shown[1]}"
