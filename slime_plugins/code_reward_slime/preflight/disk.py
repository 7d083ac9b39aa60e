"""Whether checkpoints can be written, and fit."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from code_reward_slime.preflight.row import Row, failed, not_checked, ok
from code_reward_slime.preflight.train_arguments import TrainArguments

TRAINED_BYTES = 14
"""Bytes per parameter of a checkpoint with its optimizer: weights in bfloat16, and master weights and both moments of Adam in float32."""
PLAIN_BYTES = 2
"""Without the optimizer (`--no-save-optim`)."""


def check_disk(arguments: TrainArguments) -> Iterator[Row]:
    """A row for `--save`: whether its folder can be written, and whether two checkpoints fit, the one being written and the last."""
    save = arguments.one("--save")
    if save is None:
        yield failed("disk", "There is no --save, so a preempted run begins anew; give a folder.")
        return
    folder = existing(Path(save).absolute())
    if not folder.is_dir() or not os.access(folder, os.W_OK | os.X_OK):
        yield failed("disk", f"{save} cannot be made or written; give --save a folder that you may write.")
        return
    free, needed = shutil.disk_usage(folder).free, _checkpoint_bytes(arguments)
    if needed is None:
        yield not_checked(
            "disk", f"{_gigabytes(free)} are free at {save}; a checkpoint's size is not known without --hf-checkpoint's weights"
        )
    elif free < 2 * needed:
        yield failed("disk", f"{_gigabytes(free)} are free at {save}, two checkpoints need {_gigabytes(2 * needed)}; name another disk.")
    else:
        yield ok("disk", f"{_gigabytes(free)} are free at {save}, a checkpoint needs about {_gigabytes(needed)}")


def existing(path: Path) -> Path:
    """The path, or its nearest parent that exists."""
    return next(parent for parent in (path, *path.parents) if parent.exists())


def _checkpoint_bytes(arguments: TrainArguments) -> int | None:
    weights = sum(file.stat().st_size for file in Path(arguments.one("--hf-checkpoint") or "").glob("*.safetensors"))
    each = PLAIN_BYTES if arguments.has("--no-save-optim") else TRAINED_BYTES
    # Published checkpoints hold bfloat16: two bytes a parameter.
    return weights // 2 * each or None


def _gigabytes(size: int) -> str:
    return f"{size / 1e9:.3g} GB"
