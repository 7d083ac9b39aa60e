"""The rows of reward model benchmarks: a preference between answers, and a pool of graded answers to one task."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field


class Preference(BaseModel):
    """Answers to one prompt of which some are better than the others, whatever they are written in."""

    model_config = ConfigDict(extra="forbid")

    id: str
    prompt: str
    chosen: list[str] = Field(min_length=1)
    rejected: list[str] = Field(min_length=1)
    language: str = "python"
    """In small letters; what is not Python is never parsed."""
    programs: bool = False
    """Whether the answers are bare programs."""
    tags: dict[str, str] = {}
    """What figures are reported by, such as `aspect` or `subset`."""


class Graded(BaseModel):
    """One program of a pool, with the truth about it."""

    model_config = ConfigDict(extra="forbid")

    task: str
    part: str = ""
    """The part of the benchmark that it belongs to, reported apart."""
    prompt: str
    answer: str
    grade: float
    """Share of the tests that it passes."""
    rank: float | None = None
    """1 is best; None where only the grade is known."""
    language: str = "python"


@dataclass(frozen=True)
class Item:
    """What a judge scores."""

    prompt: str
    answer: str
    language: str = "python"
    is_program: bool = False
    """Bare, and not an answer that holds one."""
