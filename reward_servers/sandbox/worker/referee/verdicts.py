"""The results of a job's tests, as they come in, and what they amount to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from reward_servers.sandbox.worker.protocol import FAILED, NO_MEMORY, NO_RIGHT

_FAILURES = {FAILED: "failed", NO_MEMORY: "out_of_memory", NO_RIGHT: "refused"}
_LONGEST = 500
_MOST_SECONDS = 1e6


@dataclass
class Verdicts:
    """Results in the order of the tests; closed by a failure when the job stops there."""

    total: int
    stop: bool
    tests: list[dict[str, Any]] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def finished(self) -> bool:
        return len(self.tests) == self.total or (self.stop and bool(self.tests) and self.tests[-1]["kind"] != "passed")

    def add(self, kind: str, message: str = "", *, seconds: float = 0.0, sealed: bool = True) -> None:
        if not self.finished:
            self.tests.append({"kind": kind, "message": message, "seconds": seconds, "sealed": sealed})

    def outcome(self) -> dict[str, Any]:
        """The fields of an `Outcome`: the first result that is not `passed`; but what we could not do comes first."""
        bad = [test for test in self.tests if test["kind"] != "passed"]
        ours = [test for test in bad if test["kind"] == "sandbox_error"]
        first = (ours or bad or [{"kind": "passed", "message": ""}])[0]
        return {"kind": first["kind"], "message": first["message"], "tests": self.tests, "seconds": self.seconds}


def failure(flag: Any, text: Any) -> tuple[str, str]:
    """Kind and message of a failure as a program's process puts it; raises `ValueError` for what it never writes."""
    if type(flag) is not int or flag not in _FAILURES or not isinstance(text, str):
        raise ValueError("not how a child says that something failed")
    return _FAILURES[flag], text[:_LONGEST]


def duration(seconds: Any) -> float:
    """CPU seconds as a program's process tells them; raises `ValueError` for what is no such number."""
    if type(seconds) not in (int, float) or not -1 < seconds < _MOST_SECONDS:
        raise ValueError("no number of seconds")
    return max(float(seconds), 0.0)
