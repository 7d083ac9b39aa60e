"""A launcher on a real Ray: the job with its runtime environment, hooks imported in a worker, and an end that leaves nothing behind.

slime is a stand-in that records what every rank sees, so this needs no checkout; the real one is in `tests/integration`.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import real_slime
import slime_command
import yaml
from stand_in_slime import build_checkout, free_ports, turns

ROOT = Path(__file__).parents[2]
pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    if not real_slime.PYTHON.exists():
        pytest.skip("make install-integration makes the environment that this test runs in")
    held_out = slime_command.write_rows(tmp_path / "prompts.held_out.jsonl", slime_command.prompt_row())
    slime_command.write_rows(tmp_path / "prompts.jsonl", slime_command.prompt_row(), slime_command.prompt_row(id="p2"))
    ray, dashboard, agent = free_ports(3)
    return {
        "PATH": f"{real_slime.PYTHON.parent}:{os.environ['PATH']}",
        "HOME": os.environ.get("HOME", "/"),
        "PYTHON": str(real_slime.PYTHON),
        "SLIME_ROOT": str(build_checkout(tmp_path / "slime")),
        "RUN_DIR": str(tmp_path / "run"),
        "PROMPT_DATA": str(tmp_path / "prompts.jsonl"),
        "EVAL_SETS": f"held_out={held_out}",
        "RAY_PORT": ray,
        "DASHBOARD_PORT": dashboard,
        "AGENT_PORT": agent,
        "RAY_AUTH_MODE": "disabled",
        "NUM_GPUS": "2",
        "NUM_ROLLOUT": "1",
        # There is neither a checkpoint nor slime's parser; the table says so, and the run goes on.
        "PREFLIGHT": "warn",
    }


def start(environment: dict[str, str], *words: str) -> subprocess.Popen[str]:
    command = ["bash", str(ROOT / "scripts" / "run_glm4_9b.sh"), "tests", *words]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True)


def processes_of(folder: Path) -> list[str]:
    lines = [" ".join(process.info["cmdline"] or []) for process in psutil.process_iter(["cmdline"])]
    return [line for line in lines if str(folder) in line]


def test_the_job_gets_the_command_and_the_environment_and_hooks_are_found_in_workers(environment, tmp_path):
    run = start(environment, "--", "--seed", "7")
    shown, _ = run.communicate(timeout=500)
    assert run.returncode == 0, shown[-4000:]
    [turn] = turns(tmp_path / "run")
    assert turn["argv"][-2:] == ["--seed", "7"]
    assert len(turn["ranks"]) == 2
    for rank in turn["ranks"]:
        assert rank["PYTHONPATH"].split(":")[-2:] == [str(ROOT), str(ROOT / "slime_plugins")]
    assert re.search(r"^ok +hooks +the Ray worker finds .*post_process.group_advantages", shown, re.MULTILINE)
    assert "failed       checkpoint" in shown
    assert "PREFLIGHT=warn" in shown
    assert (tmp_path / "run" / "command.txt").read_text().count("--seed 7") == 1
    assert processes_of(tmp_path) == []


@pytest.fixture
def cluster(environment, tmp_path: Path) -> Iterator[dict[str, str]]:
    """A Ray that is there, as KubeRay's head node has one; what the manifest tells its job."""
    scratch = tempfile.mkdtemp(prefix="ray-", dir="/tmp")
    ports = ["--port", environment["RAY_PORT"], "--dashboard-port", environment["DASHBOARD_PORT"]]
    ports += ["--dashboard-agent-listen-port", environment["AGENT_PORT"], "--dashboard-host", "127.0.0.1", "--temp-dir", scratch]
    command = ["ray", "start", "--head", "--block", "--node-ip-address", "127.0.0.1", "--num-gpus", "2", "--num-cpus", "8", *ports]
    with (tmp_path / "cluster.log").open("wb") as output:
        ray = subprocess.Popen(command, env=environment, stdout=output, stderr=subprocess.STDOUT, start_new_session=True)
    manifest = yaml.safe_load((ROOT / "docker" / "kubernetes" / "rayjob.yaml").read_text())
    told = yaml.safe_load(manifest["spec"]["runtimeEnvYAML"])["env_vars"]
    own = ("SLIME_ROOT", "RUN_DIR", "PROMPT_DATA", "EVAL_SETS", "PYTHON", "NUM_GPUS", "NUM_ROLLOUT", "PREFLIGHT")
    try:
        yield told | {name: environment[name] for name in own} | {"NODES": "1", "RAY_DASHBOARD": dashboard(environment)}
    finally:
        os.killpg(ray.pid, signal.SIGTERM)
        ray.wait(60)
        shutil.rmtree(scratch, ignore_errors=True)


