"""The batch script of reward model training on a private Slurm: two nodes meet without Ray, a signal queues the job again.

Slurm, torchrun and the training are real; the nodes are this machine, and the model is tiny.
"""

import time
from pathlib import Path

import pytest
import tiny_rm

from code_reward.reward_data import Pair
from code_reward.rows import write_rows

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "slurm" / "train_rm.sbatch"
pytestmark = [pytest.mark.integration, pytest.mark.timeout(1500)]


@pytest.fixture
def job(tmp_path: Path) -> dict[str, str]:
    rm = tiny_rm.build_rm(tmp_path / "start")
    rows = [
        Pair(problem_id=f"p{i}", statement=tiny_rm.statement(i), chosen=tiny_rm.program(i), rejected=tiny_rm.program(i + 1))
        for i in range(16)
    ]
    write_rows(tmp_path / "pairs.jsonl", rows)
    return {
        "PATH": f"{ROOT / '.venv' / 'bin'}:/usr/bin:/bin:/usr/sbin:/sbin",
        "PYTHON": str(ROOT / ".venv" / "bin" / "python"),
        "CODE_REWARD": str(ROOT),
        "INIT": str(rm),
        "DATA": str(tmp_path / "pairs.jsonl"),
        "OUT": str(tmp_path / "run" / "rm"),
        "MASTER_ADDR": "127.0.0.1",
        "NUM_GPUS": "1",
        "ROW_TOKENS": "512",
        "RECIPE": "tiny",
        "OMP_NUM_THREADS": "1",
    }


def test_two_nodes_train_and_a_signal_queues_the_job_again_which_goes_on(slurm, job, tmp_path):
    log = tmp_path / "log.txt"
    number = slurm.submit(log, "--nodes=2", str(SCRIPT), "pairs", "--", "--batch-size", "4", "--epochs", "60", "--save-steps", "10", **job)
    checkpoints = tmp_path / "run" / "rm.checkpoints"
    end = time.monotonic() + 600
    while not list(checkpoints.glob("checkpoint-*/trainer_state.json")) and time.monotonic() < end:
        time.sleep(0.2)
    assert list(checkpoints.glob("checkpoint-*/trainer_state.json")), log.read_text()
    # What Slurm does five minutes before the time limit.
    assert slurm.run("scancel", "--batch", "--signal=USR1", number).returncode == 0
    slurm.finish(number, log, 900)
    text = log.read_text()
    assert "turn 2" in text
    assert "nodes: n1 n2" in text
    assert (tmp_path / "run" / "rm" / "reference_scores.json").is_file()
    assert not checkpoints.exists()


def test_a_stage_that_is_none_ends_the_job_with_a_sentence(slurm, job, tmp_path):
    done = slurm.run("sbatch", "--wait", f"--output={tmp_path}/log.txt", str(SCRIPT), "both", **job)
    assert done.returncode == 2
    assert "name the stage" in (tmp_path / "log.txt").read_text()
