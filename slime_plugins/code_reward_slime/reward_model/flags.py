"""The options that make slime's `train.py` train a reward model; `python -m code_reward_slime.reward_model.flags FOLDER` prints them.

A word per line, for a launcher's `mapfile -t`. They name the hooks and what follows from the prepared rows; model, optimizer, parallelism
and where to save are the launcher's.
"""

from __future__ import annotations

import math
from pathlib import Path

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run
from code_reward_slime.reward_model.prepare import ROWS

HERE = "code_reward_slime.reward_model"


def flags(folder: Path, *, batch: int, epochs: int) -> list[str]:
    """The options for rows that `prepare` has put into `folder`, in steps of `batch` rows.

    Raises:
        ConfigurationError, DataError: A step of more rows than there are; no prepared rows.
    """
    from code_reward.errors import ConfigurationError
    from code_reward_slime.reward_model.row_file import EncodedRows

    rows = EncodedRows(folder / ROWS)
    if batch > epochs * len(rows):
        raise ConfigurationError(f"A step of {batch} rows is more than {epochs} passes over {len(rows)}; give a smaller batch.")
    sizes = {
        "--num-rollout": math.ceil(epochs * len(rows) / batch),
        "--rollout-batch-size": batch,
        "--global-batch-size": batch,
        "--n-samples-per-prompt": 1,
    }
    return [
        "--debug-train-only",
        "--disable-compute-advantages-and-returns",
        "--disable-rewards-normalization",
        "--disable-rollout-global-dataset",
        *("--prompt-data", str((folder / ROWS).resolve())),
        *("--data-source-path", f"{HERE}.source.RowSource"),
        *("--rollout-function-path", f"{HERE}.source.take_step"),
        *("--custom-rollout-log-function-path", f"{HERE}.source.log_nothing"),
        *("--rollout-data-postprocess-path", f"{HERE}.sequences.{rows.stage}"),
        *("--custom-model-provider-path", f"{HERE}.model.provide"),
        *("--loss-type", "custom_loss", "--custom-loss-function-path", f"{HERE}.losses.{rows.stage}"),
        *(word for name, value in sizes.items() for word in (name, str(value))),
    ]


class Flags(Command):
    """Print the options with which slime's train.py trains a reward model, a word per line."""

    folder: CliPositionalArg[Path]
    """What code_reward_slime.reward_model.prepare has written."""
    batch: int = Field(default=128, ge=1)
    """Rows of a step."""
    epochs: int = Field(default=1, ge=1)
    """Passes over the rows."""


def main(settings: Flags) -> None:
    """Print them."""
    print("\n".join(flags(settings.folder, batch=settings.batch, epochs=settings.epochs)))


if __name__ == "__main__":
    run(Flags, main)
