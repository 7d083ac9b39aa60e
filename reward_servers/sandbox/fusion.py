"""SandboxFusion's `/run_code`: a program in, what it printed out, so that what speaks to SandboxFusion (verl, tinker, …) can use ours.

Only `language: python` is run; another is answered with the status `SandboxError`, which such clients count as no verdict.
"""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Literal

from pydantic import BaseModel, Field

from code_reward.errors import DataError
from reward_servers.sandbox.outcome import Execution, Limits

if TYPE_CHECKING:
    from reward_servers.sandbox.pool import LocalSandbox
    from reward_servers.sandbox.ray_pool import RaySandbox

_MEMORY_MB = 1024
_WALL_GRACE = 5.0
"""Seconds of wall time beyond `run_timeout`, which is CPU time here: a busy machine does not fail a right program."""


class RunCode(BaseModel):
    """The request. Fields that concern other languages are accepted and ignored."""

    code: str
    language: str = "python"
    stdin: str | None = None
    run_timeout: float = Field(default=10.0, gt=0, le=3600, allow_inf_nan=False)
    memory_limit_MB: int = Field(default=-1, ge=-1, le=1 << 20)
    files: dict[str, str | None] = {}
    """Name to base64."""
    fetch_files: list[str] = []


class CommandResult(BaseModel):
    """How the program ran."""

    status: Literal["Finished", "Error", "TimeLimitExceeded"]
    execution_time: float | None = None
    return_code: int | None = None
    stdout: str | None = None
    stderr: str | None = None


class RunCodeReply(BaseModel):
    """The answer: `Failed` is the program's doing, `SandboxError` is not."""

    status: Literal["Success", "Failed", "SandboxError"]
    message: str = ""
    compile_result: CommandResult | None = None
    run_result: CommandResult | None = None
    executor_pod_name: str | None = None
    files: dict[str, str] = {}
    """Name to base64."""


async def answer_run_code(sandbox: LocalSandbox | RaySandbox, request: RunCode) -> RunCodeReply:
    """Run the program. Raises `DataError` for names and contents of files that cannot be."""
    if request.language != "python":
        return RunCodeReply(status="SandboxError", message=f"This sandbox runs python, not {request.language}.")
    memory = request.memory_limit_MB if request.memory_limit_MB > 0 else _MEMORY_MB
    limits = Limits(cpu_seconds=request.run_timeout, wall_seconds=request.run_timeout + _WALL_GRACE, memory_mb=memory, output_kb=1024)
    execution = await sandbox.execute(
        request.code, request.stdin or "", limits=limits, files=_decode(request.files), fetch=request.fetch_files
    )
    return _reply(execution)


def _decode(files: dict[str, str | None]) -> dict[str, bytes]:
    try:
        return {name: base64.b64decode(content or "", validate=True) for name, content in files.items()}
    except (binascii.Error, ValueError) as error:
        raise DataError(f"A file is not base64 ({error}); encode its content.") from error


def _reply(execution: Execution) -> RunCodeReply:
    if execution.kind == "sandbox_error":
        return RunCodeReply(status="SandboxError", message=execution.message)
    result = CommandResult(
        status="TimeLimitExceeded" if execution.kind == "timeout" else "Finished",
        execution_time=execution.seconds,
        return_code=execution.exit_code if execution.exit_code is not None or execution.kind == "timeout" else -9,
        stdout=execution.stdout,
        stderr=execution.stderr,
    )
    files = {name: base64.b64encode(content).decode() for name, content in execution.files.items()}
    return RunCodeReply(status="Success" if execution.kind == "passed" else "Failed", run_result=result, files=files)
