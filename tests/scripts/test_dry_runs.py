"""Dry runs of the launchers, read before GPUs are rented: what is absent or wrong is named with what to do, and the status says so."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from slime_command import CONFIG, prompt_row, write_rows
from tiny_rm import build_client_folder

ROOT = Path(__file__).parents[2]
QWEN = ("run_qwen3_4b_thinking.sh", "rm")


@pytest.fixture
def ready(tmp_path):
    """The variables of a run that lacks nothing: a policy, a reward model, prompts, held-out problems, slime's numbers of the policy."""
    (tmp_path / "policy").mkdir()
    (tmp_path / "policy" / "config.json").write_text(json.dumps(CONFIG))
    (tmp_path / "policy" / "model.safetensors").write_bytes(b"\0" * 1000)
    (build_client_folder(tmp_path / "rm", score=len) / "config.json").write_text(json.dumps(CONFIG | {"max_position_embeddings": 1024}))
    rows = write_rows(tmp_path / "prompts.jsonl", prompt_row(), prompt_row(id="p2"))
    models = tmp_path / "slime" / "scripts" / "models"
    models.mkdir(parents=True)
    (tmp_path / "slime" / "train.py").touch()
    numbers = "--num-layers 2 --hidden-size 64 --ffn-hidden-size 160 --num-attention-heads 4 --vocab-size 2048 --rotary-base 5000000"
    for name in ("qwen3-4B-Instruct-2507.sh", "glm4-9B.sh"):
        (models / name).write_text(f"MODEL_ARGS=({numbers})\n")
    return {
        "PYTHON": sys.executable,
        "SLIME_ROOT": str(tmp_path / "slime"),
        "MODEL_DIR": str(tmp_path / "policy"),
        "RM_DIR": str(tmp_path / "rm"),
        "PROMPT_DATA": str(rows),
        "EVAL_SETS": f"held_out={rows}",
        "RUN_DIR": str(tmp_path / "run"),
    }


def launch(script, *words, **variables):
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = ["bash", str(ROOT / "scripts" / script), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=kept | variables, timeout=300)


@pytest.mark.parametrize(("script", "reward"), [QWEN, ("run_glm4_9b.sh", "tests"), ("run_glm4_9b.sh", "hybrid")])
def test_a_run_that_lacks_nothing_passes_and_nothing_is_touched(ready, tmp_path, script, reward):
    before = sorted(tmp_path.rglob("*"))
    done = launch(script, reward, "--dry-run", **ready)
    assert (done.returncode, done.stderr) == (0, "")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    "places", [{"NODES": "2"}, {"RM_PLACEMENT": "slime", "RM_GPUS": "2"}, {"RM_URLS": "http://a:1 http://b:2", "COLOCATE": "1"}]
)
def test_every_split_of_the_gpus_adds_up(ready, places):
    done = launch(*QWEN, "--dry-run", **ready, **places)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"LR": "fast"}, "LR is 'fast', not a number"),
        ({"TEMPERATURE": "1,0"}, "TEMPERATURE is '1,0', not a number"),
        ({"GROUP": "0"}, "GROUP is 0; at least 1"),
        ({"RM_DTYPE": "fp8"}, "RM_DTYPE is 'fp8'; use one of: bfloat16 float16 float32"),
        ({"TRAIN_SCRIPT": "trian.py"}, "TRAIN_SCRIPT is 'trian.py'; use one of: train.py train_async.py"),
        ({"COLOCATE": "yes"}, "COLOCATE is 'yes'"),
        ({"PREFLIGHT": "none"}, "PREFLIGHT is 'none'"),
        ({"LR_DECAY": "cos"}, "LR_DECAY is 'cos'"),
        ({"RM_URLS": "rm-host:8001"}, "RM_URLS holds 'rm-host:8001', which is no URL"),
        ({"SANDBOX_URL": "here"}, "SANDBOX_URL holds 'here'"),
        ({"RAY_DASHBOARD": "head:8265"}, "RAY_DASHBOARD holds 'head:8265'"),
        ({"EVAL_SETS": "held_out.jsonl"}, "write NAME=FILE"),
        ({"RM_GPUS": "0"}, "needs a GPU for the RM"),
        ({"PYTHON": "python-that-is-not-here"}, "is 'python-that-is-not-here', which is not here"),
        ({"SHAPING": "raw"}, "'raw' has no value for rejected answers"),
        ({"SHAPING": "rwa"}, "Unknown shaping 'rwa'"),
        ({"SETTINGS": "code_reward_drift: 0.1"}, "code_reward_drift is not a setting"),
        ({"SETTINGS": "a"}, "run/code_reward.yaml cannot be read as YAML"),
        ({"TENSOR_PARALLEL": "3"}, "4 training GPUs are not divided by 3"),
        ({"MEGATRON_ROOT": "/nowhere"}, "missing: /nowhere/megatron (MEGATRON_ROOT)"),
        ({"CURRICULUM": "/nowhere.jsonl"}, "missing: /nowhere.jsonl (CURRICULUM); make it with python -m data_prep.difficulty"),
        ({"REF_LOAD": "/nowhere"}, "missing: /nowhere (REF_LOAD)"),
        ({"MODEL_DIR": "Qwen/Qwen3-4B"}, "(MODEL_DIR); fetch it: hf download Qwen/Qwen3-4B-Thinking-2507 --local-dir "),
        ({"RM_DIR": str(ROOT / "docs")}, "this is not a reward model of code-reward (python -m rm_train.adopt makes it one)"),
        ({"PROMPT_DATA": str(ROOT / "README.md")}, "failed       prompt data"),
    ],
)
def test_what_is_wrong_is_named_and_the_status_says_so(ready, change, message):
    done = launch(*QWEN, "--dry-run", **{**ready, **change})
    assert done.returncode in (1, 2)
    assert message in done.stderr
    assert "Traceback" not in done.stderr


