"""Verdicts on what came back: the value of a call. Those on the output of a script are in `outputs`."""

from __future__ import annotations

import json
from typing import Any

from reward_servers.sandbox.worker.referee.assertions import Call
from reward_servers.sandbox.worker.referee.compare import close, equal, identical, near
from reward_servers.sandbox.worker.referee.compare_json import equal_json
from reward_servers.sandbox.worker.referee.process import Event
from reward_servers.sandbox.worker.referee.verdicts import failure

_SHOWN = 200
_WORDS = {"differs": "other than ", "same": "the object ", "close": "about ", "below": "about ", "within": "about "}


def room_for(call: Call) -> int:
    """How many bytes a value may have that equals what is expected; generously, for every number and every sign may be written longer."""
    return 12 * call.length


def judge_call(call: Call, event: Event) -> tuple[str, str]:
    """Kind and message for one call's event; raises for an event that `calls` never writes."""
    shown = call.shown[:_SHOWN]
    if event[0] == "error":
        kind, message = failure(event[2], event[3])
        return kind, f"{shown}: {message}"[:500]
    if event[0] in ("not_plain", "too_long"):
        if call.relation == "differs":
            return "passed", ""
        what = "more than can be right" if event[0] == "too_long" else f"a {str(event[2])[:_SHOWN]}, which is not plain data"
        return "failed", f"{shown}: the result is {what}"
    if event[0] != "value":
        raise ValueError("not an event of a call")
    got = event[2]
    if _holds(call, got):
        return "passed", ""
    return "failed", f"{shown}: expected {_WORDS.get(call.relation, '')}{repr(call.expected)[:_SHOWN]}, got {json.dumps(got)[:_SHOWN]}"


def _holds(call: Call, got: Any) -> bool:
    if call.relation == "differs":
        return not equal(call.expected, got)
    if call.relation == "same":
        return identical(call.expected, got)
    if call.relation == "close":
        return close(call.expected, got, call.atol, call.rtol)
    if call.relation in ("below", "within"):
        return near(call.expected, got, call.atol, strictly=call.relation == "below")
    if call.relation in ("json", "boxed"):
        return equal_json(call.expected, got, call.atol, boxed=call.relation == "boxed")
    return equal(call.expected, got, call.atol)
