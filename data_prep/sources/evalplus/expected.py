"""What reference solutions return: the expected results of a file that publishes inputs only.

Each reference runs once, in the sandbox, over all its inputs, and prints its results as literals.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from code_reward.errors import DataError, SandboxError
from data_prep.sources.evalplus import literals
from reward_servers.sandbox.outcome import Limits

if TYPE_CHECKING:
    from reward_servers.sandbox.pool import LocalSandbox

LONGEST = 20_000
"""Characters of a result's source text; a few tasks return megabytes for their largest inputs."""
# For a thousand inputs of one task; the slowest needs half a minute of CPU, which on a busy machine takes many.
LIMITS = Limits(cpu_seconds=120, wall_seconds=1800, memory_mb=4096, output_kb=64 * 1024)

_DRIVER = """
import contextlib, io, json, sys

def _results(program, entry_point, calls, shown, longest):
    solution = {"__name__": "solution"}
    exec(compile(program, "solution.py", "exec"), solution)
    for call in calls:
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                result = solution[entry_point](*eval(call))
            source = to_source(eval(shown, {"result": result}))
            line = {"source": source} if len(source) <= longest else {"error": "too long"}
        except Exception as error:
            line = {"error": f"{type(error).__name__}: {error}"[:200]}
        print(json.dumps(line))

_results(**json.loads(sys.stdin.read()))
"""

_SCRIPT = Path(literals.__file__).read_text(encoding="utf-8") + _DRIVER


@dataclass(frozen=True)
class Reference:
    """A reference solution and the calls whose results are wanted."""

    task_id: str
    program: str
    entry_point: str
    calls: list[str]
    """Argument tuples as source text."""
    shown: str = "result"
    """An expression of `result` that is taken in its place."""


def expected_results(references: Sequence[Reference]) -> list[list[str | None]]:
    """For each reference and call the result's source text; None for a call that fails or whose result no literal denotes.

    Raises:
        DataError: A reference solution as a whole cannot be run.
        SandboxError: The sandbox itself failed.
    """
    return asyncio.run(_run_all(references))


async def _run_all(references: Sequence[Reference]) -> list[list[str | None]]:
    from rich.progress import Progress

    from reward_servers.sandbox.pool import LocalSandbox

    sandbox = LocalSandbox()
    try:
        with Progress(transient=True) as bar:
            task = bar.add_task("running reference solutions", total=len(references))

            async def run(reference: Reference) -> list[str | None]:
                results = await _results(reference, sandbox)
                bar.advance(task)
                return results

            return await asyncio.gather(*map(run, references))
    finally:
        await sandbox.close()


async def _results(reference: Reference, sandbox: LocalSandbox) -> list[str | None]:
    order = {name: value for name, value in asdict(reference).items() if name != "task_id"}
    execution = await sandbox.execute(_SCRIPT, json.dumps({**order, "longest": LONGEST}), limits=LIMITS)
    if execution.kind == "sandbox_error":
        raise SandboxError(f"The sandbox failed on the reference solution of {reference.task_id} ({execution.message}); run this again.")
    if execution.kind != "passed":
        raise DataError(f"{reference.task_id}: canonical_solution cannot be run ({execution.kind}: {execution.message}); correct the row.")
    return [json.loads(line).get("source") for line in execution.stdout.splitlines()]
