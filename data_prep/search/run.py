"""A search over many problems: one process, one folder, many trees at once, resumable after a kill at any moment.

The folder holds `setup.json` (what the run is), `calls.jsonl` (finished calls and sandbox runs), `rollouts.jsonl` (finished rollouts) and
`trees.jsonl` (finished trees), all append-only. In memory are only the trees under way.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from code_reward.errors import ConfigurationError, DataError, SandboxError
from code_reward.files import write_text
from code_reward.journal import Appender, read_lines
from code_reward.problem import Problem
from data_prep.judges import Judge
from data_prep.llm import Budget, Ledger
from data_prep.llm.prompt import FOLDER, prompt
from data_prep.llm.request import Sampling
from data_prep.search.grow import grow
from data_prep.search.parts import begun_parts
from data_prep.search.policy import Policy
from data_prep.search.recipe import Recipe
from data_prep.search.records import RolloutRecord, TreeRecord
from data_prep.together import work_off

Done = Callable[[TreeRecord], None]
log = logging.getLogger(__name__)

# So many trees in a row on which the sandbox failed: it is down, and the policy would be paid for programs that nobody runs.
GIVE_UP = 8


class Setup(BaseModel):
    """What makes two runs the same run; a folder is only continued with the setup that it was begun with."""

    recipe: Recipe
    policy: str
    judge: str
    models: list[str] = []
    """Names of the language models, with their roles."""
    sampling: Sampling | None = None
    """How their replies are drawn."""
    seed: int = 0
    prompts: list[str] = []
    """The versions of all prompt templates."""


def all_prompts() -> list[str]:
    """The versions of our templates, sorted."""
    return sorted(prompt(path.stem).version for path in FOLDER.glob("*.jinja"))


@dataclass
class Past:
    """What an earlier run left: finished trees, and the finished rollouts of others."""

    finished: set[str] = field(default_factory=set)
    rollouts: dict[str, dict[int, RolloutRecord]] = field(default_factory=dict)

    def wants(self, scope: str) -> bool:
        """Whether a scope of the ledger may still ask."""
        problem_id, _, part = scope.rpartition("#")
        if problem_id in self.finished:
            return False
        return part == "open" or int(part) not in self.rollouts.get(problem_id, {})


class Run:
    """A run's folder, open for writing by this process alone; a context manager.

    Args:
        folder: Made if absent.
        setup: What the run is.
        budget: Is told what earlier runs in this folder have spent.
        replay: Answer calls from the record alone.

    Raises:
        ConfigurationError: The folder was begun with another setup, or another process is writing to it.
    """

    def __init__(self, folder: Path, setup: Setup, budget: Budget | None = None, replay: bool = False) -> None:
        self._setup = setup
        _check_setup(folder / "setup.json", setup)
        # Opened first: they are also the lock.
        self._rollouts = Appender(folder / "rollouts.jsonl")
        self._trees = Appender(folder / "trees.jsonl")
        self._past = _read_past(folder)
        self._left: list[str] = []
        self._left_in_a_row = 0
        self._ledger = Ledger(folder / "calls.jsonl", budget, self._past.wants, replay)

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *_: object) -> None:
        with ExitStack() as stack:
            for file in (self._ledger, self._trees, self._rollouts):
                stack.callback(file.close)

    @property
    def finished(self) -> int:
        """Trees that are finished."""
        return len(self._past.finished)

    async def grow_all(
        self, problems: Iterable[Problem], policy: Policy, judge: Judge, *, at_once: int = 64, done: Done | None = None
    ) -> None:
        """Grow the trees of all problems that have none yet, `at_once` at a time; `done` is called with each.

        Raises:
            RunStopped: No later call will be answered either. Trees under way are left for another time.
            SandboxError: The sandbox failed on some trees, which are left for another time, or on many in a row, which ends the run.
        """
        await work_off(self._unfinished(problems), lambda problem: self._grow_or_leave(problem, policy, judge, done), at_once)
        if self._left:
            raise SandboxError(
                f"The sandbox failed on {len(self._left)} trees, such as that of {self._left[0]}; they are left unfinished: mend it and "
                "give the same command again, or go on with the trees that are finished."
            )

    async def _grow_or_leave(self, problem: Problem, policy: Policy, judge: Judge, done: Done | None) -> None:
        try:
            await self._grow(problem, policy, judge, done)
        except SandboxError as error:
            self._left.append(f"{problem.id!r} ({error})")
            self._left_in_a_row += 1
            if self._left_in_a_row >= GIVE_UP:
                said = f"The sandbox failed on {GIVE_UP} trees in a row ({error}); mend it and give the same command again."
                raise SandboxError(said) from error
            log.warning("The tree of %s is left unfinished: %s", problem.id, error)

    async def _grow(self, problem: Problem, policy: Policy, judge: Judge, done: Done | None) -> None:
        tree = await grow(
            problem,
            policy,
            judge,
            self._setup.recipe,
            self._ledger,
            seed=self._setup.seed,
            known=self._past.rollouts.pop(problem.id, None),
            keep=self._keep,
        )
        self._trees.append(tree.model_dump(mode="json", exclude_defaults=True))
        self._past.finished.add(problem.id)
        if done is not None:
            done(tree)

    def _keep(self, record: RolloutRecord) -> None:
        self._rollouts.append(record.model_dump(mode="json", exclude_defaults=True))
        if record.judgement is not None:
            self._left_in_a_row = 0

    def _unfinished(self, problems: Iterable[Problem]) -> Iterator[Problem]:
        seen: set[str] = set()
        for problem in problems:
            if problem.id in seen:
                raise DataError(f"Two problems have the id {problem.id!r}; give each its own.")
            seen.add(problem.id)
            if problem.id not in self._past.finished:
                yield problem


def read_trees(folder: str | Path) -> Iterator[TreeRecord]:
    """The finished trees of a run, or of all its shards, one at a time; raises `DataError` where there is no run, or more than one."""
    folder = Path(folder)
    begun_parts(folder)
    files = sorted([*folder.glob("trees.jsonl"), *folder.glob("shard-*/trees.jsonl")])
    if not files:
        raise DataError(f"{folder} is no folder of a search; give the one that was its --out.", kind="no_such_file")
    for path in files:
        yield from (TreeRecord.model_validate(line) for line in read_lines(path))


def _check_setup(path: Path, setup: Setup) -> None:
    text = setup.model_dump_json(indent=1)
    if not path.exists():
        write_text(path, text)
    elif path.read_text(encoding="utf-8") != text:
        old: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name, value in json.loads(text).items() if old.get(name) != value]
        raise ConfigurationError(f"{path.parent} was begun with another {', '.join(changed)}; use the same, or another folder.")


def _read_past(folder: Path) -> Past:
    past = Past()
    for line in read_lines(folder / "trees.jsonl"):
        past.finished.add(line["problem_id"])
    for line in read_lines(folder / "rollouts.jsonl"):
        if line["problem_id"] not in past.finished:
            record = RolloutRecord.model_validate(line)
            past.rollouts.setdefault(record.problem_id, {})[record.number] = record
    return past
