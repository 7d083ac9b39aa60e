"""Stage 1 of the two-stage recipe: `python -m rm_train.regress`; stage 2 is `python -m rm_train.train --init` of what it leaves.

A reward model learns the values that tree search found for prefixes of programs (`data_prep.conversions`), and so to judge a program before
its end; then pairs sharpen its order of whole programs. After CodeRM-NT (Xia et al., Findings of ACL 2026); its settings are the recipes
coderm-nt-1 and coderm-nt-2.
"""

from __future__ import annotations

from code_reward.cli import run
from rm_train.settings import Regress


def main(settings: Regress) -> None:
    """Train and export."""
    from rm_train.fit import regress

    regress(settings)


if __name__ == "__main__":
    run(Regress, main)
