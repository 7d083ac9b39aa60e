"""`code-reward`, or `python -m code_reward_commands`: says what commands there are, and starts the one that is asked for."""

from __future__ import annotations

import importlib
import os
import sys
from difflib import get_close_matches

from code_reward_commands.catalogue import MODULES, SUBCOMMANDS, overview

STARTS = {
    "score": "code_reward_commands.score",
    "pick": "code_reward_commands.pick.command",
    "rescore": "code_reward_commands.rescore.command",
    "view": "code_reward_view.__main__",
    "doctor": "code_reward_slime.preflight.__main__",
}
"""The module whose `start(words, program)` runs each subcommand."""


def main() -> None:
    """Entry point of the installed command."""
    words = sys.argv[1:]
    if words in ([], ["-h"], ["--help"]):
        show(overview())
    elif words[0] in SUBCOMMANDS:
        importlib.import_module(STARTS[words[0]]).start(words[1:], f"code-reward {words[0]}")
    else:
        print(f"error: {refusal(words[0])}", file=sys.stderr)
        sys.exit(2)


def show(text: str) -> None:
    """Print; who reads through `head` need not read it all."""
    try:
        print(text, flush=True)
    except BrokenPipeError:
        # Python flushes once more when it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def refusal(word: str) -> str:
    """One sentence on a word that is no subcommand: what was meant, as far as one can tell."""
    modules = {name.rpartition(".")[2]: name for stage in MODULES.values() for name in stage}
    modules |= {name: name for name in modules.values()}
    if word in modules:
        return f"{word!r} runs as python -m {modules[word]}; give its options there."
    close = get_close_matches(word, SUBCOMMANDS, n=1)
    meant = f"; did you mean code-reward {close[0]}?" if close else "; code-reward alone lists all there are."
    return f"there is no {word!r}{meant}"


if __name__ == "__main__":
    main()
