"""How much of an endpoint's capacity one driver uses, and at what cost in CPU and memory.

The simulated endpoint has a process of its own. No program is run: the driver is what is measured, with everything that it writes to disk.
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

from code_reward.pools import deaf


@dataclass
class Measured:
    """What the driver saw of its run."""

    calls: int = 0
    seconds: float = 0.0
    cpu: float = 0.0
    memory: list[int] = field(default_factory=list)
    """Peak KB, whenever a quarter of the trees was finished."""


def measure(problems: int, latency: float, capacity: int) -> None:
    """Grow a tree for each problem and print what was used."""
    ours, theirs = multiprocessing.get_context("spawn").Pipe()
    server = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs, problems, latency, capacity), daemon=True)
    with deaf():
        server.start()
    url = ours.recv()
    with tempfile.TemporaryDirectory() as folder:
        measured = asyncio.run(_drive(problems, capacity, url, Path(folder)))
    ours.send("stop")
    busy = ours.recv()
    server.join()
    calls, seconds = measured.calls, measured.seconds
    print(f"{calls} calls in {seconds:.1f} s; an answer took {busy / calls:.4f} s")
    share = calls * latency / capacity / seconds
    print(f"capacity used: {share:.1%} of {capacity} answers per {latency:g} s, from the first call to the last;")
    print(f"an answer was being made on {busy / seconds / capacity:.1%} of the slots")
    print(f"driver: {1000 * measured.cpu / calls:.2f} ms of CPU per call")
    print(f"peak memory {measured.memory[0] >> 10} MB after a quarter of the trees, {measured.memory[-1] >> 10} MB at the end")


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


async def _drive(problems: int, capacity: int, url: str, folder: Path) -> Measured:
    from data_prep.families import generate
    from data_prep.judges import LLMJudge
    from data_prep.llm import LLM, Endpoint
    from data_prep.search import RECIPES, LLMPolicy, TreeRecord
    from data_prep.search.players import trees_at_once
    from data_prep.search.run import Run, Setup
    from reward_servers.sandbox import connect

    recipe, drawn = RECIPES["default"], generate(problems, seed=0)
    measured, finished, sandbox = Measured(), 0, connect(workers=1)

    def done(tree: TreeRecord) -> None:
        nonlocal finished
        finished += 1
        if finished % max(problems // 4, 1) == 0:
            measured.memory.append(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)

    # A quarter more than the server makes at once, so that it never waits for the next request to arrive.
    endpoint = Endpoint(url=url, model="simulated", concurrency=capacity + capacity // 4)
    async with LLM([endpoint]) as llm:
        began, cpu = time.perf_counter(), time.process_time()
        with Run(folder, Setup(recipe=recipe, policy="llm", judge="llm"), llm.budget) as grown:
            judge = LLMJudge(llm, sandbox, traces="none")
            await grown.grow_all(drawn, LLMPolicy(llm, recipe), judge, at_once=trees_at_once([endpoint]), done=done)
        measured.seconds, measured.cpu = time.perf_counter() - began, time.process_time() - cpu
    measured.calls = llm.budget.calls
    await sandbox.close()
    return measured