def dashboard(environment: dict[str, str]) -> str:
    return f"http://127.0.0.1:{environment['DASHBOARD_PORT']}"


def test_a_launcher_is_itself_a_job_of_a_cluster_that_is_there(environment, cluster, tmp_path):
    submit = ["ray", "job", "submit", "--address", dashboard(environment), "--runtime-env-json", json.dumps({"env_vars": cluster})]
    submit += ["--", "bash", str(ROOT / "scripts" / "run_glm4_9b.sh"), "tests"]
    end = time.monotonic() + 400
    while subprocess.run(["ray", "job", "list", "--address", dashboard(environment)], env=environment, capture_output=True).returncode:
        assert time.monotonic() < end, (tmp_path / "cluster.log").read_text()
        time.sleep(1)
    done = subprocess.run(submit, env=environment, capture_output=True, text=True, check=False, timeout=500)
    assert done.returncode == 0, done.stdout[-4000:]
    [turn] = turns(tmp_path / "run")
    assert len(turn["ranks"]) == 2
    assert re.search(r"^ok +hooks +the Ray worker finds .*rewards.unit_test_reward", done.stdout, re.MULTILINE)
    assert not (tmp_path / "run" / "ray.log").exists(), "the launcher started no Ray of its own"


def test_a_run_that_would_not_work_starts_nothing(environment, tmp_path):
    run = start({**environment, "PREFLIGHT": "strict", "PREFLIGHT_RAY": "no"})
    shown, _ = run.communicate(timeout=500)
    assert run.returncode == 2
    assert shown.rstrip().endswith("error: the run would not work; mend what failed above.")
    assert not (tmp_path / "run" / "ray.log").exists()


def test_a_lost_connection_to_the_jobs_logs_does_not_end_the_job(environment, tmp_path):
    run = start({**environment, "NUM_ROLLOUT": "20", "PREFLIGHT_RAY": "no"})
    wait_for_a_checkpoint(run, tmp_path)
    while not (followers := [one for one in psutil.Process(run.pid).children(recursive=True) if words_of(one)[2:4] == ["job", "logs"]]):
        assert run.poll() is None
        time.sleep(0.1)
    for follower in followers:
        follower.kill()
    shown, _ = run.communicate(timeout=500)
    assert run.returncode == 0, shown[-4000:]
    assert "following it anew" in shown
    assert len(turns(tmp_path / "run")) == 1
    assert (tmp_path / "run" / "checkpoints" / "latest_checkpointed_iteration.txt").read_text() == "19"


def words_of(process: psutil.Process) -> list[str]:
    """Its command line; none of one that has ended meanwhile."""
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def wait_for_a_checkpoint(run: subprocess.Popen[str], folder: Path) -> None:
    tracker = folder / "run" / "checkpoints" / "latest_checkpointed_iteration.txt"
    end = time.monotonic() + 500
    while not tracker.exists() and run.poll() is None and time.monotonic() < end:
        time.sleep(0.5)
    assert tracker.exists()


def test_asked_to_stop_it_ends_the_job_and_what_it_started_and_nothing_else(environment, tmp_path):
    run = start({**environment, "NUM_ROLLOUT": "600", "PREFLIGHT_RAY": "no"})
    wait_for_a_checkpoint(run, tmp_path)
    run.send_signal(signal.SIGTERM)
    run.communicate(timeout=500)
    assert run.returncode == 143
    assert processes_of(tmp_path) == []
