"""`OfflinePolicy`: writes programs without any language model: the reference solution, whole or with mistakes in it.

The whole search runs on it, and is tested with it. A program from scratch is the reference or a mutant of it; a program for a prefix is any
known program with that prefix, or what becomes of a known one when mistakes are made after the prefix. So a prefix that is still right can
be completed rightly, and one with a mistake in it only if the mistake does no harm, as it is with a language model.
"""

from __future__ import annotations

from functools import lru_cache
from random import Random

from code_reward.errors import DataError
from code_reward.problem import Problem
from data_prep.llm import Scope
from data_prep.mutants import mutants, mutate, normalise
from data_prep.search.policy import Attempt, Draft, PolicyError
from data_prep.search.recipe import Recipe
from data_prep.search.segments import Parts, Segment, split_program

_TRIES = 40


class OfflinePolicy:
    """Draws from the reference solution and its mutants.

    Args:
        recipe: Where segments end.
        skill (`float`, *optional*, defaults to 0.4): The chance that the reference is given where it fits.
        pool (`int`, *optional*, defaults to 32): Mutants of one problem that are known beforehand.
    """

    def __init__(self, recipe: Recipe, *, skill: float = 0.4, pool: int = 32) -> None:
        self._recipe = recipe
        self._skill = skill
        self._pool = lru_cache(maxsize=256)(lambda program: _make_pool(program, pool))

    async def write(
        self, problem: Problem, prefix: tuple[Segment, ...], attempt: Attempt | None, scope: Scope, draw: Random, *, first: bool
    ) -> Draft:
        """See `Policy.write`. Shown an attempt, it does not give the same program again if it knows another.

        Raises:
            DataError: The problem has no reference solution that can be mutated.
        """
        if problem.reference_solution is None:
            raise DataError(f"Problem {problem.id!r} has no reference solution, which the offline policy writes from.", kind="no_reference")
        pool = self._pool(problem.reference_solution)
        fitting = [(program, parts) for program in pool if (parts := self._fit(program, prefix)) is not None]
        best = [one for one in fitting if one[0] == pool[0]]
        others = [one for one in fitting if attempt is None or one[1].program != attempt.program] or fitting
        if best and draw.random() < self._skill:
            return _draft(*best[0])
        found = self._change(prefix, draw.choice(others)[0], draw) if others and draw.random() < 0.5 else None
        if found is None and others:
            found = draw.choice(others)
        found = found or self._graft(prefix, pool, draw)
        if found is None:
            raise PolicyError("No known program goes on from this prefix.", junk=0)
        return _draft(*found)

    def _fit(self, program: str, prefix: tuple[Segment, ...]) -> Parts | None:
        try:
            return split_program(program, self._recipe.segments, prefix)
        except DataError:
            return None

    def _change(self, prefix: tuple[Segment, ...], program: str, draw: Random) -> tuple[str, Parts] | None:
        """A mutant whose changes lie after the prefix."""
        for _ in range(_TRIES if prefix else 1):
            mutant = mutate(program, draw)
            parts = self._fit(mutant.program, prefix) if mutant else None
            if mutant and parts:
                return mutant.program, parts
        return None

    def _graft(self, prefix: tuple[Segment, ...], pool: tuple[str, ...], draw: Random) -> tuple[str, Parts] | None:
        """The prefix with the end of a known program, cut where both have as many lines."""
        lines = [line for segment in prefix for line in segment.text.split("\n")]
        for program in draw.sample(pool, len(pool)):
            whole = "\n".join(lines + program.split("\n")[len(lines) :])
            parts = self._fit(whole, prefix)
            if parts is not None:
                return whole, parts
        return None


def _make_pool(reference: str, size: int) -> tuple[str, ...]:
    """The reference, normalised so that its format does not tell it from its mutants, and some of these."""
    written = normalise(reference)
    if written is None:
        raise DataError("The reference solution cannot be written again from its syntax tree; leave the problem out.", kind="untraceable")
    return (written, *(mutant.program for mutant in mutants(written, size, seed=0)))


def _draft(program: str, parts: Parts) -> Draft:
    return Draft(parts, f"```python\n{program}\n```", "offline@1")
