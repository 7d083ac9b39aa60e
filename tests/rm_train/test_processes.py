"""Two processes learn what one learns, with a copy of the model each and with a part of it each."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch
from safetensors.torch import load_file
from tiny_policy import pair, right, wrong

from code_reward.reference import Reference, compare
from code_reward.rows import write_rows
from reward_servers.scorer import Scorer
from rm_train.loop import Run
from rm_train.settings import Train
from rm_train.train import main

ROWS = [pair(i, weight=0.5 + i / 8, rejected=wrong(other)) for i in range(1, 6) for other in range(i, i + 7)]
ROWS += [pair(1, chosen=f"{right(1)} + {other} - {other}") for other in range(5)]


def command(folder: Path, policy: Path, name: str, *options: str, processes: int = 1) -> list[str]:
    write_rows(folder / "pairs.jsonl", ROWS)
    # Rows so short that a step of ten pairs takes several in every process.
    files = ["--pairs", str(folder / "pairs.jsonl"), "--init", str(policy), "--out", str(folder / name)]
    recipe = ["--recipe", "tiny", "--epochs", "5", "--batch-size", "10", "--row-tokens", "128", "--learning-rate", "3e-3"]
    many = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(processes)] if processes > 1 else []
    return [sys.executable, *many, "-m", "rm_train.train", *files, *recipe, *options]


def train(folder: Path, policy: Path, name: str, *options: str, processes: int = 1) -> subprocess.CompletedProcess[str]:
    words = command(folder, policy, name, *options, processes=processes)
    return subprocess.run(words, capture_output=True, text=True, check=False, env={**os.environ, "OMP_NUM_THREADS": "1"})


def learnt(folder: Path) -> tuple[list[float], dict[str, torch.Tensor]]:
    log = json.loads((folder / "trainer_state.json").read_text())["log_history"]
    return [line["loss"] for line in log], load_file(folder / "model.safetensors")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory, policy_dir: Path) -> Path:
    """What one process learns in 20 steps."""
    folder = tmp_path_factory.mktemp("alone")
    done = train(folder, policy_dir, "rm")
    assert done.returncode == 0, done.stderr
    assert json.loads((folder / "rm" / "trainer_state.json").read_text())["global_step"] == 20
    return folder / "rm"


@pytest.mark.parametrize("options", [(), ("--shard",), ("--shard", "--recompute")], ids=["copies", "shards", "recomputed shards"])
def test_two_processes_learn_what_one_learns(tmp_path: Path, policy_dir: Path, alone: Path, options: tuple[str, ...]) -> None:
    done = train(tmp_path, policy_dir, "rm", *options, processes=2)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("trained on 40 pairs of 5 problems") == 1, "one process speaks"
    (losses, weights), (expected_losses, expected) = learnt(tmp_path / "rm"), learnt(alone)
    assert losses == pytest.approx(expected_losses, abs=1e-6)
    for name, tensor in expected.items():
        torch.testing.assert_close(weights[name], tensor, rtol=0, atol=5e-6, msg=f"{name} differs")
    reference = Reference.load(tmp_path / "rm")
    assert compare(reference, Scorer(tmp_path / "rm").score([item.ids for item in reference.items]), "float32") is None


def test_adapters_in_shards_learn_what_those_of_one_process_learn(tmp_path: Path, policy_dir: Path) -> None:
    found = {}
    for name, shard, processes in (("one", [], 1), ("two", ["--shard"], 2)):
        done = train(tmp_path, policy_dir, name, "--lora", "4", "--epochs", "2", *shard, processes=processes)
        assert done.returncode == 0, done.stderr
        assert "view tensor" not in done.stderr
        found[name] = learnt(tmp_path / name)
    assert found["two"][0] == pytest.approx(found["one"][0], abs=1e-6)
    assert found["two"][1].keys() == found["one"][1].keys()
    for name, tensor in found["one"][1].items():
        torch.testing.assert_close(found["two"][1][name], tensor, rtol=0, atol=5e-6, msg=f"{name} differs")


def test_when_a_process_is_killed_none_is_left_waiting_and_the_last_checkpoint_is_kept(tmp_path: Path, policy_dir: Path) -> None:
    running = subprocess.Popen(
        command(tmp_path, policy_dir, "rm", "--epochs", "100000", "--save-steps", "4", processes=2),
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    with running:
        try:
            while not list(tmp_path.glob("rm.checkpoints/checkpoint-*/trainer_state.json")):
                assert running.poll() is None, running.stderr.read() if running.stderr else ""
                time.sleep(0.1)
            workers = [child for child in psutil.Process(running.pid).children() if child.environ().get("RANK") in ("0", "1")]
            assert len(workers) == 2
            next(child for child in workers if child.environ()["RANK"] == "1").kill()
            _, said = running.communicate()
        finally:
            running.kill()
    assert running.returncode != 0
    assert not [child for child in workers if child.is_running() and child.status() != psutil.STATUS_ZOMBIE]
    assert list(tmp_path.glob("rm.checkpoints/checkpoint-*/trainer_state.json")), said
    assert not (tmp_path / "rm").exists()


def test_a_run_of_one_process_goes_on_in_shards_of_two(
    tmp_path: Path, policy_dir: Path, alone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Run._step

    def killed_after_ten(run: Run, *arguments: Any) -> None:
        if run.log.step == 10:
            raise KeyboardInterrupt
        real(run, *arguments)

    write_rows(tmp_path / "pairs.jsonl", ROWS)
    options = {"epochs": 5, "batch_size": 10, "row_tokens": 128, "learning_rate": 3e-3, "save_steps": 8}
    settings = Train(pairs=tmp_path / "pairs.jsonl", init=policy_dir, out=tmp_path / "rm", recipe="tiny", **options)
    with monkeypatch.context() as patched:
        patched.setattr(Run, "_step", killed_after_ten)
        with pytest.raises(KeyboardInterrupt):
            main(settings)
    assert [path.parent.name for path in tmp_path.glob("rm.checkpoints/checkpoint-*/trainer_state.json")] == ["checkpoint-8"]
    done = train(tmp_path, policy_dir, "rm", "--shard", processes=2)
    assert done.returncode == 0, done.stderr
    (losses, weights), (expected_losses, expected) = learnt(tmp_path / "rm"), learnt(alone)
    assert losses == pytest.approx(expected_losses, abs=1e-5)
    for name, tensor in expected.items():
        torch.testing.assert_close(weights[name], tensor, rtol=0, atol=1e-4, msg=f"{name} differs")
