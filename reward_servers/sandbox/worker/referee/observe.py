"""Calls without expectations: what does the program return? The way of `decide_calls`, with the values written down, not judged."""

from __future__ import annotations

import ast
import functools
import hashlib
from typing import Any

from reward_servers.sandbox.worker.referee.constants import is_constant
from reward_servers.sandbox.worker.referee.ends import Trouble
from reward_servers.sandbox.worker.referee.job import Job
from reward_servers.sandbox.worker.referee.literals import literal
from reward_servers.sandbox.worker.referee.plan import Call, pack
from reward_servers.sandbox.worker.referee.process import Event
from reward_servers.sandbox.worker.referee.verdicts import complaint, reported
from reward_servers.sandbox.worker.referee.watch import watch

_LONGEST = 2000
"""Characters of a value that are kept; of a longer one its beginning and a digest, so that equal values stay equal."""

Observed = dict[str, Any]


@functools.lru_cache(maxsize=512)
def plan_calls(sources: tuple[str, ...]) -> tuple[Call, ...]:
    """The calls that these expressions are. Raises `SyntaxError` or `ValueError` for what is none. Cached, as tests are."""
    return tuple(map(_call, sources))


def _call(source: str) -> Call:
    node = ast.parse(source.strip(), mode="eval").body
    if not isinstance(node, ast.Call):
        raise ValueError(f"{source[:100]!r} is not a call")
    arguments = [*node.args, *(keyword.value for keyword in node.keywords)]
    if all(map(is_constant, arguments)) and all(keyword.arg for keyword in node.keywords):
        return Call(ast.unparse(node.func), pack(node), None)
    return Call(source.strip(), None, None)


def observe(job: Job, calls: tuple[Call, ...]) -> dict[str, Any]:
    """The fields of `Observations`. When a call ends the program's process, the calls after it get another."""
    seen: list[Observed] = []
    while len(seen) < len(calls):
        if job.out_of_time:
            seen.append(_entry("timeout", "no time left"))
            continue
        _observe_some(job, calls[len(seen) :], seen)
    ours = next((call["message"] for call in seen if call["kind"] == "sandbox_error"), None)
    return {"kind": "observed" if ours is None else "sandbox_error", "message": ours or "", "calls": seen, "seconds": job.verdicts.seconds}


def _observe_some(job: Job, calls: tuple[Call, ...], seen: list[Observed]) -> None:
    collector = _Collector(len(calls), seen)
    link = job.choose(job.program)
    child = job.start(link, "calls", {"program": job.program, "calls": [call.order() for call in calls]}, steps=len(calls) + 1)
    trouble = watch(link, child, [], job.limits, job.deadline, collector.take) or collector.failure
    job.verdicts.seconds += child.stop().cpu
    if trouble is not None:
        everything = not collector.loaded or trouble.kind == "sandbox_error"
        seen += [_entry(trouble.kind, trouble.message)] * (collector.left if everything else 1)


class _Collector:
    def __init__(self, left: int, seen: list[Observed]) -> None:
        self.left = left
        self.loaded = False
        self.failure: Trouble | None = None
        self._seen = seen

    def take(self, event: Event) -> bool:
        """Hear an event of the child; True when there is nothing more to hear."""
        if event[0] == "load_error":
            self.failure = Trouble(complaint(event[1]), str(event[-1])[:500])
            return True
        if event[0] == "loaded":
            self.loaded = True
        elif self.left:
            self._seen.append(_read(event))
            self.left -= 1
        return self.left == 0


def _read(event: Event) -> Observed:
    """Raises for an event that `calls` never writes."""
    what, seconds, got, *rest = event
    if what == "value":
        return _entry("passed", value=_shortened(literal(got)), seconds=float(seconds))
    if what == "not_plain":
        return _entry("failed", f"the result is a {str(got)[:200]}, which is not plain data")
    if what != "error" or got == "passed":
        raise ValueError("not an event of a call")
    return _entry(reported(got), str(rest[0])[:500], seconds=float(seconds))


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST:
        return text
    return f"{text[:_LONGEST]}… {hashlib.sha256(text.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def _entry(kind: str, message: str = "", *, value: str | None = None, seconds: float = 0.0) -> Observed:
    return {"kind": kind, "message": message, "value": value, "seconds": seconds}
