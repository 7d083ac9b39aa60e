"""`Question` and `Answer`: what a benchmark asks a policy and what came back, whoever is asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


@dataclass(frozen=True)
class Message:
    """One turn of a conversation."""

    role: Literal["system", "user"]
    content: str


@dataclass(frozen=True)
class Question:
    """One task of a benchmark as a policy is asked it.

    Args:
        task_id: The benchmark's own name of the task.
        messages: The conversation before the answer, where the model is ours.
        bare: What the publisher's own client asks an endpoint, where that is not the same.
        prefill: How the assistant's turn begins, where the model is ours to continue; an endpoint is not told.
        stops: Texts before which the answer ends; only for a turn that was begun with `prefill`.
        completion: What a model without a chat template continues; empty where the benchmark has no such form.
        completion_stops: Texts before which that continuation ends.
    """

    task_id: str
    messages: tuple[Message, ...]
    bare: tuple[Message, ...] = ()
    prefill: str = ""
    stops: tuple[str, ...] = ()
    completion: str = ""
    completion_stops: tuple[str, ...] = ()


class Sampling(BaseModel):
    """How answers are drawn."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    temperature: float = Field(default=0.0, ge=0)
    """0 is greedy."""
    top_p: float = Field(default=0.95, gt=0, le=1)
    """Only where the temperature is not 0."""
    max_tokens: int = Field(default=768, gt=0)
    seed: int = 0


class Answer(BaseModel):
    """What a policy wrote."""

    text: str
    """Up to a stop text, without it and without special tokens."""
    reasoning: str = ""
    """What an endpoint tells apart from it."""
    form: Literal["chat", "prefilled", "completion"]
    """Whether it is a whole answer, goes on after the question's `prefill`, or after its `completion`."""
    cut: bool
    """Whether the token limit ended it."""
    tokens: int = Field(ge=0)
    """Of the answer; 0 from an endpoint that does not count."""
    prompt_tokens: int = Field(default=0, ge=0)
