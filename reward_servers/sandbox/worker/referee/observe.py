"""Calls without expectations: what does the program return? The way of `decide_calls`, with the values written down, not judged."""

from __future__ import annotations

import ast
import hashlib
from typing import Any

from reward_servers.sandbox.worker.referee.assertions import Call, pack
from reward_servers.sandbox.worker.referee.decide_calls import work_of
from reward_servers.sandbox.worker.referee.ends import Trouble
from reward_servers.sandbox.worker.referee.job import Job
from reward_servers.sandbox.worker.referee.literals import literal
from reward_servers.sandbox.worker.referee.plan import Calls
from reward_servers.sandbox.worker.referee.process import Event
from reward_servers.sandbox.worker.referee.verdicts import duration, failure

_LONGEST = 2000
"""Characters of a value that are kept; of a longer one its beginning and a digest, so that equal values stay equal."""
_ROOM = 2 << 20
"""Bytes that a value may have in writing."""

Observed = dict[str, Any]


def plan_calls(sources: list[str]) -> list[Call]:
    """The calls that these expressions are. Raises `SyntaxError` or `ValueError` for what is none."""
    return list(map(_call, sources))


def _call(source: str) -> Call:
    node = ast.parse(source.strip(), mode="eval").body
    if not isinstance(node, ast.Call):
        raise ValueError(f"{source[:100]!r} is not a call")
    return Call(pack(node), None)


def observe(job: Job, calls: list[Call]) -> dict[str, Any]:
    """The fields of `Observations`. When a call ends the program's process, the calls after it get another."""
    seen: list[Observed] = []
    while len(seen) < len(calls):
        if job.out_of_time:
            seen.append(_entry("timeout", "no time left"))
            continue
        _observe_some(job, calls[len(seen) :], seen)
    ours = next((call["message"] for call in seen if call["kind"] == "sandbox_error"), None)
    return {"kind": "observed" if ours is None else "sandbox_error", "message": ours or "", "calls": seen, "seconds": job.verdicts.seconds}


def _observe_some(job: Job, calls: list[Call], seen: list[Observed]) -> None:
    collector = _Collector(len(calls), seen)
    work = work_of(job.program, [Calls([call], []) for call in calls])
    trouble = job.watch(job.choose(job.program), "calls", work, collector, steps=len(calls) + 1) or collector.failure
    if trouble is not None:
        everything = not collector.loaded or trouble.kind == "sandbox_error"
        seen += [_entry(trouble.kind, trouble.message)] * (collector.left if everything else 1)


class _Collector:
    def __init__(self, left: int, seen: list[Observed]) -> None:
        self.left = left
        self.loaded = False
        self.failure: Trouble | None = None
        self._seen = seen

    @property
    def steps(self) -> int:
        return self.loaded - self.left

    def room(self) -> int:
        return _ROOM if self.loaded else 0

    def take(self, event: Event) -> bool:
        if event[0] == "load_error" and not self.loaded:
            self.failure = Trouble(*failure(event[1], event[2]))
            return True
        if event[0] == "loaded":
            self.loaded = True
        elif self.loaded and self.left:
            self._seen.append(_read(event))
            self.left -= 1
        return self.left == 0


def _read(event: Event) -> Observed:
    """Raises for an event that `calls` never writes."""
    if event[0] == "value":
        return _entry("passed", value=_shortened(literal(event[2])), seconds=duration(event[1]))
    if event[0] == "too_long":
        return _entry("failed", f"the result has more than {_ROOM >> 20} MB")
    if event[0] == "not_plain":
        return _entry("failed", f"the result is a {str(event[2])[:200]}, which is not plain data")
    if event[0] != "error":
        raise ValueError("not an event of a call")
    return _entry(*failure(event[2], event[3]), seconds=duration(event[1]))


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _entry(kind: str, message: str = "", *, value: str | None = None, seconds: float = 0.0) -> Observed:
    return {"kind": kind, "message": message, "value": value, "seconds": seconds}
