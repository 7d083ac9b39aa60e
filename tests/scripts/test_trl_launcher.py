"""The TRL launcher for real, on CPU with a tiny model: two processes, a served reward model, a prefill, several passes per step."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from served_rm import serving
from stand_in_slime import free_ports
from tiny_policy import build_policy, problem
from tiny_rm import build_rm

from code_reward.problem import save_problems
from code_reward.rows import read_rows

ROOT = Path(__file__).parents[2]
SMALL = {"STEPS": "2", "PROMPTS": "4", "GROUP": "2", "RESPONSE_LENGTH": "6", "DEVICE_BATCH": "2", "PROCESSES": "2", "DEVICE": "cpu"}
pytestmark = [pytest.mark.integration, pytest.mark.timeout(1200)]


def run(folder: Path, reward: str, **environment: str) -> subprocess.CompletedProcess[str]:
    [port] = free_ports(1)
    places = {"MODEL_DIR": folder / "policy", "PROBLEMS": folder / "problems.jsonl", "RUN_DIR": folder / "run", "RM_DIR": folder / "rm"}
    env = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    env |= {"PYTHON": sys.executable, "OMP_NUM_THREADS": "1", "MASTER_PORT": port}
    env |= SMALL | {name: str(place) for name, place in places.items()} | environment
    command = ["bash", str(ROOT / "scripts" / "run_qwen25_coder.sh"), "1.5b", reward]
    return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=1000)


def test_two_processes_reinforce_one_policy_with_a_served_reward_model(tmp_path):
    from code_reward_trl.grpo import Rollout

    build_policy(tmp_path / "policy")
    build_rm(tmp_path / "rm", num_hidden_layers=1)
    save_problems(tmp_path / "problems.jsonl", [problem(i) for i in range(1, 9)])
    with serving(tmp_path / "rm") as (url, _):
        done = run(tmp_path, "rm", RM_URLS=url)
    assert done.returncode == 0, done.stderr[-4000:]
    trained = tmp_path / "run" / "policy"
    assert json.loads((trained / "trainer_state.json").read_text())["global_step"] == 2
    shares = [read_rows(tmp_path / "run" / f"policy.rollouts{rank}.jsonl", Rollout) for rank in ("", "1")]
    for step in range(2):
        parts = [[row for row in share if row.step == step] for share in shares]
        assert [len(part) for part in parts] == [4, 4], "each process has half of the step's completions"
    assert all(row.response.startswith("```python\n") for share in shares for row in share)
    assert (tmp_path / "run" / "command.txt").read_text().count("--rm-url") == 1
