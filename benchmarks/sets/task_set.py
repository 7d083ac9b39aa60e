"""`TaskSet`: one benchmark of policies, as its publisher asks and judges it."""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.referees.environment import Environment
from benchmarks.sampling.question import Answer, Question
from benchmarks.verdicts import Judged
from code_reward.errors import ConfigurationError

Row = dict[str, Any]
"""A task as it is published."""

Key = tuple[str, int]
"""Task and number of the sample."""


@dataclass(frozen=True)
class Origin:
    """Where a benchmark's file comes from.

    Args:
        variable: The variable of the environment that may name it, as its publisher's own package reads it.
        usual_place: Where it is below the folder that `CODE_REWARD_DATA` names.
        fetch: What a person types to get it by its publisher's or the hub's own client.
        cache: Where that client has then put it, below the user's folder of caches; empty where --NAME-file must name it.
    """

    variable: str
    usual_place: str
    fetch: str
    cache: str = ""

    def places(self) -> list[Path]:
        """Where the file may be, without anybody naming it."""
        places = [Path(os.environ["CODE_REWARD_DATA"]) / self.usual_place] if os.environ.get("CODE_REWARD_DATA") else []
        caches = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
        return [*places, caches / self.cache] if self.cache else places


@dataclass(frozen=True)
class Bench:
    """Where answers are judged.

    Args:
        folder: Of the set's own files.
        environment: That of the published referees; None where our sandbox alone judges.
        sandbox: Address of a sandbox server; None for this machine's own.
    """

    folder: Path
    environment: Environment | None
    sandbox: str | None


class TaskSet(ABC):
    """A benchmark.

    Args:
        name: As `--sets` names it.
        columns: The columns of the table that its answers fill.
        origin: Where its file comes from.
        max_tokens: The publisher's limit of an answer without reasoning.
    """

    needs_referee = False
    """Whether our sandbox alone cannot judge it."""

    def __init__(self, name: str, columns: Sequence[str], origin: Origin, max_tokens: int) -> None:
        self.name, self.columns, self.max_tokens = name, tuple(columns), max_tokens
        self._origin = origin
        self.notes: dict[str, str] = {}
        """What judging found that the report's header must tell."""

    def find_file(self, given: Path | None) -> Path:
        """The published file: as given, else where the environment says or its publisher's client has put it; raises
        `ConfigurationError` that says how to get it."""
        named = given or os.environ.get(self._origin.variable)
        if named:
            return Path(named)
        found = next((place for place in self._origin.places() if place.exists()), None)
        if found is not None:
            return found
        raise ConfigurationError(
            f"No file for the set {self.name}; fetch it ({self._origin.fetch}), or name yours with "
            f"--{self.name.replace('_', '-')}-file or in {self._origin.variable}."
        )

    @abstractmethod
    def read(self, path: Path) -> dict[str, Row]:
        """The published tasks by id, in the published order; raises `DataError`."""

    def select(self, tasks: dict[str, Row], window: str | None) -> dict[str, Row]:
        """The tasks that are asked; only LiveCodeBench's have days."""
        return tasks

    @abstractmethod
    def ask(self, task: Row) -> Question:
        """The publisher's question of a task."""

    @abstractmethod
    def judge(self, bench: Bench, tasks: Mapping[str, Row], answers: Mapping[Key, Answer]) -> list[Judged]:
        """What the referee and the sandbox say of every answer."""

    @abstractmethod
    def referee(self) -> tuple[str, str]:
        """The package of the published referee, and the version that is the referee of record."""
