"""Measure the search's driver: `python scripts/bench_mcts.py`.

A simulated endpoint, in a process of its own, takes 0.25 s per answer and makes 64 at once. Printed are the share of its capacity that was
used, the driver's CPU per call, and its memory. No program is run: the driver is what is measured.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import resource
import tempfile
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path

from pydantic import Field

from code_reward.cli import Command, run


class BenchMcts(Command):
    """Measure how much of an endpoint's capacity the search uses, and at what cost."""

    problems: int = Field(default=200, gt=0)
    """Trees to grow."""
    latency: float = Field(default=0.25, gt=0)
    """Seconds per answer."""
    capacity: int = Field(default=64, gt=0)
    """Answers made at once."""
    trees_at_once: int = Field(default=64, gt=0)
    """Trees under way at once."""


def serve(pipe: Connection, problems: int, latency: float, capacity: int) -> None:
    """The endpoint's process: send its address, wait, send the seconds that its slots were busy."""
    from data_prep.families import generate
    from data_prep.llm.simulated import SimulatedEndpoint

    async def main() -> None:
        async with SimulatedEndpoint(generate(problems, seed=0), latency=latency, capacity=capacity) as server:
            pipe.send(server.url)
            await asyncio.get_running_loop().run_in_executor(None, pipe.recv)
            pipe.send(server.busy_seconds)

    asyncio.run(main())


def main(settings: BenchMcts) -> None:
    """Run and print."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    arguments = (theirs, settings.problems, settings.latency, settings.capacity)
    server = multiprocessing.get_context("spawn").Process(target=serve, args=arguments, daemon=True)
    server.start()
    url = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        measured = asyncio.run(_measure(settings, url, Path(folder)))
    ours.send("stop")
    busy = ours.recv()
    server.join()
    # On a busy machine an answer takes longer than it should; a slot is used for as long as it took.
    answer, capacity = busy / measured.calls, settings.capacity
    full = measured.calls_while_full * answer / (measured.seconds_while_full * capacity)
    print(f"{measured.calls} calls in {measured.seconds:.1f} s, {answer:.3f} s each; used: {full:.1%} while trees were left to begin,")
    print(f"{busy / (measured.seconds * capacity):.1%} with the last trees' end")
    print(f"driver: {1000 * measured.cpu / measured.calls:.2f} ms CPU per call")
    print(f"peak memory {measured.memory[0] >> 10} MB after a quarter of the trees, {measured.memory[-1] >> 10} MB at the end")


@dataclass
class Measured:
    """What the driver saw of its run."""

    calls: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    calls_while_full: int = 0
    seconds_while_full: float = 0.0
    memory: list[int] = field(default_factory=list)
    """Peak KB, whenever a quarter of the trees was finished."""


async def _measure(settings: BenchMcts, url: str, folder: Path) -> Measured:
    from data_prep.families import generate
    from data_prep.judges import LLMJudge
    from data_prep.llm import LLM, Endpoint
    from data_prep.search import RECIPES, LLMPolicy, TreeRecord
    from data_prep.search.run import Run, Setup
    from reward_servers.sandbox import connect

    recipe, problems = RECIPES["default"], generate(settings.problems, seed=0)
    measured, finished, sandbox = Measured(), 0, connect(workers=1)
    began, cpu = time.perf_counter(), time.process_time()

    def done(tree: TreeRecord) -> None:
        nonlocal finished
        finished += 1
        if finished <= settings.problems - settings.trees_at_once:
            measured.calls_while_full, measured.seconds_while_full = llm.budget.calls, time.perf_counter() - began
        if finished % max(settings.problems // 4, 1) == 0:
            measured.memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    # A quarter more than the server makes at once, so that it never waits for the next request to arrive.
    concurrency = settings.capacity + settings.capacity // 4
    async with LLM([Endpoint(url=url, model="simulated", concurrency=concurrency)]) as llm:
        with Run(folder, Setup(recipe=recipe, policy="llm", judge="llm"), llm.budget) as grown:
            judge = LLMJudge(llm, sandbox, traces="none")
            await grown.grow_all(problems, LLMPolicy(llm, recipe), judge, at_once=settings.trees_at_once, done=done)
    await sandbox.close()
    measured.calls, measured.seconds, measured.cpu = llm.budget.calls, time.perf_counter() - began, time.process_time() - cpu
    return measured


if __name__ == "__main__":
    run(BenchMcts, main)
