"""Runs each way in a process of its own and puts the figures side by side: `python -m scripts.bench_rm MODEL DATA --out FILE`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from code_reward.cli import run
from code_reward.errors import CodeRewardError
from code_reward.files import write_text
from scripts.bench_rm.settings import Bench, Way


def measure(way: Way, settings: Bench) -> dict[str, Any]:
    """The figures of one way, its peak of resident memory included."""
    with tempfile.TemporaryDirectory() as folder:
        figures = Path(folder) / "figures.json"
        options = settings.model_dump_json()
        environment = {**os.environ, "OMP_NUM_THREADS": str(settings.threads), "TOKENIZERS_PARALLELISM": "false"}
        child = subprocess.Popen([sys.executable, "-m", "scripts.bench_rm.way", way, options, str(figures)], env=environment)
        _, status, used = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode:
            raise CodeRewardError(f"{way} ended with status {child.returncode}; see above.")
        return {**json.loads(figures.read_text()), "peak_gb": round(used.ru_maxrss * 1024 / 1e9, 2)}


def main(settings: Bench) -> None:
    """Measure, print a table, write."""
    from rich.console import Console
    from rich.table import Table

    if settings.kind == "prefixes" and "trl" in settings.ways:
        raise CodeRewardError('TRL trains on pairs alone; give --ways \'["shared", "alone"]\' with --kind prefixes.')
    asked = settings.model_dump(mode="json", exclude={"out", "ways"})
    found = json.loads(settings.out.read_bytes()) if settings.out.is_file() else {"asked": asked}
    if found["asked"] != asked:
        raise CodeRewardError(f"{settings.out} holds figures of other settings; name another --out.")
    for way in settings.ways:
        if way not in found:
            found[way] = measure(way, settings)
            write_text(settings.out, json.dumps(found, indent=1) + "\n")
    columns = ("examples", "steps", "cpu_seconds", "seconds", "per_cpu_second", "tokens", "padding", "peak_gb", "first_loss", "last_loss")
    table = Table("way", *columns)
    for way in settings.ways:
        table.add_row(way, *(str(found[way].get(column, "")) for column in columns))
    Console(width=140).print(table)


if __name__ == "__main__":
    run(Bench, main)
