"""Which problems become prompts: every condition, and the name under which the report counts what fails it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from code_reward.errors import ConfigurationError, DataError
from code_reward.problem import Problem
from data_prep.prompts.decontamination import Benchmarks
from data_prep.sources.records import LEFT_OUT, MISFIT

REASONS = {
    "malformed": "the row is not what its source promises",
    "left_out": "the row is as it should be, and its source has no use for it",
    "duplicate": "the statement occurred before, or did so but for case and white space",
    "too_long": "the statement is longer than --max-characters",
    "no_tests": "there are no tests, and --with-tests asks for them",
    "unwanted": "a column has not the value that --where or --at-least asks for",
    "contaminated": "it shares a run of words with a benchmark's prompt",
    "surplus": "--limit was reached",
}


@dataclass(frozen=True)
class Dropped:
    """A row that did not get in."""

    reason: str
    row: str
    """The problem's id."""
    why: str = ""


@dataclass
class Sieve:
    """Lets problems through one after the other; remembers what it has seen. Raises `DataError` for a file of another form altogether."""

    benchmarks: Benchmarks
    max_characters: int
    with_tests: bool = False
    where: dict[str, str] = field(default_factory=dict)
    at_least: dict[str, float] = field(default_factory=dict)
    _seen: dict[str, str] = field(default_factory=dict)

    def judge(self, problem: Problem | DataError) -> Problem | Dropped:
        """The problem, or why it is dropped: for the first reason that applies."""
        if isinstance(problem, DataError):
            if problem.kind == MISFIT:
                raise problem
            return Dropped("left_out" if problem.kind == LEFT_OUT else "malformed", "?", str(problem))
        return next(self._objections(problem), problem)

    def _objections(self, problem: Problem) -> Iterator[Dropped]:
        if len(problem.statement) > self.max_characters:
            yield Dropped("too_long", problem.id, f"{len(problem.statement)} characters")
        if self.with_tests and not problem.tests:
            yield Dropped("no_tests", problem.id)
        if unmet := _unmet(problem, self.where, self.at_least):
            yield Dropped("unwanted", problem.id, unmet)
        key = " ".join(problem.statement.casefold().split())
        if key in self._seen:
            yield Dropped("duplicate", problem.id, f"of {self._seen[key]}")
        self._seen.setdefault(key, problem.id)
        if overlap := self.benchmarks.find(problem.statement):
            yield Dropped("contaminated", problem.id, str(overlap))


def _unmet(problem: Problem, where: dict[str, str], at_least: dict[str, float]) -> str:
    for column, wanted in where.items():
        if str(_column(problem, column)) != wanted:
            return f"{column} is {_column(problem, column)}"
    for column, least in at_least.items():
        value = _column(problem, column)
        if not isinstance(value, (int, float)):
            raise ConfigurationError(
                f"--at-least {column}: problem {problem.id!r} has {value!r} there, which is no number; name another column."
            )
        if value < least:
            return f"{column} is {value}"
    return ""


def _column(problem: Problem, name: str) -> object:
    columns = {**problem.model_dump(), **(problem.model_extra or {})}
    if name not in columns:
        raise ConfigurationError(f"There is no column {name!r} in problem {problem.id!r}; use one of {', '.join(columns)}.")
    return columns[name]


def choose(problems: Sequence[Problem], count: int | None, seed: int) -> list[Problem]:
    """`count` problems (None: all) in an order that depends on nothing but the seed and the ids."""

    def key(problem: Problem) -> bytes:
        return hashlib.sha256(f"{seed}\0{problem.id}".encode("utf-8", "surrogatepass")).digest()

    return sorted(problems, key=key)[:count]
