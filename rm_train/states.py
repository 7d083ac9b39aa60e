"""Checkpoints of a run: model and optimizer, written by all processes in parts that any number of processes can read again.

A checkpoint is whole when `trainer_state.json` lies in it, which is written last. Kept are the last one and the best.
"""

from __future__ import annotations

import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import torch.distributed.checkpoint as dcp
from torch.distributed.checkpoint.state_dict import (
    StateDictOptions,
    get_model_state_dict,
    get_optimizer_state_dict,
    set_model_state_dict,
    set_optimizer_state_dict,
)
from torch.optim import Optimizer

from code_reward.errors import ConfigurationError
from code_reward.files import write_text
from rm_train.checkpoints import STATE, remove, step_of
from rm_train.heap import give_back
from rm_train.model import RewardModel
from rm_train.processes import Processes

_OPTIONS = StateDictOptions(ignore_frozen_params=True, strict=False)


def save(folder: Path, model: RewardModel, optimizer: Optimizer, state: dict[str, Any], here: Processes, keep: set[int]) -> None:
    """Write the checkpoint `folder`, then remove those of other steps than its own and `keep`.

    Raises `ConfigurationError` if it cannot be written; the one before is then still there.
    """
    if here.first:
        remove(folder)
    here.wait()
    contents = _contents(model, optimizer)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # That one process saves alone is as it should be.
            dcp.save(contents, checkpoint_id=folder, no_dist=here.world == 1)
        if here.first:
            write_text(folder / STATE, json.dumps(state, indent=1))
    except (OSError, dcp.api.CheckpointException) as error:
        shutil.rmtree(folder, ignore_errors=True)
        raise ConfigurationError(f"{folder} cannot be written ({_reason(error)}); make room and give the same command again.") from error
    give_back()
    here.wait()
    if here.first:
        for other in folder.parent.glob("checkpoint-*"):
            if step_of(other) not in {*keep, step_of(folder)}:
                remove(other)


def load(folder: Path, model: RewardModel, optimizer: Optimizer | None, here: Processes) -> dict[str, Any]:
    """Read a checkpoint into a model of the same shape (and its optimizer); gives what was saved as its state.

    Raises `ConfigurationError` if it cannot be read.
    """
    contents = _contents(model, optimizer)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            dcp.load(contents, checkpoint_id=folder, no_dist=here.world == 1)
    except (OSError, dcp.api.CheckpointException) as error:
        raise ConfigurationError(f"{folder} cannot be read ({_reason(error)}); remove it to go on from the one before, if any.") from error
    set_model_state_dict(model, contents["model"], options=_OPTIONS)
    if optimizer is not None:
        set_optimizer_state_dict(model, optimizer, contents["optimizer"], options=_OPTIONS)
    state: dict[str, Any] = json.loads((folder / STATE).read_text(encoding="utf-8"))
    return state


def _contents(model: RewardModel, optimizer: Optimizer | None) -> dict[str, Any]:
    contents = {"model": get_model_state_dict(model, options=_OPTIONS)}
    return contents if optimizer is None else {**contents, "optimizer": get_optimizer_state_dict(model, optimizer, options=_OPTIONS)}


def _reason(error: BaseException) -> str:
    """What is behind an error of the distributed checkpoint, which wraps those of every process."""
    failures = [failure for failure, _ in getattr(error, "failures", {}).values()]
    return str(failures[0] if failures else error).partition("\n")[0]
