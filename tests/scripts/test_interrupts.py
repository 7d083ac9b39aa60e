"""Ctrl-C on the long commands: one line at once, an end soon, no process and no temporary file left.

The commands are started as in a shell, and interrupted as by a terminal, which tells the whole group of processes. How soon is measured by
nobody: a command that waits for its work to end would take minutes, and these tests as long.

A run of slime is interrupted in tests/integration.
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
from shared_memory import shared_memory_of
from tiny_policy import build_policy, pair, problem, right, statement

from code_reward.problem import save_problems

ROOT = Path(__file__).parents[2]
ENDLESS = "def shift(n):\n    while True:\n        pass"


@pytest.fixture(scope="module")
def policy(tmp_path_factory):
    return build_policy(tmp_path_factory.mktemp("policies") / "policy")


@pytest.fixture
def folder(tmp_path, policy):
    """Inputs on which the commands work for minutes."""
    (tmp_path / "policy").symlink_to(policy)
    (tmp_path / "pairs.jsonl").write_text("".join(pair(1 + i % 8).model_dump_json() + "\n" for i in range(16)))
    rows = [{"problem_id": f"p{i}", "statement": statement(i), "program": right(i), "passed": True} for i in range(1, 9)]
    (tmp_path / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    save_problems(tmp_path / "problems.jsonl", [problem(i) for i in range(1, 5)])
    answers = [{"problem_id": f"p{1 + i % 4}", "program": f"{ENDLESS}  # {i}"} for i in range(400)]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in answers))
    (tmp_path / "tmp").mkdir()
    return tmp_path


POLICY = ["--policy", "policy", "--problems", "problems.jsonl", "--max-new-tokens", "6"]
LONG = {
    "quickstart": ["scripts.quickstart", "--out", "quickstart"],
    "ablation": ["scripts.ablation", "--out", "ablation"],
    "bench-extraction": ["scripts.bench_extraction"],
    "bench-reward": ["scripts.bench_reward", "--parts", "faults"],
    "bench-mcts": ["scripts.bench_mcts", "driver"],
    "label": ["data_prep.label", "--problems", "problems.jsonl", "--candidates", "answers.jsonl", "--out", "labels.parquet"],
    "sandbox": ["reward_servers.sandbox", "--port", "0"],
    "train": ["rm_train.train", "--pairs", "pairs.jsonl", "--init", "policy", "--out", "out", "--epochs", "1e5", "--save-steps", "5"],
    "sft": ["code_reward_trl.sft", "--data", "rows.jsonl", "--init", "policy", "--out", "out", "--epochs", "1e5", "--save-steps", "5"],
    "grpo": ["code_reward_trl.grpo", *POLICY, "--out", "out", "--reward", "tests", "--steps", "10000", *["--prompts", "2", "--group", "2"]],
    "sample": ["code_reward_trl.sample", *POLICY, "--out", "out.jsonl", "--samples", "100000", "--processes", "2"],
}
AT_WORK = {"train": "out.checkpoints/checkpoint-*", "sft": "out.checkpoints/checkpoint-*", "grpo": "out.rollouts.jsonl"}
"""The files by which one sees that a command trains, which it does long after it has begun to compute."""


@pytest.mark.timeout(1500)
@pytest.mark.parametrize("name", LONG)
def test_an_interrupted_command_says_one_line_and_leaves_nothing(name, folder):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "slime_plugins"), str(ROOT / "trl_plugins")])}
    environment |= {"TMPDIR": str(folder / "tmp"), "OMP_NUM_THREADS": "1"}
    options = {"cwd": folder, "env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.PIPE, "start_new_session": True}
    options["preexec_fn"] = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # A shell's background ignores it.
    with subprocess.Popen([sys.executable, "-m", *LONG[name]], text=True, **options) as process:
        try:
            wait_until_it_works(process, folder / AT_WORK[name] if name in AT_WORK else None)
            started = psutil.Process(process.pid).children(recursive=True)
            shared = {name for one in [process, *started] for name in shared_memory_of(one.pid)}
            os.killpg(process.pid, signal.SIGINT)
            said = process.stderr.read()
            status = process.wait()
        finally:
            if process.poll() is None:  # The test has failed, and the command would work for days.
                os.killpg(process.pid, signal.SIGKILL)
    lines = [line for line in said.splitlines() if "interrupted" in line]
    # Python itself ends by the signal, whatever is asked for, where Ctrl-C has come in the middle of an `exec`, as of a dataclass being
    # made; to a shell that is 130 as well.
    ended = 130 if status == -signal.SIGINT else status
    assert (ended, lines) in ((130, ["error: interrupted; what was finished is kept."]), (0, [])), said
    assert "Traceback" not in said, said
    _, left = psutil.wait_procs(started, timeout=30)
    assert left == []
    assert [path.name for path in (folder / "tmp").rglob("*") if path.is_file()] == []
    assert set(os.listdir("/dev/shm")) & shared == set()


def wait_until_it_works(process, files):
    """It has computed for longer than it takes to start, or has started others; or there are the files by which one sees it."""
    watched = psutil.Process(process.pid)
    while process.poll() is None:
        times = watched.cpu_times()
        computes = times.user + times.system > 2 or watched.children(recursive=True)
        if computes if files is None else list(files.parent.glob(files.name)):
            time.sleep(1)
            return
        time.sleep(0.1)
    raise AssertionError(f"it ended by itself: {process.stderr.read()}")
