"""slime for tests: the real one if SLIME_ROOT names a checkout, else a stand-in with the few modules that the hooks touch.

Of the real one, third-party packages that are not installed here (Ray, W&B, …) are replaced by empty shells, which is enough for slime's
own code on the way of a reward. The stand-in knows only what is written in this file: it cannot notice a change of slime.
"""

from __future__ import annotations

import importlib.abc
import importlib.machinery
import importlib.util
import json
import os
import pkgutil
import random
import sys
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from types import ModuleType
from typing import Any
from unittest.mock import MagicMock

ROOT = os.environ.get("SLIME_ROOT")

MAY_BE_ABSENT = ("megatron", "numba", "omegaconf", "pybase64", "pylatexenc", "qwen_vl_utils", "ray", "requests", "sglang")
MAY_BE_ABSENT += ("sglang_router", "urllib3", "wandb")


class _Shell(ModuleType):
    """A package that is not installed: everything that one takes from it is a mock."""

    __path__: list[str] = []  # noqa: RUF012

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return MagicMock(name=f"{self.__name__}.{name}")


class _Shells(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, names: set[str]) -> None:
        self.names = names

    def find_spec(self, fullname: str, path: Any = None, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname.split(".")[0] not in self.names:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, is_package=True)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType:
        return _Shell(spec.name)

    def exec_module(self, module: ModuleType) -> None:
        if module.__name__ == "ray":
            module.remote = lambda *given, **options: given[0] if given else lambda cls: cls  # type: ignore[attr-defined]


def install_shells() -> set[str]:
    """Make packages that are not installed importable; says which."""
    absent = {name for name in MAY_BE_ABSENT if importlib.util.find_spec(name) is None}
    sys.meta_path.append(_Shells(absent))
    return absent


def install() -> bool:
    """Make `slime` importable; whether it is the real one."""
    if ROOT:
        install_shells()
        # At the end: slime's checkout has packages `tests` and `tools` too.
        sys.path.append(ROOT)
        return True
    for name, names in STAND_IN.items():
        module = ModuleType(name)
        vars(module).update(names)
        sys.modules[name] = module
        parent, _, child = name.rpartition(".")
        if parent:
            setattr(sys.modules[parent], child, module)
    return False


# The stand-in. Written after what slime's code does with these, not copied from it.


@dataclass
class Sample:
    """The attributes of slime's Sample that rewards, filters and advantages read and write."""

    class Status(Enum):
        PENDING = "pending"
        COMPLETED = "completed"
        TRUNCATED = "truncated"
        ABORTED = "aborted"
        FAILED = "failed"

    group_index: int | None = None
    index: int | None = None
    rollout_id: int | None = None
    prompt: Any = ""
    tokens: list[int] = field(default_factory=list)
    response: str = ""
    response_length: int = 0
    label: str | None = None
    reward: Any = None
    loss_mask: list[int] | None = None
    remove_sample: bool = False
    status: Status = Status.PENDING
    metadata: dict[str, Any] = field(default_factory=dict)


@dataclass
class DynamicFilterOutput:
    keep: bool
    reason: str | None = None
    keep_when_insufficient: bool = False


class GenerateState:
    _instances: dict[type, Any] = {}  # noqa: RUF012


class _Dataset:
    def __init__(self, path: str, seed: int) -> None:
        rows = [json.loads(line) for line in Path(path).read_text().splitlines()]
        self.origin_samples = self.samples = [Sample(prompt=row["text"], metadata=row.get("metadata") or {}) for row in rows]
        self.seed = seed

    def __len__(self) -> int:
        return len(self.samples)

    def shuffle(self, epoch: int) -> None:
        self.samples = random.Random(self.seed + epoch).sample(self.origin_samples, len(self.origin_samples))


class RolloutDataSourceWithBuffer:
    """Prompts in order, epoch after epoch, as groups of fresh samples; groups that came back go first."""

    def __init__(self, args: Any) -> None:
        self.args = args
        self.dataset = _Dataset(args.prompt_data, args.rollout_seed) if args.rollout_global_dataset else None
        self._shuffle(0)
        self.sample_offset = self.epoch_id = self.sample_group_index = self.sample_index = 0
        self.metadata: dict[str, Any] = {}
        self.buffer: list[list[Sample]] = []

    def __len__(self) -> int:
        return len(self.dataset) if self.dataset else 0

    def _shuffle(self, epoch: int) -> None:
        if self.dataset and self.args.rollout_shuffle:
            self.dataset.shuffle(epoch)

    def get_buffer_length(self) -> int:
        return len(self.buffer)

    def add_samples(self, samples: list[list[Sample]]) -> None:
        self.buffer += samples

    def get_samples(self, num_samples: int) -> list[list[Sample]]:
        groups, self.buffer[:num_samples] = self.buffer[:num_samples], []
        while len(groups) < num_samples:
            groups.append(self._fresh_group())
        return groups

    def _fresh_group(self) -> list[Sample]:
        row = Sample()
        if self.dataset:
            if self.sample_offset == len(self.dataset):
                self.sample_offset, self.epoch_id = 0, self.epoch_id + 1
                self._shuffle(self.epoch_id)
            row = self.dataset.samples[self.sample_offset]
            self.sample_offset += 1
        group = []
        for _ in range(self.args.n_samples_per_prompt):
            place = {"group_index": self.sample_group_index, "index": self.sample_index}
            group.append(Sample(prompt=row.prompt, metadata=dict(row.metadata), **place))
            self.sample_index += 1
        self.sample_group_index += 1
        return group


STAND_IN: dict[str, dict[str, Any]] = {
    "slime": {"__path__": []},
    "slime.utils": {"__path__": []},
    "slime.utils.types": {"Sample": Sample},
    "slime.utils.misc": {"load_function": pkgutil.resolve_name},
    "slime.rollout": {"__path__": []},
    "slime.rollout.data_source": {"RolloutDataSourceWithBuffer": RolloutDataSourceWithBuffer},
    "slime.rollout.sglang_rollout": {"GenerateState": GenerateState},
    "slime.rollout.filter_hub": {"__path__": []},
    "slime.rollout.filter_hub.base_types": {"DynamicFilterOutput": DynamicFilterOutput},
    "slime.observability": {"__path__": []},
    "slime.observability.metric_utils": {"compute_rollout_step": lambda args, rollout_id: rollout_id},
    "slime.observability.logging_utils": {"log": lambda args, metrics, step_key: None},
}
