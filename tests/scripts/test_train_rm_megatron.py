"""The launcher of reward model training on Megatron: what it says it would do, and what it refuses. Runs are integration tests."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

SCRIPT = Path(__file__).parents[2] / "scripts" / "train_rm_megatron.sh"


@pytest.fixture
def slime(tmp_path):
    models = tmp_path / "slime" / "scripts" / "models"
    models.mkdir(parents=True)
    (models / "tiny.sh").write_text("MODEL_ARGS=(--num-layers 2)\n")
    (tmp_path / "slime" / "train.py").touch()
    (tmp_path / "model").mkdir()
    (tmp_path / "p.jsonl").touch()
    return tmp_path / "slime"


def launch(*words, **variables):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run([SCRIPT, *words], capture_output=True, text=True, check=False, env=kept | variables)


def test_a_dry_run_shows_every_command_and_touches_nothing(slime, tmp_path):
    run = tmp_path / "run"
    done = launch(
        "pairs",
        "--dry-run",
        "--",
        "--seed",
        "7",
        INIT=str(tmp_path / "model"),
        DATA=str(tmp_path / "p.jsonl"),
        SLIME_ROOT=str(slime),
        MODEL_SCRIPT="tiny.sh",
        RUN_DIR=str(run),
    )
    assert done.returncode == 0, done.stderr
    for word in (
        "reward_model.prepare",
        "--num-layers 2",
        "--sequence-parallel",
        "reward_model.flags",
        "reward_model.collect",
        f"--out {run}/rm",
    ):
        assert word in done.stdout
    train = done.stdout.partition("train.py")[2].partition("# the reward model")[0]
    assert train.rstrip().endswith("--seed 7")
    assert "--lr 5e-7" in train
    assert not run.exists()


def test_a_dry_run_names_what_is_missing_and_ends_with_an_error(slime, tmp_path):
    (slime / "train.py").unlink()
    done = launch("pairs", "--dry-run", INIT="no_model", DATA="no_pairs.jsonl", SLIME_ROOT=str(slime), MODEL_SCRIPT="tiny.sh")
    assert done.returncode == 1
    assert "reward_model.collect" in done.stdout, "the commands are shown all the same"
    missing = done.stderr.splitlines()
    assert [line.rpartition("(")[2].partition(")")[0] for line in missing] == ["INIT", "DATA", "SLIME_ROOT"]
    assert all(line.startswith("missing: ") for line in missing)


def test_a_run_that_has_a_checkpoint_goes_on_from_it(slime, tmp_path):
    checkpoints = tmp_path / "run" / "checkpoints"
    options = {"INIT": "rm", "DATA": "p.jsonl", "SLIME_ROOT": str(slime), "MODEL_SCRIPT": "tiny.sh", "RUN_DIR": str(tmp_path / "run")}
    assert f"--load {checkpoints}" not in launch("prefixes", "--dry-run", **options).stdout
    checkpoints.mkdir(parents=True)
    (checkpoints / "latest_checkpointed_iteration.txt").write_text("3")
    assert f"--load {checkpoints}" in launch("prefixes", "--dry-run", **options).stdout


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        ([], {}, "name the stage"),
        (["both"], {}, "'both' is no stage"),
        (["pairs"], {}, "INIT must name"),
        (["pairs"], {"INIT": "m"}, "DATA must name the file of pairs"),
        (["pairs"], {"INIT": "m", "DATA": "d"}, "SLIME_ROOT must name"),
        (["pairs"], {"INIT": "m", "DATA": "d", "SLIME_ROOT": "/nowhere"}, "MODEL_SCRIPT must name a file"),
        (["pairs"], {"INIT": "m", "DATA": "d", "NUM_GPUS": "3"}, "does not divide NUM_GPUS=3"),
        (["pairs"], {"INIT": "m", "DATA": "d", "BATCH": "many"}, "BATCH is 'many', not a whole number"),
        (["pairs", "--profile", "huge"], {}, "the only one is cpu-tiny"),
    ],
)
def test_what_cannot_run_is_refused_in_one_sentence(words, variables, said):
    done = launch(*words, **variables)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_rays_nodes_are_told_their_variables_without_a_run(tmp_path):
    done = launch("pairs", "--job-environment", MEGATRON_ROOT="/m", SLIME_ROOT="/s")
    assert done.stdout.startswith("PYTHONPATH=/m:/s:")
