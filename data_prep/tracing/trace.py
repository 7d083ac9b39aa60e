"""`Trace`: what happened when a program was run on some calls, and how it is told to a judge within a budget of characters."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel

End = Literal["returned", "raised", "out_of_time", "crashed"]

_SHORTEST_CALL = 200


class CallRecord(BaseModel):
    """One call, or the loading of the program (`call` is empty)."""

    call: str = ""
    end: End
    literal: str | None = None
    """The result as source text that `ast.literal_eval` reads; None where it has no such text, or none was returned."""
    shown: str = ""
    """The result in one line."""
    error: str = ""
    frames: list[str] = []
    """Where it was when it failed, outermost first, with the local variables."""
    printed: str = ""
    events: list[str] = []
    """What was logged: the first events and the last ones."""
    kept_first: int = 0
    """How many of `events` came before the gap."""
    dropped: int = 0
    """Events in the gap."""
    seconds: float = 0.0
    """CPU seconds of the thread that made the call."""

    def tell(self, budget: int) -> str:
        """The call in words, in about `budget` characters; the failure and the result are never cut away."""
        header = [f"== {self.call}"] if self.call else []
        tail = self._printed(budget // 4) + self._ending()
        left = max(budget - sum(len(line) + 1 for line in header + tail), _SHORTEST_CALL)
        events = squeeze(self.events[: self.kept_first], self.events[self.kept_first :], left, "events", self.dropped)
        return "\n".join(header + events + tail)

    def _printed(self, budget: int) -> list[str]:
        return ["printed:", *squeeze(self.printed.rstrip("\n").split("\n"), [], budget, "lines")] if self.printed.strip() else []

    def _ending(self) -> list[str]:
        if self.end == "returned":
            return [f"-> {self.shown}"] if self.call else ["-> the end"]
        reason = {"raised": f"raised {self.error}", "out_of_time": "did not end in time", "crashed": f"was ended: {self.error}"}[self.end]
        return [f"-> {reason}", *(f"   at {frame}" for frame in self.frames)]


class Trace(BaseModel):
    """Everything about one run of a program; `calls` ends early when a call does not come back."""

    load: CallRecord
    calls: list[CallRecord] = []
    traced: bool = True
    """False where the program could not be instrumented and only results are known."""

    def tell(self, budget: int = 5000) -> str:
        """The run in words, in about `budget` characters, shared equally by the calls; of a script, its one run."""
        if not self.calls:
            return self.load.tell(budget)
        share = budget // len(self.calls)
        return "\n".join(call.tell(share) for call in self.calls)


def squeeze(first: list[str], last: list[str], budget: int, what: str, dropped: int = 0) -> list[str]:
    """Lines from the beginning and from the end, each up to half of `budget` characters; how many are missing between is said.

    `dropped` lines were already missing between `first` and `last`.
    """
    lines = first + last
    if not dropped and sum(len(line) + 1 for line in lines) <= budget:
        return lines
    begin = _fitting(first if dropped else lines, budget // 2)
    rest = last if dropped else lines[len(begin) :]
    end = _fitting(rest[::-1], budget // 2)[::-1]
    return [*begin, f"… {dropped + len(lines) - len(begin) - len(end)} {what} left out …", *end]


def _fitting(lines: list[str], budget: int) -> list[str]:
    kept: list[str] = []
    for line in lines:
        budget -= len(line) + 1
        if budget < 0:
            # One line that is longer than everything is cut, rather than leaving nothing.
            return kept or [line[: max(budget + len(line), 0)] + "…"]
        kept.append(line)
    return kept
