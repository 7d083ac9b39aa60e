"""Many programs, right, wrong and rude, through one pool: memory, descriptors and processes of everything in between."""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from code_reward.problem import AssertTest
from reward_servers.sandbox.pool import LocalSandbox
from scripts.bench_sandbox.processes import footprint, mark_workers

_PROGRAMS = (
    "def f(x):\n    return x + 1\n",
    "def f(x):\n    return x\n",
    "def f(x):\n    raise ValueError(x)\n",
    "import os\ndef f(x):\n    os._exit(0)\n",
    "def f(x):\n    open('left', 'w').write('x' * 1000)\n    return x + 1\n",
    "def f(x):\n    return [0] * 10**12\n",
    "import threading\ndef f(x):\n    threading.Thread(target=threading.Event().wait, daemon=True).start()\n    return x + 1\n",
)
_STEPS = 20
_AT_ONCE = 512


async def measure(programs: int, workers: int | None) -> None:
    """Print the footprint after every twentieth of the programs, with nothing under way."""
    mark_workers()
    sandbox = LocalSandbox(workers)
    try:
        print(f"isolation: {(await sandbox.isolation()).level}")
        done = 0
        for step in range(1, _STEPS + 1):
            began, goal = time.perf_counter(), programs * step // _STEPS
            kinds = await _run(sandbox, range(done, goal))
            rate = (goal - done) / (time.perf_counter() - began)
            done = goal
            print(f"{done:8} programs, {rate:5.0f}/s, {footprint()}, {dict(kinds)}", flush=True)
    finally:
        await sandbox.close()
    await asyncio.sleep(1)  # A zygote tidies up after its referee is gone.
    print(f"closed: {footprint()}")


async def _run(sandbox: LocalSandbox, numbers: range) -> Counter[str]:
    test = AssertTest(code="assert f(1) == 2")
    queue = iter(numbers)
    kinds: Counter[str] = Counter()

    async def work() -> None:
        for number in queue:
            kinds[(await sandbox.run(_PROGRAMS[number % len(_PROGRAMS)], [test], entry_point="f")).kind] += 1

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return kinds
