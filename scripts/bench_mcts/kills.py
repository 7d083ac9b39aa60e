"""`kill -9` again and again: what a search loses, pays twice, or does otherwise than a run that nobody interrupted.

The run is the real command, on a simulated endpoint, with programs traced in the sandbox. It is killed at random moments after its first
new answer. At the end its trees are compared with those of a run that is not interrupted and gets the same answers (`--replay`).
"""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

from code_reward.journal import read_lines
from code_reward.problem import Problem, save_problems
from data_prep.families import generate
from data_prep.llm.simulated import SimulatedEndpoint
from data_prep.search.records import TreeRecord
from data_prep.search.run import read_trees

IN_FLIGHT = 16
_LONGEST_LIFE = 0.5
_STARTED_WITHIN = 60.0


@dataclass
class Torment:
    """What became of a run that was killed `kills` times."""

    kills: int = 0
    rollouts: int = 0
    lost: int = 0
    """Rollouts that were recorded before a kill and not after it."""
    calls: int = 0
    twice: int = 0
    """Calls, or rollouts, that are recorded more than once."""
    in_vain: int = 0
    """Answers that were given and not recorded: under way when the process was killed."""
    equal: bool = False
    """Whether the trees are those of an uninterrupted run with the same answers."""


def measure(problems: int, kills: int, seed: int) -> None:
    """Torment a run and print what became of it."""
    with tempfile.TemporaryDirectory() as folder:
        found = asyncio.run(torment(Path(folder), generate(problems, seed=4), kills=kills, seed=seed))
    print(f"{found.kills} kills; {found.rollouts} rollouts, {found.lost} lost; {found.calls} calls, {found.twice} paid or recorded twice,")
    print(f"{found.in_vain} answers under way when the process was killed; equal to an uninterrupted run: {'yes' if found.equal else 'NO'}")


async def torment(folder: Path, problems: Sequence[Problem], *, kills: int, seed: int, rollouts: int = 10, latency: float = 0.1) -> Torment:
    """Run a search in `folder`, killing it `kills` times (fewer if it ends before)."""
    save_problems(folder / "problems.jsonl", list(problems))
    found, draw, kept = Torment(), Random(seed), set[tuple[str, int]]()
    async with SimulatedEndpoint(problems, latency=latency, capacity=IN_FLIGHT, junk=0.1) as server:
        (folder / "endpoints.yaml").write_text(json.dumps([{"url": server.url, "model": "m", "concurrency": IN_FLIGHT}]))
        while not await _live(folder, server, rollouts, draw.uniform(0, _LONGEST_LIFE) if found.kills < kills else None):
            found.kills += 1
            now = {(line["problem_id"], line["number"]) for line in read_lines(folder / "run" / "rollouts.jsonl")}
            found.lost += len(kept - now)
            kept = now
    calls = [(line["scope"], line["key"]) for line in read_lines(folder / "run" / "calls.jsonl")]
    finished = [(line["problem_id"], line["number"]) for line in read_lines(folder / "run" / "rollouts.jsonl")]
    # Sandbox runs are recorded beside calls; their keys have a dash.
    found.calls, found.rollouts = sum("-" not in key for _, key in calls), len(finished)
    found.twice = len(calls) - len(set(calls)) + len(finished) - len(set(finished))
    found.in_vain = sum(server.answered.values()) - found.calls
    found.lost += len(kept - set(finished))
    trees = _trees(folder)
    for name in ("rollouts.jsonl", "trees.jsonl"):
        (folder / "run" / name).unlink()
    await _finish(await _start(folder, rollouts, "--replay"))
    found.equal = _trees(folder) == trees
    return found


async def _live(folder: Path, server: SimulatedEndpoint, rollouts: int, seconds: float | None) -> bool:
    """Run until the end, or for `seconds` after the first new answer, and then kill; whether it came to its end."""
    before = sum(server.answered.values())
    process = await _start(folder, rollouts, quietly=seconds is not None)
    if seconds is None:
        await _finish(process)
        return True
    deadline = time.monotonic() + _STARTED_WITHIN
    while sum(server.answered.values()) == before and process.returncode is None:
        if time.monotonic() > deadline:
            raise RuntimeError(f"The search asked nothing within {_STARTED_WITHIN:g} s; look at what it does.")
        await asyncio.sleep(0.005)
    await asyncio.sleep(seconds)
    if process.returncode is not None:
        await _finish(process)
        return True
    process.send_signal(signal.SIGKILL)
    await process.wait()
    return False


async def _start(folder: Path, rollouts: int, *more: str, quietly: bool = False) -> asyncio.subprocess.Process:
    options = ["--problems", folder / "problems.jsonl", "--out", folder / "run", "--endpoints", folder / "endpoints.yaml"]
    settings = ["--policy", "llm", "--judge", "llm", "--trees-at-once", "4", "--change", f"rollouts={rollouts}"]
    command = [sys.executable, "-m", "data_prep.search", *map(str, options), *settings, *more]
    environment = {**os.environ, "PYTHONPATH": os.getcwd()}
    # The sandbox's workers complain when the process that they answer is killed.
    stderr = subprocess.DEVNULL if quietly else None
    return await asyncio.create_subprocess_exec(*command, env=environment, stdout=subprocess.DEVNULL, stderr=stderr)


async def _finish(process: asyncio.subprocess.Process) -> None:
    if await process.wait() != 0:
        raise RuntimeError(f"The search ended with status {process.returncode}; its message stands above.")


def _trees(folder: Path) -> dict[str, TreeRecord]:
    return {tree.problem_id: tree for tree in read_trees(folder / "run")}
