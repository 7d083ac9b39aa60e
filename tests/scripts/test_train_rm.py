"""The launcher of reward model training on a node: the command it makes, what it refuses, and what it checks first."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import get_args

import pytest
import tiny_rm

from code_reward.reward_data import Pair
from code_reward.rows import write_rows
from rm_train.recipes import Recipe

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "train_rm.sh"


@pytest.fixture(scope="module")
def rm(tmp_path_factory):
    return tiny_rm.build_rm(tmp_path_factory.mktemp("rm") / "rm")


@pytest.fixture
def interpreter(tmp_path):
    """Python, but what torchrun would be is written down in its place."""
    path = tmp_path / "python"
    path.write_text(
        f'#!/bin/sh\ncase "$*" in *scripts.launch.torchrun*) echo "$@" >{tmp_path}/torchrun ;; *) exec {sys.executable} "$@" ;; esac\n'
    )
    path.chmod(0o755)
    return path


def launch(*words, **variables):
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run([SCRIPT, *words], capture_output=True, text=True, check=False, env=kept | variables)


def test_a_dry_run_shows_the_command_and_the_memory_and_touches_nothing(rm, tmp_path):
    options = {
        "INIT": str(rm),
        "DATA": str(tmp_path / "p.jsonl"),
        "OUT": str(tmp_path / "run" / "rm"),
        "PYTHON": sys.executable,
        "VALID": str(tmp_path / "v.jsonl"),
        "NUM_GPUS": "4",
    }
    for name in ("p.jsonl", "v.jsonl"):
        (tmp_path / name).touch()
    done = launch("pairs", "--dry-run", "--", "--seed", "7", **options)
    assert done.returncode == 0, done.stderr
    command = done.stdout.replace("\\\n", " ")
    for words in (
        "--nproc-per-node 4",
        "--standalone",
        "-m rm_train.train",
        "--shard",
        "--recipe coderm-nt-2",
        f"--valid {tmp_path}/v.jsonl",
        "--seed 7",
    ):
        assert words in " ".join(command.split())
    assert "an estimate" in done.stdout
    assert "(16 P + 4 F) / N" in done.stdout
    assert not (tmp_path / "run").exists()


def test_a_dry_run_names_what_is_missing_and_ends_with_an_error():
    done = launch("pairs", "--dry-run", INIT="no_model", DATA="no_pairs.jsonl", VALID="no_valid.jsonl", PYTHON=sys.executable)
    assert done.returncode == 1
    assert "-m rm_train.train" in done.stdout, "the command is shown all the same"
    assert [line.rpartition("(")[2].partition(")")[0] for line in done.stderr.splitlines()] == ["INIT", "DATA", "VALID"]


def test_several_nodes_meet_at_one_address(rm):
    done = launch(
        "prefixes", "--dry-run", INIT=str(rm), DATA="p", PYTHON=sys.executable, NODES="2", MASTER_ADDR="n1", MASTER_PORT="4", NUM_GPUS="8"
    )
    said = " ".join(done.stdout.replace("\\\n", " ").split())
    assert "--nnodes 2" in said
    assert "--rdzv-endpoint n1:4" in said
    assert "-m rm_train.regress" in said
    assert "on 16 GPUs" in said


@pytest.mark.parametrize(
    ("words", "variables", "said"),
    [
        ([], {}, "name the stage"),
        (["pair"], {}, "'pair' is no stage; name one of: prefixes or pairs"),
        (["pairs"], {}, "INIT must name"),
        (["pairs"], {"INIT": "m"}, "DATA must name the file of pairs"),
        (["pairs"], {"INIT": "m", "DATA": "d", "RECIPE": "best"}, f"RECIPE is 'best'; use one of: {' '.join(get_args(Recipe))}."),
        (
            ["pairs"],
            {"INIT": "m", "DATA": "d", "PREFLIGHT": "perhaps", "OUT": "/tmp/x/rm"},
            "PREFLIGHT is 'perhaps'; use one of: strict warn skip",
        ),
    ],
)
def test_what_cannot_run_is_refused_in_one_sentence(words, variables, said):
    done = launch(*words, **variables)
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


def test_what_is_bad_is_found_before_torchrun_starts_unless_it_is_only_a_warning(rm, interpreter, tmp_path):
    options = {
        "INIT": str(rm),
        "DATA": str(tmp_path / "p.jsonl"),
        "OUT": str(tmp_path / "run" / "rm"),
        "PYTHON": str(interpreter),
        "NUM_GPUS": "2",
    }
    done = launch("pairs", **options)
    assert done.returncode == 2
    assert "FAIL data" in done.stdout
    assert "mend what failed above" in done.stderr
    assert not (tmp_path / "torchrun").exists()
    assert launch("pairs", **options, PREFLIGHT="warn").returncode == 0
    assert (tmp_path / "torchrun").exists()


def test_what_is_good_goes_to_torchrun(rm, interpreter, tmp_path):
    write_rows(tmp_path / "p.jsonl", [Pair(problem_id="p", statement="s", chosen="a = 1", rejected="b = 1")])
    options = {
        "INIT": str(rm),
        "DATA": str(tmp_path / "p.jsonl"),
        "OUT": str(tmp_path / "run" / "rm"),
        "PYTHON": str(interpreter),
        "NUM_GPUS": "2",
    }
    done = launch("pairs", "--", "--epochs", "3", **options, RECIPE="", SHARD="0")
    assert done.returncode == 0, done.stderr
    command = (tmp_path / "torchrun").read_text()
    assert "--epochs 3" in command
    assert "--recipe" not in command
    assert "--shard" not in command
