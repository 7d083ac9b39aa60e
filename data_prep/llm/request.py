"""`Request` and `Reply`: one question to a language model and its answer."""

from __future__ import annotations

import hashlib
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field


class Sampling(BaseModel):
    """How an answer is drawn; what is None is left to the server's own default, and is not sent."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float | None = Field(default=None, ge=0)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int = Field(default=4096, gt=0)


class Request(BaseModel):
    """One chat completion.

    `role` says which of a run's models answers (`policy` or `judge`); the endpoint that takes the request names the model.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    role: Literal["policy", "judge"]
    prompt: str
    """The whole user message."""
    template: str
    """Name and version of the template that made the prompt, e.g. `judge@1f0c…`."""
    sampling: Sampling = Sampling()

    def digest(self) -> str:
        """Equal for equal requests, in any process."""
        return hashlib.sha256(self.model_dump_json().encode("utf-8", "surrogatepass")).hexdigest()[:32]

    def body(self, model: str) -> dict[str, Any]:
        """The JSON of `POST /v1/chat/completions`."""
        # JSON text cannot carry lone surrogates over UTF-8.
        prompt = self.prompt.encode("utf-8", "replace").decode()
        return {"model": model, "messages": [{"role": "user", "content": prompt}], **self.sampling.model_dump(exclude_none=True)}


class Reply(BaseModel):
    """An answer, as the server gave it; it may be empty or junk."""

    text: str
    finish_reason: str = ""
    model: str = ""
    """The model's name as the server says it."""
    prompt_tokens: int = Field(default=0, ge=0)
    completion_tokens: int = Field(default=0, ge=0)
    counted: bool = True
    """Whether the server said how many tokens were used; if not, both counts are 0."""

    @property
    def tokens(self) -> int:
        return self.prompt_tokens + self.completion_tokens
