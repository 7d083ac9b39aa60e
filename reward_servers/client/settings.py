"""The settings of the reward client, and the closed set of reasons why a verdict can be missing."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from code_reward.reference import Dtype

Reason = Literal[
    "timeout",
    "unreachable",
    "overloaded",
    "server_error",
    "bad_reply",
    "not_finite",
    "wrong_model",
    "refused",
    "no_worker",
    "not_found",
    "preparation_failed",
    "client_error",
    "closed",
]
"""Why the client has no verdict; what stood in the way last when the deadline passed, except where a reason is final.

- `timeout`: the deadline passed while the answer was queued, being prepared or being scored, or no request was answered in time.
- `unreachable`: connections were refused, reset or could not be made (DNS included).
- `overloaded`: 429 or 503.
- `server_error`: another 5xx; final for an answer that fails alone, twice, on a server that is well.
- `bad_reply`: an answer that is not the wire: malformed JSON, a short list, an unexpected status.
- `not_finite`: the model gave NaN or an infinity; final for an answer that does so twice.
- `wrong_model`: the scores of the reference items are not those of the reward model's folder.
- `refused`: final; the server answers 4xx to this answer alone, and is well.
- `no_worker`: the router lists no worker.
- `not_found`: there is no reward model at the address (404); final once all servers have said so for a while.
- `preparation_failed`: final; this answer could not be extracted and tokenised because of a bug, or two processes died of it.
- `client_error`: final; a bug of the client, which is logged.
- `closed`: final; the client was closed meanwhile.
"""


class ClientSettings(BaseModel):
    """How the client uses servers. The defaults suit a reward model served on the same machine or in the same cluster."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    dtype: Dtype = "float32"
    """What the servers compute in: decides how exactly they must give the reference scores."""
    deadline_seconds: float = Field(default=120.0, gt=0)
    """A verdict is there, or missing, after this long; an outage shorter than this loses nothing."""
    request_seconds: float = Field(default=30.0, gt=0)
    """One request may take this long, from connecting to the last byte."""
    connect_seconds: float = Field(default=5.0, gt=0)
    """Making a connection may take this long."""
    list_tokens: int = Field(default=8192, gt=0)
    """Tokens in one list request."""
    list_items: int = Field(default=64, gt=0)
    """Answers in one list request."""
    gather_seconds: float = Field(default=0.005, ge=0)
    """How long a list that is not full waits for more answers."""
    lists_per_worker: int = Field(default=2, gt=0)
    """List requests in flight to one address: one being scored and one waiting there; the rest waits here, where lists still grow.
    Through a router give two for each of its workers."""
    breaker_failures: int = Field(default=3, gt=0)
    """Failures in a row after which a worker is left alone until it passes the check against the reference scores again."""
    backoff_seconds: float = Field(default=0.1, gt=0)
    """Pause after a worker's first failure; doubles with each further one, with jitter."""
    max_backoff_seconds: float = Field(default=2.0, gt=0)
    """The longest such pause, and thus about the longest time until a server that came back is used again. One that asks to be left alone
    for longer (`Retry-After`) is, for a minute at most."""
    refresh_seconds: float = Field(default=10.0, gt=0)
    """How often a router is asked for its workers."""
    cache_items: int = Field(default=100_000, ge=0)
    """Scores remembered, least recently used ones dropped first; 0 remembers none."""
    inline_characters: int = Field(default=4_000, ge=0)
    """Statement and answer together up to this long are extracted and tokenised in the event loop, longer ones in a process apart."""
    preparation_processes: int = Field(default=2, gt=0)
    """Processes for that, started when the first long answer comes."""
