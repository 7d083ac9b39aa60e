"""The benchmarks of policies: what each asks, and which columns of the table it fills."""

from __future__ import annotations

from benchmarks.sets.bigcodebench import BIGCODEBENCH
from benchmarks.sets.evalplus import HUMANEVAL, MBPP
from benchmarks.sets.livecodebench import LIVECODEBENCH
from benchmarks.sets.task_set import TaskSet
from code_reward.errors import ConfigurationError

SETS: dict[str, TaskSet] = {"humaneval": HUMANEVAL, "mbpp": MBPP, "lcb": LIVECODEBENCH, "bcb_hard": BIGCODEBENCH}


def find_set(name: str) -> TaskSet:
    """The set of that name; raises `ConfigurationError`."""
    if name not in SETS:
        raise ConfigurationError(f"There is no set {name!r}; use one or more of {', '.join(SETS)}.", kind="unknown_name")
    return SETS[name]
