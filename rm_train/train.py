"""Train a reward model on preference pairs: `python -m rm_train.train`.

Starts from a language model (or from a reward model), reads the pair files of `data_prep`, and writes a checkpoint as the contract of the
design page says. Interrupted, it goes on from its last checkpoint. On several devices, or several cores: `torchrun --nproc-per-node 2 -m
rm_train.train`.
"""

from __future__ import annotations

from pathlib import Path

from pydantic import Field

from code_reward.cli import Command, run


class Training(Command):
    """What every recipe that trains a reward model has to know."""

    init: Path
    """Language model or reward model folder to start from, with its tokenizer."""
    out: Path
    """Folder for the reward model."""
    preset: str | None = None
    """How problem and answer become the model's input (a preset of code_reward.rm_input); by default a reward model's own, else default."""
    epochs: float = 1.0
    """Passes over the data."""
    batch_size: int = 8
    """Problems per step and process, each with all its rows."""
    learning_rate: float = 5e-4
    """Peak learning rate; warms up over 3 % of the steps and falls along a cosine."""
    weight_decay: float = 0.01
    """Decoupled weight decay."""
    adam_beta2: float = Field(default=0.999, gt=0, lt=1)
    """Decay of Adam's second moment; in runs of some hundred steps 0.99 settles in time."""
    save_steps: int = 500
    """Steps between checkpoints."""
    extra_layers: int = Field(default=0, ge=0)
    """Layers to put on top of --init, which at first change nothing; worth it where the model is small."""
    seed: int = 0
    """Seed of the head and of the order."""


class Train(Training):
    """Train a reward model with the Bradley-Terry loss."""

    pairs: Path
    """Preference pairs (JSONL or parquet)."""


def main(settings: Train) -> None:
    """Train and export."""
    from rm_train.fit import fit

    fit(settings)


if __name__ == "__main__":
    run(Train, main)
