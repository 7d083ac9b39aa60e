"""Supervised training of a policy on programs: `python -m code_reward_trl.sft`.

Reads rows with a statement and a program (`code_reward.reward_data.LabelledProgram`), right ones and wrong ones alike: a policy that has
seen both starts where reinforcement learning has something to choose from. Interrupted, it goes on from its last checkpoint.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import Field

from code_reward.cli import Command, run

if TYPE_CHECKING:
    from trl import SFTTrainer


class Sft(Command):
    """Teach a policy to write programs from (statement, program) rows."""

    data: Path
    """Rows with a statement and a program (JSONL or parquet)."""
    out: Path
    """Folder for the trained policy."""
    init: Path | None = None
    """Policy to start from; without it one is made from scratch with --tokenizer."""
    tokenizer: Path | None = None
    """Tokenizer folder of a policy made from scratch."""
    hidden: int = 96
    """Width of a policy made from scratch."""
    layers: int = 4
    """Layers of a policy made from scratch."""
    epochs: float = 2.0
    """Passes over the data."""
    batch_size: int = 32
    """Rows per step."""
    learning_rate: float = 2e-3
    """Peak learning rate; warms up over 3 % of the steps and falls along a cosine."""
    adam_beta2: float = Field(default=0.999, gt=0, lt=1)
    """Decay of Adam's second moment; in runs of some hundred steps 0.99 settles in time."""
    max_length: int = 512
    """Longest row in tokens; longer rows are cut."""
    save_steps: int = 200
    """Steps between checkpoints."""
    seed: int = 0
    """Seed of initialisation and order."""


def main(settings: Sft) -> None:
    """Train and write the policy folder."""
    import torch
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    from code_reward.errors import ConfigurationError, DataError
    from code_reward.reward_data import LabelledProgram
    from code_reward.rows import read_rows
    from code_reward_trl.policy import answer, ask, create_policy, load_policy, load_tokenizer
    from rm_train.checkpoints import begin
    from rm_train.training import common_arguments, quiet, train_policy

    quiet()
    rows = read_rows(settings.data, LabelledProgram)
    if not rows:
        raise DataError(f"{settings.data} has no rows; make some with python -m data_prep.demonstrations.")
    if settings.init is not None:
        model, tokenizer = load_policy(settings.init)
    elif settings.tokenizer is not None:
        tokenizer = load_tokenizer(settings.tokenizer)
        model = create_policy(tokenizer, hidden=settings.hidden, layers=settings.layers, seed=settings.seed)
    else:
        raise ConfigurationError("Give --init to continue a policy or --tokenizer to make one from scratch.")
    begin(settings)
    config = SFTConfig(
        **common_arguments(settings.out, learning_rate=settings.learning_rate, seed=settings.seed, save_steps=settings.save_steps),
        num_train_epochs=settings.epochs,
        per_device_train_batch_size=settings.batch_size,
        max_length=settings.max_length,
        lr_scheduler_type="cosine",
        warmup_steps=0.03,
        adam_beta2=settings.adam_beta2,
        completion_only_loss=True,
        gradient_checkpointing=torch.cuda.is_available(),  # Without a GPU, time is shorter than memory.
    )
    data = Dataset.from_list([{"prompt": ask(row.statement), "completion": answer(row.program)} for row in rows])
    trainer = SFTTrainer if torch.cuda.is_available() else _plain(SFTTrainer)
    train_policy(trainer(model=model, args=config, train_dataset=data, processing_class=tokenizer), settings.out, "teaching the policy")


def _plain(trainer: type[SFTTrainer]) -> type[SFTTrainer]:
    """TRL's trainer with transformers' loss: its own gathers four metrics a step, a fifth of the time of a small model on a CPU."""
    from transformers import Trainer

    return type("PlainSFTTrainer", (trainer,), {"compute_loss": Trainer.compute_loss})


if __name__ == "__main__":
    run(Sft, main)
