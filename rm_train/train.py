"""Train a reward model on preference pairs: `python -m rm_train.train`.

Starts from a language model (or from a reward model), reads the pair files of `data_prep`, and writes a checkpoint as the contract of the
design page says. Interrupted, it goes on from its last checkpoint. On several devices, or several cores: `torchrun --nproc-per-node 2 -m
rm_train.train`, with `--shard` where a model does not fit one device.
"""

from __future__ import annotations

from code_reward.cli import run
from rm_train.settings import Train


def main(settings: Train) -> None:
    """Train and export."""
    from rm_train.fit import fit

    fit(settings)


if __name__ == "__main__":
    run(Train, main)
