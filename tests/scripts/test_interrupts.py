"""Ctrl-C on the long commands: one line at once, an end soon, no process and no temporary file left.

The commands are started as in a shell, and interrupted as by a terminal, which tells the whole group of processes. How soon is measured by
nobody: a command that waits for its work to end would take minutes, and these tests as long.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from tiny_policy import problem

from code_reward.problem import save_problems

ROOT = Path(__file__).parents[2]
ENDLESS = "def shift(n):\n    while True:\n        pass"


@pytest.fixture
def folder(tmp_path):
    """Inputs on which the commands work for minutes."""
    save_problems(tmp_path / "problems.jsonl", [problem(i) for i in range(1, 5)])
    answers = [{"problem_id": f"p{1 + i % 4}", "program": f"{ENDLESS}  # {i}"} for i in range(400)]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    (tmp_path / "tmp").mkdir()
    return tmp_path


LONG = {
    "quickstart": ["scripts.quickstart", "--out", "quickstart"],
    "ablation": ["scripts.ablation", "--out", "ablation"],
    "bench-extraction": ["scripts.bench_extraction"],
    "bench-reward": ["scripts.bench_reward", "--parts", "stall"],
    "bench-mcts": ["scripts.bench_mcts", "driver"],
    "label": ["data_prep.label", "--problems", "problems.jsonl", "--candidates", "answers.jsonl", "--out", "labels.parquet"],
    "sandbox": ["reward_servers.sandbox", "--port", "0"],
}


@pytest.mark.timeout(300)
@pytest.mark.parametrize("command", LONG.values(), ids=LONG)
def test_an_interrupted_command_says_one_line_and_leaves_nothing(command, folder):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "slime_plugins"), str(ROOT / "trl_plugins")])}
    environment |= {"TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"}
    options = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "start_new_session": True}
    with subprocess.Popen([sys.executable, "-m", *command], text=True, **options) as process:
        wait_until_it_works(process)
        started = psutil.Process(process.pid).children(recursive=True)
        os.killpg(process.pid, signal.SIGINT)
        said = process.stderr.read()
        status = process.wait()
    lines = [line for line in said.splitlines() if "interrupted" in line]
    assert (status, lines) in ((130, ["error: interrupted; what was finished is kept."]), (0, [])), said
    assert "Traceback" not in said
    _, left = psutil.wait_procs(started, timeout=30)
    assert left == []
    assert [path.name for path in (folder / "tmp").rglob("*") if path.is_file()] == []


def wait_until_it_works(process):
    """It has computed for longer than it takes to start, or has started others."""
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        times = watched.cpu_times()
        if times.user + times.system > 2 or watched.children(recursive=True):
            time.sleep(1)
            return
        time.sleep(0.1)
    raise AssertionError(f"it ended by itself: {process.stderr.read()}")
