"""A run of slime as a person sees it: a bar while it goes on, a table afterwards."""

from __future__ import annotations

import subprocess
from datetime import datetime
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn
from rich.table import Table

from code_reward.files import write_text
from scripts.slime_cpu.rollouts import read_rollouts

LAST_LINES = 25
PROGRESS = "progress.txt"


def follow(process: subprocess.Popen[bytes], folder: Path, rollouts: int) -> int:
    """Show how many rollouts are done until the run is over, here and in `progress.txt`; its exit status."""
    seen = -1
    write_text(folder / PROGRESS, "")
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns) as progress:
        task = progress.add_task("starting Ray, routers, engines and Megatron", total=rollouts)
        while True:
            try:
                return process.wait(1)
            except subprocess.TimeoutExpired:
                done = len([*folder.glob("rollout_[0-9]*.pt")])
                if done != seen:
                    seen = done
                    with (folder / PROGRESS).open("a") as lines:
                        lines.write(f"{datetime.now():%H:%M:%S} {done} of {rollouts} rollouts\n")
                if done:
                    progress.update(task, completed=done, description="rollouts")


def report(folder: Path, status: int) -> None:
    """Print what each rollout gave, or the end of the log of a run that failed."""
    console = Console()
    if status != 0:
        console.print("".join((folder / "log.txt").read_text(errors="replace").splitlines(keepends=True)[-LAST_LINES:]), markup=False)
        console.print(f"slime ended with status {status}; the whole log: {folder / 'log.txt'}", markup=False)
        return
    table = Table("rollout", "reward", "scored", "rejected", "missing", "gradient norm", "policy - engine", title="slime on CPU")
    for number, rollout in enumerate(read_rollouts(folder)):
        shares = [f"{rollout.share(verdict):.0%}" for verdict in ("scored", "rejected", "missing")]
        norm, apart = (f"{rollout.step[name]:.4f}" for name in ("grad_norm", "train_rollout_logprob_abs_diff"))
        table.add_row(str(number), f"{rollout.reward():.4f}", *shares, norm, apart)
    console.print(table)
    console.print("policy - engine: mean difference of log-probabilities; it is this small only if new weights reach the engine.")
    console.print(f"Samples, settings and log: {folder}", markup=False)
