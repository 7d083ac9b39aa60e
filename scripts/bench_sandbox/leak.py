"""Many programs, right, wrong, rude and hostile, through one pool: memory, descriptors and processes of everything in between.

The footprint must stay what it was after the first part, and hostile programs must not pass; else this ends with an error.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter

from code_reward.errors import CodeRewardError
from code_reward.problem import AssertTest
from reward_servers.sandbox.outcome import Limits, Outcome
from reward_servers.sandbox.pool import LocalSandbox
from scripts.bench_sandbox.hostile import FOLDER
from scripts.bench_sandbox.processes import Footprint, footprint, mark_workers

_PROGRAMS = (
    "def f(x):\n    return x + 1\n",
    "def f(x):\n    return x\n",
    "def f(x):\n    raise ValueError(x)\n",
    "import os\ndef f(x):\n    os._exit(0)\n",
    "def f(x):\n    open('left', 'w').write('x' * 1000)\n    return x + 1\n",
    "def f(x):\n    return [0] * 10**12\n",
    "import threading\ndef f(x):\n    threading.Thread(target=threading.Event().wait, daemon=True).start()\n    return x + 1\n",
)
_HOSTILE = sorted(FOLDER.glob("*.py"))
_HOSTILE_EVERY = 100
_QUICK = Limits(cpu_seconds=0.1, wall_seconds=1.0, memory_mb=256)
_GROWTH_MB = 64
"""That the allocators may take."""
_STEPS = 20
_AT_ONCE = 512


class Leaks(CodeRewardError):
    """Something grew, or passed that must not."""

    kind = "leaks"


async def measure(programs: int, workers: int | None) -> None:
    """Print the footprint after every twentieth of the programs, with nothing under way. Raises `Leaks`."""
    mark_workers()
    sandbox = LocalSandbox(workers)
    prints = []
    try:
        print(f"isolation: {(await sandbox.isolation()).level}; one program in {_HOSTILE_EVERY} is hostile")
        done = 0
        for step in range(1, _STEPS + 1):
            began, goal = time.perf_counter(), programs * step // _STEPS
            kinds = await _run(sandbox, range(done, goal))
            rate = (goal - done) / (time.perf_counter() - began)
            done = goal
            prints.append(footprint())
            print(f"{done:8} programs, {rate:5.0f}/s, {prints[-1]}, {dict(kinds)}", flush=True)
    finally:
        await sandbox.close()
    await asyncio.sleep(1)  # A zygote tidies up after its referee is gone.
    print(f"closed: {footprint()}")
    _compare(prints[1], prints[-1])


def _compare(early: Footprint, late: Footprint) -> None:
    if late.memory_mb > early.memory_mb + _GROWTH_MB or late.descriptors > early.descriptors or late.processes > early.processes:
        raise Leaks(f"What was {early} is {late}; find what grew.")


async def _run(sandbox: LocalSandbox, numbers: range) -> Counter[str]:
    queue = iter(numbers)
    kinds: Counter[str] = Counter()

    async def work() -> None:
        for number in queue:
            kinds[(await _one(sandbox, number)).kind] += 1

    await asyncio.gather(*(work() for _ in range(_AT_ONCE)))
    return kinds


async def _one(sandbox: LocalSandbox, number: int) -> Outcome:
    test = AssertTest(code="assert f(1) == 2")
    turn, rest = divmod(number, _HOSTILE_EVERY)
    if rest:
        return await sandbox.run(_PROGRAMS[number % len(_PROGRAMS)], [test], entry_point="f")
    path = _HOSTILE[turn % len(_HOSTILE)]
    outcome = await sandbox.run(path.read_text(), [test], entry_point="f", limits=_QUICK, mode="inline" if turn % 2 else "auto")
    if outcome.passed or outcome.kind == "sandbox_error":
        raise Leaks(f"The hostile program {path.stem} was {outcome.kind} ({outcome.message}).")
    return outcome
