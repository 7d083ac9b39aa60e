"""`python -m scripts.bench_gpu`: measure on one GPU what a CPU cannot; print a table, write one JSON.

Each part runs in a process of its own, so that its peak of memory is its own and its failure leaves the others. A part that failed is an
error in the table, not a number; parts for which no time is left are named. Weights are drawn at random at the true sizes: times and memory
do not depend on them.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field

from code_reward.cli import Command, run

Part = Literal["attention", "step", "export", "serving-1.7b", "serving-4b"]


class BenchGPU(Command):
    """Measure attention, a training step, the export and serving of reward models at true sizes on one GPU."""

    out: Path = Path("runs/bench_gpu.json")
    """File for all figures; models lie beside it while they are needed."""
    minutes: float = Field(default=8.0, gt=0)
    """No part starts, or goes on, after this long."""
    parts: list[Part] = Field(default=list(get_args(Part)))
    """Which parts to measure."""
    tiny: bool = False
    """Models of a million parameters in the place of the true sizes: to try the command on a CPU. The figures then mean nothing."""


def main(settings: BenchGPU) -> int:
    """Run the parts, one after another; 1 if one of them failed or had no time."""
    from code_reward.files import write_text

    until = time.monotonic() + 60 * settings.minutes
    found: dict[str, Any] = {"machine": machine(), "tiny": settings.tiny}
    settings.out.parent.mkdir(parents=True, exist_ok=True)
    for part in settings.parts:
        left = until - time.monotonic()
        found[part] = measure(part, settings, left) if left > 0 else {"error": "no time was left"}
        write_text(settings.out, json.dumps(found, indent=1) + "\n")
    print(table(found))
    print(f"\n{settings.out}")
    return int(any("error" in found[part] for part in settings.parts))


def machine() -> dict[str, str]:
    """What the figures are of."""
    import platform

    import torch

    device = torch.cuda.get_device_name() if torch.cuda.is_available() else f"no GPU: {platform.processor() or platform.machine()}"
    return {"device": device, "torch": torch.__version__, "python": platform.python_version()}


def measure(part: str, settings: BenchGPU, seconds: float) -> dict[str, Any]:
    """One part's figures, or its error in a sentence."""
    print(f"measuring {part} ({seconds:.0f} s left)", file=sys.stderr, flush=True)
    began = time.monotonic()
    folder = settings.out.parent / "bench_gpu_models"
    command = [sys.executable, "-m", "scripts.bench_gpu.part", part, str(folder), *(["tiny"] if settings.tiny else [])]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds)
    except subprocess.TimeoutExpired:
        return {"error": f"not done after the {seconds:.0f} s that were left"}
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no message"]
        return {"error": lines[-1][:300]}
    figures: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return {**figures, "seconds": round(time.monotonic() - began, 1)}


def table(found: dict[str, Any]) -> str:
    """The figures as Markdown."""
    lines = [
        f"{found['machine']['device']}, torch {found['machine']['torch']}{', TINY MODELS' if found['tiny'] else ''}",
        "",
        "| | |",
        "|---|---|",
    ]
    for part in get_args(Part):
        lines += [f"| {part}: {name.replace('_', ' ')} | {_shown(value)} |" for name, value in found.get(part, {}).items()]
    return "\n".join(lines)


def _shown(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    run(BenchGPU, main)
