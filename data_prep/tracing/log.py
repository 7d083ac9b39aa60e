"""The published way to a trace: a program with prints that a language model has added, run as a script, its output cut in the middle."""

from __future__ import annotations

from code_reward.errors import SandboxError
from reward_servers.sandbox.outcome import Limits, Sandbox

LONGEST = 5000
"""Characters of a log that are kept, half from its beginning and half from its end (CodeRM-NT)."""
_LIMITS = Limits(cpu_seconds=15, wall_seconds=60)


async def run_log(sandbox: Sandbox, program: str) -> str:
    """What the program prints, standard output and then standard error; raises `SandboxError` when the sandbox failed."""
    execution = await sandbox.execute(program, "", limits=_LIMITS)
    if execution.kind == "sandbox_error":
        raise SandboxError(f"The sandbox failed ({execution.message}); see its log.")
    text = execution.stdout + execution.stderr
    if execution.kind == "timeout":
        text += "\nThe program did not end in time."
    return text if len(text) <= LONGEST else f"{text[: LONGEST // 2]}\n...\n{text[-LONGEST // 2 :]}"
