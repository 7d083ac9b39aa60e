"""`JudgeSettings`: a language model that judges answers, behind an OpenAI-compatible endpoint, and what it may cost."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from data_prep.llm.endpoint import Endpoint
from data_prep.llm.request import Sampling


class JudgeSettings(BaseModel):
    """What is needed is `urls` and `model`; the rest is one vote per answer, of a model that reads and runs nothing."""

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    urls: tuple[str, ...] = Field(min_length=1)
    """Endpoints that serve the judge, up to and without `/chat/completions`: `http://host:8000/v1`."""
    model: str
    """The model's name as the endpoints know it."""
    api_key_variable: str = ""
    """Name of the environment variable that holds the key, where one is needed."""
    concurrency: int = Field(default=32, gt=0)
    """Requests under way at one endpoint; a little more than it works on at once keeps it busy."""
    request_seconds: float = Field(default=120.0, gt=0)
    """One reply may take this long."""
    deadline_seconds: float = Field(default=600.0, gt=0)
    """A verdict is there, or missing, after this long. A shorter outage (no connection, 404, 429, 502, 503) loses nothing; a reply that is
    late, broken or a 500 is asked for again three times."""

    votes: int = Field(default=1, gt=0)
    """Replies per answer; the score is their mean."""
    style: Literal["apart", "published"] = "apart"
    """The prompt: `apart` asks for correctness and style separately and counts the former; `published` for CodeRM-NT's one mixed score."""
    traces: Literal["none", "own"] = "none"
    """`own` also shows what the program does on some inputs, run in the sandbox."""
    comments: bool = False
    """Whether the judge sees comments, docstrings and other texts that only stand there, through which a policy can talk to it."""
    temperature: float | None = Field(default=None, ge=0)
    """Of the first attempt; null: the server's default. A reply that cannot be read is asked for again at 0.7, 0.3 and 1."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Likewise."""
    reply_tokens: int = Field(default=4096, gt=0)
    """The longest reply, reasoning included."""

    budget_calls: int | None = Field(default=None, gt=0)
    """Replies that may be paid for, over all restarts; then the run stops. Null: no limit."""
    budget_tokens: int | None = Field(default=None, gt=0)
    """Tokens of prompts and replies likewise."""
    cache_items: int = Field(default=100_000, ge=0)
    """Verdicts remembered, least recently used ones dropped first; 0 remembers none."""

    def endpoints(self) -> list[Endpoint]:
        """One per address."""
        common = {"model": self.model, "role": "both", "concurrency": self.concurrency, "api_key_variable": self.api_key_variable}
        return [Endpoint.model_validate({"url": url, "timeout_seconds": self.request_seconds, **common}) for url in self.urls]

    def sampling(self) -> Sampling:
        """How replies are drawn at first."""
        return Sampling(temperature=self.temperature, top_p=self.top_p, max_tokens=self.reply_tokens)
