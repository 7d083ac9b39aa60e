"""The results of a job's tests, as they come in, and what they amount to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

_REPORTABLE = frozenset({"passed", "failed", "out_of_memory", "refused"})
_COMPLAINTS = _REPORTABLE - {"passed"}


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


def reported(kind: Any) -> str:
    """A kind of outcome as a child may report it; anything else is a sign of tampering."""
    if kind not in _REPORTABLE:
        raise ValueError("not a kind that a child reports")
    return str(kind)


def complaint(kind: Any) -> str:
    """A kind as a program's own process may say it: how it failed, never that it passed; what nobody knows is a crash."""
    return str(kind) if isinstance(kind, str) and kind in _COMPLAINTS else "crashed"
