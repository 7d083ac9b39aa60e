"""`Policy`: who writes programs; `LLMPolicy`: a language model that does."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random
from typing import Protocol

from code_reward.errors import CodeRewardError, DataError
from code_reward.extraction import extract_code
from code_reward.problem import Problem
from data_prep.llm import Asker, Request, Scope
from data_prep.llm.asking import ask
from data_prep.llm.prompt import prompt
from data_prep.llm.request import Sampling
from data_prep.search.recipe import Recipe
from data_prep.search.segments import Parts, Segment, split_program


class PolicyError(CodeRewardError):
    """The policy was asked as often as allowed and gave no usable program; `.junk` says how often."""

    kind = "no_program"

    def __init__(self, message: str, junk: int) -> None:
        super().__init__(message)
        self.junk = junk


@dataclass(frozen=True)
class Attempt:
    """An earlier program, what it did and what the judge said: what a policy reflects on."""

    program: str
    trace: str
    review: str


@dataclass(frozen=True)
class Draft:
    """A whole program that begins with the prefix that was asked for."""

    parts: Parts
    response: str
    template: str
    junk: int = 0
    """Replies before it that were of no use."""


class Policy(Protocol):
    """Writes whole programs."""

    async def write(
        self, problem: Problem, prefix: tuple[Segment, ...], attempt: Attempt | None, scope: Scope, draw: Random, *, first: bool
    ) -> Draft:
        """Write a program that begins with `prefix`.

        Args:
            problem: What is asked.
            prefix: What the program begins with; empty for a program from scratch.
            attempt: An earlier program with that prefix to do better than.
            scope: Remembers calls.
            draw: The only source of chance of a policy that draws for itself.
            first: Whether this is the tree's initial program.

        Raises:
            PolicyError: No usable program came.
            LLMError: No answer could be had.
        """
        ...


class LLMPolicy:
    """A language model writes.

    Args:
        asker: Answers the role `policy`.
        recipe: Where segments end, whether programs are to print, how often to ask.
        sampling: How replies are drawn.
    """

    def __init__(self, asker: Asker, recipe: Recipe, sampling: Sampling | None = None) -> None:
        self._asker = asker
        self._recipe = recipe
        self._sampling = sampling or Sampling()

    async def write(
        self, problem: Problem, prefix: tuple[Segment, ...], attempt: Attempt | None, scope: Scope, draw: Random, *, first: bool
    ) -> Draft:
        """See `Policy.write`. With recipe `prints` the initial program is the reference solution, rewritten with prints, as published."""
        request = self._request(problem, prefix, attempt, first)
        last: CodeRewardError | None = None
        replies: set[str] = set()
        for junk in range(self._recipe.attempts):
            reply = await ask(self._asker, scope, request)
            try:
                parts = read_program(reply.text, problem, prefix, self._recipe)
                return Draft(parts, reply.text, request.template, junk)
            except DataError as error:
                last = error
                replies.add(reply.text)
        same = self._recipe.attempts > 1 and len(replies) == 1
        said = ", all of them the same (asking again is no use where the server draws nothing: give --temperature)" if same else ""
        raise PolicyError(f"The policy gave no usable program in {self._recipe.attempts} replies{said}: {last}", self._recipe.attempts)

    def _request(self, problem: Problem, prefix: tuple[Segment, ...], attempt: Attempt | None, first: bool) -> Request:
        prints = self._recipe.segments == "prints"
        if first and prints and problem.reference_solution:
            values = {"statement": problem.statement, "program": problem.reference_solution}
            return prompt("rewrite").request("policy", self._sampling, **values)
        return prompt("continue" if prefix else "start").request(
            "policy",
            self._sampling,
            statement=problem.statement,
            entry_point=problem.entry_point,
            starter_code=problem.starter_code,
            prefix="\n".join(segment.text for segment in prefix),
            prints=prints,
            attempt=attempt,
        )


def read_program(reply: str, problem: Problem, prefix: tuple[Segment, ...], recipe: Recipe) -> Parts:
    """The program of a reply, in segments; raises `DataError` for a reply without one that begins with `prefix`."""
    # The published search wants exactly one block.
    extraction = extract_code(reply, policy="strict" if recipe.segments == "prints" else "last", entry_point=problem.entry_point)
    if extraction.code is None:
        raise DataError(f"The reply has no usable program ({extraction.reason}).", kind=extraction.reason)
    return split_program(extraction.code, recipe.segments, prefix)
