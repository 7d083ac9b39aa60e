"""The batch script on a real Slurm: one node and two, a signal before the time limit, a GPU type that is not there.

slime is a stand-in that records what every rank sees (`stand_in_train`); Ray, its jobs and Slurm are real.
"""

import re
import time
from pathlib import Path

import pytest
import real_slime
from private_slurm import Slurm
from stand_in_slime import build_checkout, free_ports, turns

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "slurm" / "train.sbatch"
pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]


@pytest.fixture
def job(slurm: Slurm, tmp_path: Path) -> dict[str, str]:
    """Variables of a job that trains with the stand-in."""
    if not real_slime.PYTHON.exists():
        pytest.skip("make install-integration makes the environment that this test runs in")
    build_checkout(tmp_path / "slime")
    ray, dashboard, agent = free_ports(3)
    return {
        "PATH": f"{real_slime.PYTHON.parent}:{slurm.environment['PATH']}",
        "PYTHON": str(real_slime.PYTHON),
        "CODE_REWARD": str(ROOT),
        "SLIME_ROOT": str(tmp_path / "slime"),
        "RUN_DIR": str(tmp_path / "run"),
        "MASTER_ADDR": "127.0.0.1",
        "RAY_PORT": ray,
        "DASHBOARD_PORT": dashboard,
        "AGENT_PORT": agent,
        # The checkpoint and slime's parsers are not there; the table says so, and the run goes on.
        "PREFLIGHT": "warn",
        "PREFLIGHT_RAY": "no",
        "RAY_AUTH_MODE": "disabled",
        "NUM_ROLLOUT": "2",
    }


def submit(slurm: Slurm, job: dict[str, str], *options: str, words: tuple[str, ...] = ("run_glm4_9b.sh", "tests")) -> str:
    return slurm.submit(Path(f"{job['RUN_DIR']}.log"), *options, str(SCRIPT), *words, **job)


def finish(slurm: Slurm, job: dict[str, str], number: str, seconds: float = 600) -> list[dict]:
    """The turns of a job that must end well."""
    slurm.finish(number, Path(f"{job['RUN_DIR']}.log"), seconds)
    return turns(Path(job["RUN_DIR"]))


def wait_for_a_checkpoint(job: dict[str, str]) -> Path:
    tracker = Path(job["RUN_DIR"]) / "checkpoints" / "latest_checkpointed_iteration.txt"
    end = time.monotonic() + 600
    while not tracker.exists() and time.monotonic() < end:
        time.sleep(0.5)
    assert tracker.exists(), Path(f"{job['RUN_DIR']}.log").read_text()
    return tracker


def test_one_node_trains_on_its_gpus_with_the_launchers_options_and_environment(slurm, job):
    [turn] = finish(slurm, job, submit(slurm, job, "--nodes=1", "--gpus-per-node=8"))
    assert len(turn["ranks"]) == 8
    assert turn["argv"][0] == f"{job['SLIME_ROOT']}/train.py"
    assert "code_reward_slime.rewards.unit_test_reward" in turn["argv"]
    for rank in turn["ranks"]:
        assert str(ROOT / "slime_plugins") in rank["PYTHONPATH"]
        assert rank["CUDA_DEVICE_MAX_CONNECTIONS"] == "1"


def test_two_nodes_train_together_and_a_signal_queues_the_job_again_which_goes_on(slurm, job):
    job |= {"NUM_ROLLOUT": "25", "RM_URLS": "http://127.0.0.1:9"}
    del job["PREFLIGHT_RAY"]
    number = submit(slurm, job, "--nodes=2", "--gpus-per-node=8", words=("run_glm4_9b.sh", "rm"))
    tracker = wait_for_a_checkpoint(job)
    # What Slurm does five minutes before the time limit.
    assert slurm.run("scancel", "--batch", "--signal=USR1", number).returncode == 0
    slurm.wait(number, ("PENDING",), 300)
    saved = int(tracker.read_text())
    recorded = finish(slurm, job, number)
    assert [turn["first"] for turn in recorded] == [0, saved + 1], "it goes on after the last rollout that was saved"
    for turn in recorded:
        assert len(turn["ranks"]) == 16
        assert {rank["SLURMD_NODENAME"] for rank in turn["ranks"]} == {"n1", "n2"}
    log = Path(f"{job['RUN_DIR']}.log").read_text()
    assert "turn 2" in log
    assert re.search(r"^ok +hooks +the Ray worker finds .*rewards.model_reward", log, re.MULTILINE)


def test_a_job_that_somebody_cancels_is_not_queued_again(slurm, job):
    job |= {"NUM_ROLLOUT": "600"}
    number = submit(slurm, job, "--nodes=1", "--gpus-per-node=8")
    wait_for_a_checkpoint(job)
    assert slurm.run("scancel", number).returncode == 0
    assert slurm.wait(number, ("CANCELLED",), 300)["JobState"] == "CANCELLED"
    log = Path(f"{job['RUN_DIR']}.log")
    end = time.monotonic() + 60
    while slurm.run("squeue", "--noheader").stdout and time.monotonic() < end:
        time.sleep(0.5)
    assert slurm.run("squeue", "--noheader").stdout == ""
    assert "queued again" not in log.read_text()


def test_a_gpu_type_that_is_not_there_is_refused_before_anything_starts(slurm, job):
    done = slurm.run("sbatch", "--nodes=1", "--gpus-per-node=a100:8", str(SCRIPT), "run_glm4_9b.sh", "tests", **job)
    assert done.returncode != 0
    assert "Requested node configuration is not available" in done.stderr


@pytest.mark.parametrize(
    ("words", "environment", "message"),
    [
        (("run_gpt.sh", "tests"), {}, "name a launcher of scripts/ and its reward"),
        (("run_glm4_9b.sh", "tests"), {"RM_NODES": "1"}, "RM_NODES=1 leaves none of 1 nodes to train"),
    ],
)
def test_a_mistake_ends_the_job_with_one_sentence(slurm, job, words, environment, message):
    number = submit(slurm, job | environment, "--nodes=1", "--gpus-per-node=8", words=words)
    assert slurm.wait(number, ("FAILED", "COMPLETED"), 300)["JobState"] == "FAILED"
    assert message in Path(f"{job['RUN_DIR']}.log").read_text()
