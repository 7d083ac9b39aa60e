"""`Judgement`: what a judge says of one program, and the protocol of those who say it."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, Field

from code_reward.errors import JudgeError
from code_reward.problem import Problem
from data_prep.llm import Scope

RIGHT = 0.8
"""Correctness from which a judge says right: 4 of 5."""


class Unparsable(JudgeError):
    """A vote that could not be read however often it was asked for; `replies` is how many replies could not be read."""

    kind = "unparsable"

    def __init__(self, message: str, replies: int) -> None:
        super().__init__(message)
        self.replies = replies


class Vote(BaseModel):
    """One reading of one program."""

    correctness: float = Field(ge=0, le=1)
    style: float | None = Field(default=None, ge=0, le=1)
    words: str = ""


class Judgement(BaseModel):
    """What is said of one program."""

    correctness: float = Field(ge=0, le=1)
    """What search backs up: the votes' median, or what a comparison of results makes likely."""
    style: float | None = Field(default=None, ge=0, le=1)
    """Never part of `correctness`; None from a judge that does not look at it, or cannot tell the two apart."""
    agreement: float = Field(default=1.0, ge=0, le=1)
    """The share of votes on the majority's side of right and wrong."""
    words: str = ""
    """Why."""
    evidence: str = ""
    """The trace or log that was looked at."""
    votes: list[Vote] = []
    share: float | None = Field(default=None, ge=0, le=1)
    """The share of judging inputs on which the program does what the reference does."""
    failure: str = ""
    """How the program failed, as the sandbox calls it; empty if it did not, or if nobody knows."""
    junk: int = Field(default=0, ge=0)
    """Replies that could not be read, and were asked for again."""
    template: str = ""
    """Name and version of the prompt."""


class Bench(Protocol):
    """A judge with one problem before it."""

    async def judge(self, program: str, suffix: str, scope: Scope) -> Judgement:
        """Judge a whole program.

        Args:
            program: Definitions, without code that only shows their use.
            suffix: Such code, which stood after it; often empty.
            scope: Remembers calls and runs.

        Raises:
            JudgeError: No readable judgement could be had.
            LLMError: No answer could be had.
            SandboxError: The sandbox failed.
        """
        ...


class Judge(Protocol):
    """Opens problems for judging."""

    async def open(self, problem: Problem, scope: Scope) -> Bench:
        """Prepare what all judgements of the problem share; raises `DataError` for a problem that this judge cannot judge."""
        ...