def test_another_model_than_the_arguments_describe_is_found_before_a_gpu_is_rented(ready):
    (Path(ready["MODEL_DIR"]) / "config.json").write_text(json.dumps(CONFIG | {"num_hidden_layers": 3}))
    done = launch(*QWEN, "--dry-run", **ready)
    assert done.returncode == 1
    assert "--num-layers is 2, num_hidden_layers is 3" in done.stderr


@pytest.fixture
def bare(tmp_path):
    """A Python without this project's dependencies."""
    python = tmp_path / "bare-python"
    python.write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
    python.chmod(0o755)
    return str(python)


def test_without_what_the_check_takes_it_is_said_that_nobody_looked(ready, bare):
    done = launch(*QWEN, "--dry-run", **{**ready, "PYTHON": bare})
    assert done.returncode == 0
    assert done.stderr.startswith("not checked: settings and data, because ")
    assert done.stderr.count("\n") == 1


def test_a_python_that_warns_lacks_nothing(ready, tmp_path):
    python = tmp_path / "loud-python"
    python.write_text(f'#!/bin/sh\necho "loud: a warning of no matter" >&2\nexec "{sys.executable}" "$@"\n')
    python.chmod(0o755)
    done = launch(*QWEN, "--dry-run", **{**ready, "PYTHON": str(python)})
    assert done.returncode == 0
    assert "not checked: settings" not in done.stderr


def test_what_rays_processes_need_is_printed_where_the_programs_are_not(ready):
    done = launch(*QWEN, "--job-environment", **{**ready, "PYTHON": "/opt/absent/python"})
    assert done.returncode == 0, done.stderr
    assert "PYTHONPATH=" in done.stdout


@pytest.mark.parametrize(("script", "words"), [(QWEN[0], ["rm"]), ("run_qwen25_coder.sh", ["1.5b", "tests"]), ("train_rm.sh", ["pairs"])])
def test_a_run_with_a_python_that_lacks_what_it_needs_ends_with_one_sentence(ready, bare, tmp_path, script, words):
    inputs = {"INIT": ready["MODEL_DIR"], "DATA": ready["PROMPT_DATA"], "PROBLEMS": ready["PROMPT_DATA"]}
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\nseq -f 'GPU %g' 8\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    own = {"PYTHON": bare, "OUT": str(tmp_path / "run" / "rm"), "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    done = launch(script, *words, **{**ready, **inputs, **own})
    assert done.returncode == 2
    assert done.stderr.startswith(f"error: {bare} (PYTHON) lacks what the run needs (No module named ")
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"LR": "1e-"}, "LR is '1e-', not a number"),
        ({"SHAPING": "raw"}, "SHAPING=raw has no reward of its own"),
        ({"RM_URLS": "here"}, "RM_URLS holds 'here'"),
        ({"MODEL_DIR": "nowhere"}, "(MODEL_DIR); fetch it: hf download Qwen/Qwen2.5-Coder-1.5B-Instruct"),
        ({"PROBLEMS": "nowhere"}, "(PROBLEMS); make it with python -m data_prep.prompts kodcode"),
    ],
)
def test_trls_launcher_is_as_strict(ready, change, message):
    done = launch("run_qwen25_coder.sh", "1.5b", "rm", "--dry-run", **{**ready, "PROBLEMS": ready["PROMPT_DATA"], **change})
    assert done.returncode in (1, 2)
    assert message in done.stderr


@pytest.mark.parametrize("words", [["slurm/train.sbatch", "run_glm4_9b.sh", "rm"], ["slurm/train_rm.sbatch", "pairs"]])
def test_a_script_for_slurm_that_is_started_without_it_says_how(words):
    done = launch(*words, CODE_REWARD=str(ROOT))
    assert done.returncode == 2
    assert "this is for a job of Slurm: sbatch --nodes=1 --gpus-per-node=8 " in done.stderr
    assert done.stderr.count("\n") == 1
