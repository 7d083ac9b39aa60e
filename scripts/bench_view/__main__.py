"""Measure `code-reward view` on rollouts that are made up: `python -m scripts.bench_view`."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
import urllib.request
from pathlib import Path
from statistics import median
from typing import Any

from pydantic import Field

from code_reward.cli import Command, run

LOOKS = {
    "first page of the table": "rows?start=0&count=100",
    "sorted by length": "rows?start=0&count=100&sort=length",
    "wrong ones, by reward": "rows?start=0&count=100&passed=wrong&sort=reward&descending=true",
    "one answer": "rows/4711",
    "overview": "figures",
    "errors by kind": "errors",
}


class BenchView(Command):
    """Measure how long the page takes to show a run, and what a look costs the server."""

    rows: int = Field(default=100_000, gt=5_000)
    """Rollouts of the run."""
    times: int = Field(default=5, gt=0)
    """How often each look is repeated; the median is told, and the first, which nothing is remembered for."""


def main(settings: BenchView) -> None:
    """Make a run, open it, look at it."""
    from scripts.bench_view.made import write_run

    with tempfile.TemporaryDirectory() as folder:
        path = write_run(Path(folder) / "rollouts.jsonl", settings.rows)
        print(f"{settings.rows:,} rollouts, {path.stat().st_size / 1e6:.0f} MB")
        start = time.perf_counter()
        with subprocess.Popen([sys.executable, "-m", "code_reward_view", folder], stdout=subprocess.PIPE, text=True) as process:
            try:
                assert process.stdout is not None
                url = process.stdout.readline().split()[1]
                tell("the page answers after", time.perf_counter() - start)
                shown = _until(url, lambda state: state["rows"] > 0)
                tell(f"shows the first {shown['rows']:,} answers after", time.perf_counter() - start)
                _until(url, lambda state: state["loaded"])
                tell("shows all after", time.perf_counter() - start)
                for name, path_of in LOOKS.items():
                    seconds = [_look(f"{url}/api/0/{path_of}") for _ in range(settings.times)]
                    tell(f"{name}: first", seconds[0], f", then {1000 * median(seconds[1:] or seconds):.0f} ms")
                print(f"memory of the server: {_memory(process.pid):.0f} MB")
            finally:
                process.terminate()


def tell(what: str, seconds: float, more: str = "") -> None:
    """Print a time."""
    print(f"{what} {seconds:.2f} s{more}", flush=True)


def _until(url: str, there: Any) -> dict[str, Any]:
    while True:
        with urllib.request.urlopen(f"{url}/api/0/state") as answer:
            state: dict[str, Any] = json.load(answer)
        if there(state):
            return state
        time.sleep(0.02)


def _look(url: str) -> float:
    start = time.perf_counter()
    with urllib.request.urlopen(url) as answer:
        answer.read()
    return time.perf_counter() - start


def _memory(pid: int) -> float:
    [line] = [line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if line.startswith("VmRSS")]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    run(BenchView, main)
