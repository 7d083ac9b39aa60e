"""What can go wrong between a question and its answer; never anything about what the answer says."""

from __future__ import annotations

from typing import Final

from code_reward.errors import CodeRewardError

KINDS: Final = {
    "unreachable": "no connection, one that broke, or status 502 or 503",
    "timeout": "no whole answer in time",
    "rate_limited": "status 429",
    "server_error": "another status 5xx",
    "malformed": "an answer that is not what the protocol promises, e.g. half a JSON",
    "no_such_model": "status 404: the model, or the path, is not served",
    "model_changed": "answers come from another model than this endpoint's earlier ones",
    "refused": "another status 4xx: this request will never be answered, e.g. it is too long",
    "unauthorised": "status 401 or 403: no request will ever be answered",
    "budget_spent": "the run's budget of calls or tokens is spent",
    "not_recorded": "a replay has no answer to this question",
}
"""Every kind of `LLMError`."""

TRANSIENT: Final = frozenset({"unreachable", "timeout", "rate_limited", "server_error", "malformed", "no_such_model", "model_changed"})
"""Kinds that another attempt, or another endpoint, may mend."""


class LLMError(CodeRewardError):
    """An answer that could not be had; `.kind` is one of `KINDS`, and `retry_after` what the server asked for, in seconds."""

    kind = "unreachable"

    def __init__(self, message: str, *, kind: str | None = None, retry_after: float = 0.0) -> None:
        super().__init__(message, kind=kind)
        self.retry_after = retry_after


class RunStopped(LLMError):
    """No later question will be answered either: the run ends here, cleanly, and can be resumed."""
