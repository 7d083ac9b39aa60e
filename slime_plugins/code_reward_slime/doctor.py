"""The command `code-reward`: `code-reward doctor` is `python -m code_reward_slime.preflight` under a name that is easier to remember."""

from __future__ import annotations

import sys

USAGE = """usage: code-reward doctor [OPTIONS] [-- OPTIONS OF train.py]

Checks what is installed and, with the options of slime's train.py, whether that run can work. More: code-reward doctor --help"""


def main() -> None:
    """Entry point of the installed command."""
    words = sys.argv[1:]
    if words[:1] == ["doctor"]:
        from code_reward_slime.preflight.__main__ import start

        start(words[1:], program="code-reward doctor")
    asked = words in ([], ["-h"], ["--help"])
    print(
        USAGE if asked else f"error: there is no {words[0]!r}; the command is code-reward doctor.", file=sys.stdout if asked else sys.stderr
    )
    sys.exit(0 if asked else 2)
