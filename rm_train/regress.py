"""Stage 1 of the two-stage recipe: `python -m rm_train.regress`; stage 2 is `python -m rm_train.train --init` of what it leaves.

A reward model learns the values that tree search found for prefixes of programs (`data_prep.conversions`), and so to judge a program before
its end; then pairs sharpen its order of whole programs. After CodeRM-NT (Xia et al., Findings of ACL 2026), whose learning rates are 1e-6
and 5e-7 for 7 billion parameters.
"""

from __future__ import annotations

from pathlib import Path

from code_reward.cli import run
from rm_train.train import Training


class Regress(Training):
    """Train a reward model to give prefixes of programs their value (mean squared error)."""

    prefixes: Path
    """Prefix rows (JSONL or parquet)."""


def main(settings: Regress) -> None:
    """Train and export."""
    from rm_train.fit import regress

    regress(settings)


if __name__ == "__main__":
    run(Regress, main)
