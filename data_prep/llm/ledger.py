"""`Ledger`: what was paid for, once and for ever: every finished call of a run, on disk before anybody sees its answer.

A call is known by its *scope* (a rollout of a tree), its digest (what was asked) and its occurrence number (the how-many-th time the scope
asked just this); so a run that is repeated asks the same questions in the same scopes and is given the same answers, in whatever order its
scopes run. Answers of scopes that are over are not held in memory. Sandbox runs are kept likewise: a program may print something else
when run again, and the next question would then be another one. Failures are kept for replays alone: a scope that is entered again asks
again where a server or the sandbox failed. (A rollout that ended with a server's failure is over and is not entered again.)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from code_reward.errors import CodeRewardError, ConfigurationError, SandboxError
from code_reward.journal import Appender, read_lines
from data_prep.llm.budget import Budget
from data_prep.llm.errors import TRANSIENT, LLMError, RunStopped
from data_prep.llm.request import Reply

Record = dict[str, Any]

_FAILURES: dict[str, type[CodeRewardError]] = {failure.__name__: failure for failure in (LLMError, SandboxError)}


class Ledger:
    """Finished calls, appended to one file by one process; a context manager.

    Args:
        path (`Path`): The file, made if absent.
        budget (`Budget`, *optional*): Is told what earlier runs have spent.
        wanted (`Callable[[str], bool]`, *optional*): Which scopes of an earlier run may still ask; the others' records are not loaded.
        replay (`bool`, *optional*): Answer from the file alone: a question that it has no answer to is `RunStopped`, kind `not_recorded`.

    Raises:
        DataError: A line of the file is not a record.
    """

    def __init__(
        self, path: str | Path, budget: Budget | None = None, wanted: Callable[[str], bool] = lambda scope: True, replay: bool = False
    ) -> None:
        self._replay = replay
        self._scopes: dict[str, dict[str, Record]] = {}
        for line in read_lines(Path(path)):
            # Sandbox runs are in the ledger too, under keys with a dash; only replies have a text and no failure.
            if budget is not None and "text" in line["value"] and "-" not in line["key"]:
                budget.add(Reply.model_validate(line["value"]))
            if wanted(line["scope"]):
                self._scopes.setdefault(line["scope"], {})[line["key"]] = line["value"]
        self._file = Appender(path)

    def __enter__(self) -> Ledger:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Force everything to the disk and close."""
        self._file.close()

    def scope(self, name: str, urgency: float = 0.0) -> Scope:
        """The scope of that name, its counts at zero; see `Asker.ask` for `urgency`."""
        return Scope(name, self, urgency)

    def forget(self, name: str) -> None:
        """This scope will not ask again in this process."""
        self._scopes.pop(name, None)

    def find(self, scope: str, key: str) -> Record | None:
        """What is recorded, failures of ours only in a replay; raises `RunStopped` for what a replay does not have."""
        found = self._scopes.get(scope, {}).get(key)
        if self._replay:
            if found is None:
                raise RunStopped(
                    f"The recording has no answer to {key} in {scope}; replay with the settings of its run.", kind="not_recorded"
                )
            return found
        return None if found is None or _is_ours(found) else found

    def write(self, scope: str, key: str, value: Record) -> None:
        self._file.append({"scope": scope, "key": key, "value": value})


class Unkept(Ledger):
    """A ledger without a file, which remembers nothing: for those who keep what came of the answers."""

    def __init__(self) -> None:
        """Nothing is opened."""

    def close(self) -> None:
        """Nothing is closed."""

    def find(self, scope: str, key: str) -> Record | None:
        """Nothing is found."""
        return None

    def write(self, scope: str, key: str, value: Record) -> None:
        """Nothing is written."""


def _is_ours(record: Record) -> bool:
    """Whether a record is of a failure that says nothing of what was asked."""
    return "failed" in record and (record["failed"] == SandboxError.__name__ or record["kind"] in TRANSIENT)


class Scope:
    """One rollout's view of a ledger: counts how often it asked each thing. Ask in a fixed order."""

    def __init__(self, name: str, ledger: Ledger, urgency: float = 0.0) -> None:
        self.name = name
        self.urgency = urgency
        self._ledger = ledger
        self._occurrences: Counter[str] = Counter()

    def once(self, digest: str, produce: Callable[[], Awaitable[Record]]) -> Awaitable[Record]:
        """The recorded value of this occurrence of `digest`, or a new one from `produce`, recorded; its failure likewise.

        The occurrence is counted when this is called, not when it is awaited: several may be awaited together.
        """
        key = f"{digest}/{self._occurrences[digest]}"
        self._occurrences[digest] += 1
        return self._once(key, produce)

    async def _once(self, key: str, produce: Callable[[], Awaitable[Record]]) -> Record:
        found = self._ledger.find(self.name, key)
        if found is None:
            found = await self._produce(key, produce)
        if "failed" in found:
            raise _FAILURES[found["failed"]](found["message"], kind=found["kind"])
        return found

    async def _produce(self, key: str, produce: Callable[[], Awaitable[Record]]) -> Record:
        try:
            value = await produce()
        except (RunStopped, ConfigurationError):
            raise
        except tuple(_FAILURES.values()) as error:
            # A failure is an outcome too: a replay must fail where its run failed.
            value = {"failed": type(error).__name__, "kind": error.kind, "message": str(error)}
        self._ledger.write(self.name, key, value)
        return value
