"""The path that a user takes, without a GPU: launcher, preflight, served reward model, Ray's job, slime's own train.py with our hooks.

It is stopped after its first checkpoint, leaves nothing running, and goes on from there. Everything is real but
tiny models (`--profile cpu-tiny`).
"""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import real_slime
from stand_in_slime import free_ports

ROOT = Path(__file__).parents[2]
MAKE = """
import sys
from pathlib import Path
from code_reward.problem import save_problems
from scripts.slime_cpu.models import build_policy, build_rm, make_problems
folder = Path(sys.argv[1])
build_rm(folder / "rm", build_policy(folder / "policy", sys.argv[2]))
save_problems(folder / "problems.jsonl", make_problems())
"""
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


def make_models(folder: Path, architecture: str) -> None:
    """A policy, a reward model, prompts and held-out problems."""
    environment = os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'slime_plugins'}:{ROOT / 'trl_plugins'}"}
    subprocess.run([sys.executable, "-c", MAKE, str(folder), architecture], check=True, env=environment, capture_output=True)
    prompts = ["problems", "--path", str(folder / "problems.jsonl"), "--out", str(folder / "prompts.jsonl"), "--held-out", "2"]
    command = [sys.executable, "-m", "data_prep.prompts", *prompts, "--instruction", ""]
    subprocess.run(command, check=True, env=environment, capture_output=True)


def launch(script: str, folder: Path, log: Path, **environment: str) -> subprocess.Popen[bytes]:
    real = real_slime.environment()
    ports = dict(zip(("RAY_PORT", "DASHBOARD_PORT", "AGENT_PORT", "RM_PORT"), free_ports(4), strict=True))
    places = {"MODEL_DIR": folder / "policy", "RM_DIR": folder / "rm", "PROMPT_DATA": folder / "prompts.jsonl", "RUN_DIR": folder / "run"}
    kept = {name: real[name] for name in ("PATH", "HOME", "SLIME_ROOT", "MEGATRON_ROOT", "OMP_NUM_THREADS")}
    env = kept | ports | {name: str(place) for name, place in places.items()} | environment
    command = ["bash", str(ROOT / "scripts" / script), "rm", "--profile", "cpu-tiny"]
    with log.open("ab") as output:
        return subprocess.Popen(command, env=env, cwd=folder, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)


def left_behind(folder: Path) -> list[str]:
    """Processes that still know the run's folder."""
    found = []
    for process in psutil.process_iter(["cmdline", "pid"]):
        words = " ".join(process.info["cmdline"] or [])
        if str(folder) in words and process.info["pid"] != os.getpid():
            found.append(words)
    return found


@pytest.mark.parametrize(("script", "architecture"), [("run_qwen3_4b_thinking.sh", "qwen3"), ("run_glm4_9b.sh", "glm4")])
def test_a_run_that_is_stopped_goes_on_from_its_last_checkpoint(tmp_path, script, architecture):
    real_slime.environment()
    make_models(tmp_path, architecture)
    log, tracker = tmp_path / "log.txt", tmp_path / "run" / "checkpoints" / "latest_checkpointed_iteration.txt"
    first = launch(script, tmp_path, log, NUM_ROLLOUT="30")
    end = time.monotonic() + 300
    while not tracker.exists() and first.poll() is None and time.monotonic() < end:
        time.sleep(0.5)
    assert tracker.exists(), log.read_text()[-6000:]
    first.send_signal(signal.SIGTERM)
    assert first.wait(120) == 143
    assert left_behind(tmp_path) == []
    saved = int(tracker.read_text())
    assert "failed " not in log.read_text().partition("submitting")[0], "the preflight had nothing against it"

    log.write_text("")
    last = saved + 1
    second = launch(script, tmp_path, log, NUM_ROLLOUT=str(last + 1))
    assert second.wait(300) == 0, log.read_text()[-6000:]
    text = log.read_text()
    assert f"goes on from {tmp_path / 'run' / 'checkpoints'}, iteration {saved}" in text
    assert int(tracker.read_text()) == last
    trained = {int(number) for number in re.findall(r"rollout (\d+):", text)}
    assert trained == {last}, "no rollout is trained on twice"
    assert left_behind(tmp_path) == []
