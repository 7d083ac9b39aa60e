"""The command itself; what picks brings numpy, and whoever only wants to see the options does not wait for it."""

from __future__ import annotations

import sys

from code_reward.cli import run
from code_reward_commands.pick.settings import Pick


def main(settings: Pick) -> int:
    """Pick, write, and say for how many problems; 1 if some have no pick."""
    from code_reward_commands.pick.choice import pick

    return pick(settings)


def start(words: list[str], program: str | None = None) -> None:
    """Run the command on the words after its name."""
    run(Pick, main, words, program)


if __name__ == "__main__":
    start(sys.argv[1:])
