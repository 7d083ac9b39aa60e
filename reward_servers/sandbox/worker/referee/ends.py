"""What the end of a child means."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass

from reward_servers.sandbox.worker.protocol import EXIT_OUT_OF_MEMORY, EXIT_REFUSED


@dataclass(frozen=True)
class Trouble:
    """Why a child came to no good end by itself: a kind of outcome and a sentence."""

    kind: str
    message: str
    exit_code: int | None = None
    """With which it ended by itself."""


def ending(status: int, *, started: bool, obstacle: str) -> Trouble:
    """The kind of outcome for a child that ended (with this wait status) before it said what came of its tests.

    Only a child that ended before its program began is our failure: a program can choose its own exit code.
    """
    if not started:
        return Trouble("sandbox_error", f"the child did not start: {obstacle or f'wait status {status}'}")
    if os.WIFSIGNALED(status):
        number = os.WTERMSIG(status)
        name = signal.Signals(number).name if number in set(signal.Signals) else f"signal {number}"
        return Trouble("timeout" if name == "SIGXCPU" else "crashed", f"killed by {name}")
    code = os.WEXITSTATUS(status)
    if code == EXIT_OUT_OF_MEMORY:
        return Trouble("out_of_memory", "MemoryError", code)
    if code == EXIT_REFUSED:
        return Trouble("refused", "PermissionError", code)
    return Trouble("crashed", f"the process ended early with exit code {code}", code)
