"""Whether the run may go on: what has gone wrong for good, and how many of the last verdicts are missing.

One per process, written by the rewards (in one or two event loops) and read by everything that slime calls synchronously.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Sequence
from threading import Lock

from code_reward.errors import CodeRewardError, RewardServerError
from code_reward.verdict import Missing, Verdict
from code_reward_slime.settings import PREFIX, Settings

_NOBODYS_FAULT = ("aborted",)
"""Reasons that say nothing about servers: slime itself stops surplus generations."""


class Health:
    """The last verdicts, and the first error that no waiting would mend."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._window: deque[str | None] = deque()
        self._fatal: CodeRewardError | None = None

    def record(self, verdict: Verdict, settings: Settings) -> None:
        """Remember one verdict."""
        reason = verdict.reason if isinstance(verdict, Missing) else None
        if reason in _NOBODYS_FAULT:
            return
        with self._lock:
            self._append(reason, settings)

    def record_abort(self, settings: Settings) -> None:
        """Remember an aborted sample of a group that is finished: slime did not throw it away, so its engines fail."""
        with self._lock:
            self._append("aborted", settings)

    def fail(self, error: CodeRewardError) -> None:
        """Remember an error that must stop the run; the first one counts."""
        with self._lock:
            self._fatal = self._fatal or error

    def error(self, settings: Settings) -> CodeRewardError | None:
        """Why the run must stop, if it must: a fatal error, or a full window with too many missing verdicts."""
        with self._lock:
            reasons = list(self._window)
            fatal = self._fatal
        if fatal is not None or len(reasons) < settings.missing_window:
            return fatal
        return too_many_missing(reasons, f"the last {len(reasons)}", settings)

    def _append(self, reason: str | None, settings: Settings) -> None:
        self._window.append(reason)
        while len(self._window) > settings.missing_window:
            self._window.popleft()

    def reset(self) -> None:
        """Forget everything."""
        with self._lock:
            self._window.clear()
            self._fatal = None


def too_many_missing(reasons: Sequence[str | None], which: str, settings: Settings) -> RewardServerError | None:
    """The error for verdicts of which too large a share is missing; `reasons` has None for each verdict that is there."""
    missing = Counter(reason for reason in reasons if reason is not None)
    if sum(missing.values()) <= settings.max_missing * len(reasons):
        return None
    causes = ", ".join(f"{reason} {count}" for reason, count in missing.most_common())
    share = sum(missing.values()) / len(reasons)
    return RewardServerError(
        f"{share:.0%} of {which} verdicts are missing ({causes}), more than {PREFIX}max_missing = {settings.max_missing:g} allows; "
        "mend the reward server, the sandbox or the data, then resume from the last checkpoint.",
        kind="too_many_missing",
    )


HEALTH = Health()
