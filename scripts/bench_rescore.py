"""Measure `code-reward rescore` on a run of 20,000 samples: time, and whether memory grows with the run.

The samples are slime's dumps of 1,000 each, of made-up problems and answers that are all different; the judges are a reward model of a
few thousand weights and, with `--tests`, the tests. A quarter of the run is judged first: what the whole needs more than that grows.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from code_reward.cli import Command, run

PER_FILE, GROUP = 1000, 8


class BenchRescore(Command):
    """Measure code-reward rescore: time and peak memory on a quarter of a run and on the whole."""

    model: Path
    """Reward model folder."""
    samples: int = 20_000
    """Samples of the whole run, in files of 1,000."""
    tests: bool = False
    """Also run the tests of every sample."""


def main(settings: BenchRescore) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        files = _write(Path(folder), settings.samples)
        print("| samples | seconds | peak memory |\n| --- | --- | --- |")
        for name, part in (("quarter", files[: len(files) // 4]), ("whole", files)):
            seconds, peak = _rescore(part, Path(folder) / name, settings)
            print(f"| {len(part) * PER_FILE:,} | {seconds:.0f} | {peak / 1024:.0f} MiB |", flush=True)


def _write(folder: Path, samples: int) -> list[Path]:
    import torch

    files = []
    for number in range(samples // PER_FILE):
        path = folder / f"rollout_{number}.pt"
        torch.save({"rollout_id": number, "samples": [_sample(number * PER_FILE + place) for place in range(PER_FILE)]}, path)
        files.append(path)
    return files


def _sample(number: int) -> dict[str, object]:
    i, right = number // GROUP, number % 2
    statement = f"Write a function add_{i} that adds two numbers and {i}. Numbers may be negative."
    program = f"def add_{i}(a, b):\n    extra_{number} = {i if right else i + 1}\n    return a + b + extra_{number}"
    tests = [{"kind": "asserts", "code": f"assert add_{i}(1, 2) == {3 + i}"}]
    return {
        "group_index": i,
        "index": number,
        "rollout_id": None,
        "status": "completed",
        "response": f"<think>\n{'So be it. ' * 200}\n</think>\n```python\n{program}\n```",
        "reward": float(right),
        "metadata": {"id": f"p{i}", "statement": statement, "entry_point": f"add_{i}", "tests": json.dumps(tests)},
    }


def _rescore(files: list[Path], out: Path, settings: BenchRescore) -> tuple[float, int]:
    """Seconds, and the peak memory of the process in KiB."""
    options = ["--model", str(settings.model), "--out", str(out), *(["--tests"] if settings.tests else [])]
    start = time.perf_counter()
    command = [sys.executable, "-m", "code_reward_commands.rescore.command", *map(str, files), *options]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, "rescore failed"
    return time.perf_counter() - start, used.ru_maxrss


if __name__ == "__main__":
    run(BenchRescore, main)
