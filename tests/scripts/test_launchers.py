"""The launchers: what they would run, to the letter; what they refuse; and that slime's own parser takes every command.

`UPDATE_SNAPSHOTS=1` writes the snapshots anew; a change of them belongs into the commit that makes it.
"""

import json
import os
import shlex
import subprocess
from pathlib import Path

import pytest
import real_slime

ROOT = Path(__file__).parents[2]
SNAPSHOTS = Path(__file__).parent / "snapshots"
SLIME_RUNS = [(script, reward) for script in ("run_qwen3_4b_thinking.sh", "run_glm4_9b.sh") for reward in ("rm", "tests", "hybrid")]
PLACEMENTS = [
    {},
    {"RM_PLACEMENT": "slime", "RM_GPUS": "2"},
    {"RM_URLS": "http://a:1 http://b:2"},
    {"NODES": "2"},
    {"COLOCATE": "1", "RM_GPUS": "4"},
]
TRL_RUNS = [(size, reward) for size in ("1.5b", "3b", "7b") for reward in ("rm", "tests")]


def run(script: str, *words: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """A launcher in an environment that says nothing but what is given."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG") if name in os.environ}
    command = ["bash", str(ROOT / "scripts" / script), *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd, env=kept | environment, timeout=300)


def dry(tmp_path: Path, script: str, *words: str, **environment: str) -> str:
    """What --dry-run prints, with this machine's folders under other names."""
    done = run(script, *words, "--dry-run", cwd=tmp_path, **environment)
    # What is absent or wrong is named on standard error, which tests of their own look at (test_dry_runs.py).
    assert done.returncode == (1 if "missing: " in done.stderr else 0), done.stderr
    assert list(tmp_path.iterdir()) == [], "nothing is touched"
    return done.stdout.replace(str(ROOT), "$CODE_REWARD").replace(str(tmp_path), "$HERE")


def assert_like_snapshot(name: str, shown: str) -> None:
    path = SNAPSHOTS / f"{name}.txt"
    if os.environ.get("UPDATE_SNAPSHOTS"):
        path.write_text(shown)
    assert shown == path.read_text(), f"the command changed; if that is meant: UPDATE_SNAPSHOTS=1 pytest {Path(__file__).name}"


@pytest.mark.parametrize(("script", "reward"), SLIME_RUNS)
def test_the_whole_command_is_what_it_was(tmp_path, script, reward):
    shown = dry(tmp_path, script, reward)
    assert 'source "$SLIME_ROOT/scripts/models/' in shown, "without a checkout the model arguments stay unresolved, and it says so"
    assert_like_snapshot(f"{script.removesuffix('.sh')}_{reward}", shown)


@pytest.mark.parametrize(("size", "reward"), TRL_RUNS)
def test_the_whole_command_of_trl_is_what_it_was(tmp_path, size, reward):
    assert_like_snapshot(f"run_qwen25_coder_{size}_{reward}", dry(tmp_path, "run_qwen25_coder.sh", size, reward))


@pytest.mark.parametrize(
    ("environment", "told"),
    [
        ({}, "4 train, 3 beside them generate or judge; RM: node, 1 GPU(s)"),
        ({"RM_GPUS": "2"}, "4 train, 2 beside them generate or judge; RM: node, 2 GPU(s)"),
        ({"RM_URLS": "http://a:1 http://b:2"}, "8 train, 8 on the same generate or judge; RM: remote, 0 GPU(s)"),
        ({"RM_PLACEMENT": "slime", "RM_GPUS": "2"}, "4 train, 4 beside them generate or judge; RM: slime, 2 GPU(s)"),
        ({"RM_PLACEMENT": "slime", "RM_GPUS": "2", "COLOCATE": "1"}, "6 train, 8 on the same generate or judge; RM: slime"),
        ({"NODES": "2"}, "2 node(s) of 8; 8 train, 7 beside them"),
        ({"NUM_GPUS": "4", "ACTOR_GPUS": "2"}, "2 train, 1 beside them"),
        ({"RM_URLS": "http://a:1", "TRAIN_SCRIPT": "train_async.py"}, "4 train, 4 beside them"),
    ],
)
def test_the_gpus_are_split_as_said(tmp_path, environment, told):
    assert told in dry(tmp_path, "run_qwen3_4b_thinking.sh", "rm", **environment)


@pytest.mark.parametrize(
    ("script", "words", "files"),
    [
        ("run_qwen3_4b_thinking.sh", ["rm"], {"MODEL_DIR": "model", "PROMPT_DATA": "p.jsonl", "RM_DIR": "rm", "EVAL_SETS": "held=e.jsonl"}),
        ("run_qwen3_4b_thinking.sh", ["tests"], {"MODEL_DIR": "model", "PROMPT_DATA": "p.jsonl", "EVAL_SETS": "held=e.jsonl"}),
        ("run_qwen25_coder.sh", ["1.5b", "rm"], {"MODEL_DIR": "model", "PROBLEMS": "p.jsonl", "RM_DIR": "rm"}),
    ],
)
def test_a_dry_run_names_what_is_missing_and_ends_with_one(tmp_path, script, words, files):
    done = run(script, *words, "--dry-run", cwd=tmp_path, **files)
    assert done.returncode == 1
    told = [line.partition(" (")[2].partition(")")[0] for line in done.stderr.splitlines() if line.startswith("missing: ")]
    assert sorted(told) == sorted(files)


def test_slimes_own_numbers_of_the_model_are_taken(tmp_path):
    models = tmp_path / "slime" / "scripts" / "models"
    models.mkdir(parents=True)
    (models / "qwen3-4B-Instruct-2507.sh").write_text("MODEL_ARGS=(--num-layers 36 --rotary-base 5000000)\n")
    done = run("run_qwen3_4b_thinking.sh", "rm", "--dry-run", SLIME_ROOT=str(tmp_path / "slime"))
    assert "--rotary-base 5000000" in done.stdout
    assert 'source "$SLIME_ROOT' not in done.stdout


def test_every_number_can_be_said_otherwise_and_options_after_the_dashes_count(tmp_path):
    shaping = {"SHAPING": "raw", "REJECTED": "-4", "SETTINGS": "code_reward_drift_share: 0.02"}
    shown = dry(tmp_path, "run_glm4_9b.sh", "hybrid", GROUP="4", LR="2e-6", **shaping)
    assert "--n-samples-per-prompt 4" in shown
    assert "--global-batch-size 32" in shown
    assert "--lr 2e-6" in shown
    assert "code_reward_shaping: raw\ncode_reward_rejected: -4\n" in shown
    assert "code_reward_drift_share: 0.02\n" in shown
    done = run("run_glm4_9b.sh", "tests", "--dry-run", "--", "--lr", "3e-6", "--seed", "a b")
    assert done.stdout.rstrip().endswith("--lr 3e-6 \\\n   --seed a\\ b")


def test_a_curriculum_takes_the_place_of_the_random_order(tmp_path):
    shown = dry(tmp_path, "run_glm4_9b.sh", "rm", CURRICULUM="difficulty.jsonl")
    assert 'code_reward_curriculum: "$HERE/difficulty.jsonl"' in shown
    assert "--data-source-path code_reward_slime.curriculum.CurriculumDataSource" in shown
    assert "--rollout-shuffle" not in shown


def test_held_out_sets_are_judged_by_tests_whatever_the_reward(tmp_path):
    for script, reward in SLIME_RUNS:
        shown = dry(tmp_path, script, reward, EVAL_SETS="humaneval=he.jsonl mbpp=mbpp.jsonl")
        assert "custom_rm_path: code_reward_slime.rewards.unit_test_reward" in shown
        assert '- name: humaneval\n      path: "$HERE/he.jsonl"' in shown


@pytest.mark.parametrize(
    ("script", "words", "environment", "message"),
    [
        ("run_glm4_9b.sh", [], {}, "name the reward: rm, tests or hybrid"),
        ("run_glm4_9b.sh", ["luck"], {}, "'luck' is no reward"),
        ("run_glm4_9b.sh", ["rm", "tests"], {}, "'tests' is one word too many"),
        ("run_glm4_9b.sh", ["rm", "--dryrun"], {}, "there is no option --dryrun"),
        ("run_glm4_9b.sh", ["rm", "--profile", "gpu"], {}, "--profile is 'gpu'"),
        ("run_glm4_9b.sh", ["rm"], {}, "SLIME_ROOT must name a checkout"),
        ("run_glm4_9b.sh", ["rm"], {"SLIME_ROOT": "/nowhere"}, "SLIME_ROOT is /nowhere"),
        ("run_qwen3_4b_thinking.sh", ["rm", "--dry-run"], {"GROUP": "abc"}, "GROUP is 'abc', not a whole number"),
        ("run_qwen25_coder.sh", ["1.5b", "tests", "--dry-run"], {"STEPS": "1e3"}, "STEPS is '1e3', not a whole number"),
        ("run_glm4_9b.sh", ["rm", "--dry-run"], {"RM_PLACEMENT": "moon"}, "RM_PLACEMENT is 'moon'"),
        ("run_glm4_9b.sh", ["rm", "--dry-run"], {"RM_PLACEMENT": "remote"}, "needs RM_URLS"),
        ("run_glm4_9b.sh", ["rm", "--dry-run"], {"NUM_GPUS": "2", "RM_GPUS": "1"}, "leave 1 to train and 0 to generate"),
        ("run_glm4_9b.sh", ["tests", "--dry-run"], {"TRAIN_SCRIPT": "train_async.py", "COLOCATE": "1"}, "which COLOCATE=1 rules out"),
        ("run_glm4_9b.sh", ["rm", "--profile", "cpu-tiny"], {}, "needs MODEL_DIR"),
        ("run_qwen25_coder.sh", ["1.5b"], {}, "name a size (1.5b, 3b, 7b) and a reward"),
        ("run_qwen25_coder.sh", ["2b", "rm"], {}, "'2b' is neither a size"),
        ("run_qwen25_coder.sh", ["7b", "rm"], {"NUM_GPUS": "4"}, "7 processes and 1 GPU(s) for the RM need more than the 4 GPUs"),
        ("run_qwen25_coder.sh", ["7b", "tests"], {}, "does not exist; download it there"),
    ],
)
def test_a_mistake_is_one_sentence_and_nothing_is_started(tmp_path, script, words, environment, message):
    done = run(script, *words, cwd=tmp_path, RUN_DIR=str(tmp_path / "run"), **environment)
    assert done.returncode == 2
    assert message in done.stderr
    assert done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    models = tmp_path / "scripts" / "models"
    models.mkdir(parents=True)
    (models / "glm4-9B.sh").write_text("MODEL_ARGS=()\n")
    done = run("run_glm4_9b.sh", "tests", SLIME_ROOT=str(tmp_path), RUN_DIR="/proc/version/run")
    assert done.returncode == 2
    assert done.stderr == "error: RUN_DIR /proc/version/run cannot be written; name a folder that you may write.\n"


@pytest.mark.parametrize(("script", "words"), [("run_glm4_9b.sh", ["rm"]), ("run_qwen25_coder.sh", ["3b", "rm"])])
def test_more_gpus_than_the_node_has_is_one_sentence(tmp_path, script, words):
    (tmp_path / "nvidia-smi").write_text("#!/bin/sh\necho GPU 0\necho GPU 1\n")
    (tmp_path / "nvidia-smi").chmod(0o755)
    models = tmp_path / "scripts" / "models"
    models.mkdir(parents=True)
    (models / "glm4-9B.sh").write_text("MODEL_ARGS=()\n")
    path = f"{tmp_path}:{os.environ['PATH']}"
    done = run(script, *words, cwd=tmp_path, PATH=path, SLIME_ROOT=str(tmp_path), RUN_DIR=str(tmp_path / "run"))
    assert done.returncode == 2
    assert done.stderr == "error: NUM_GPUS is 8 and this node has 2 GPUs; set NUM_GPUS to what there is.\n"
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("script", ["run_qwen3_4b_thinking.sh", "run_glm4_9b.sh", "run_qwen25_coder.sh"])
def test_help_says_what_can_be_set(script):
    done = run(script, "--help")
    assert done.returncode == 0
    assert "--dry-run" in done.stdout


def test_what_the_last_run_wrote_in_a_log_is_not_read_as_this_runs(tmp_path):
    """Asked at once and often, because the command that was started runs beside the question; at the end the log holds its line alone."""
    log = tmp_path / "rm.log"
    ask = 'echo "ready http://old" >"$1"; start RM "$1" echo up; line=""; read -r line <"$1" || true; [[ $line != ready* ]] || exit 1; wait'
    script = f'source {ROOT}/scripts/launch/shell.sh; for i in {{1..40}}; do {ask}; done; cat "$1"'
    done = subprocess.run(["bash", "-euc", script, "bash", str(log)], capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout, done.stderr) == (0, "up\n", "")


def test_the_launchers_end_nothing_by_name():
    for path in [*ROOT.glob("scripts/*.sh"), *ROOT.glob("scripts/*/*.sh")]:
        for line in path.read_text().splitlines():
            assert not any(word in line for word in ("pkill", "killall", "ray stop")), f"{path.name}: {line}"


# The real parsers


@pytest.mark.parametrize(("size", "reward"), TRL_RUNS)
def test_accelerates_and_our_own_parser_take_every_command_of_trl(tmp_path, size, reward):
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from code_reward_trl.grpo import Grpo

    shown = dry(tmp_path, "run_qwen25_coder.sh", size, reward).partition("# command\n")[2]
    # Only a shell knows all its own quotes.
    done = subprocess.run(["bash", "-c", f"printf '%s\\0' {shown}"], capture_output=True, text=True, check=True)
    command = done.stdout.split("\0")[:-1]
    assert command[1:3] == ["-m", "accelerate.commands.launch"]
    args = launch_command_parser().parse_args(command[3:])
    _validate_launch_command(args)
    assert (args.num_processes, args.use_fsdp, args.training_script) == (7, size == "7b", "code_reward_trl.grpo")
    settings = Grpo(_cli_parse_args=args.training_script_args)
    assert (settings.group, settings.prompts, settings.temperature, settings.beta) == (7, 32, 1.5, 0.04)
    assert settings.prefill == "```python\n"


QWEN = {
    "architectures": ["Qwen3ForCausalLM"],
    "model_type": "qwen3",
    "hidden_size": 2560,
    "num_hidden_layers": 36,
    "intermediate_size": 9728,
    "num_attention_heads": 32,
    "num_key_value_heads": 8,
    "head_dim": 128,
    "rms_norm_eps": 1e-6,
    "rope_theta": 5000000,
    "vocab_size": 151936,
    "tie_word_embeddings": True,
}
GLM = {
    "architectures": ["Glm4ForCausalLM"],
    "model_type": "glm4",
    "hidden_size": 4096,
    "num_hidden_layers": 40,
    "intermediate_size": 13696,
    "num_attention_heads": 32,
    "num_key_value_heads": 2,
    "head_dim": 128,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "partial_rotary_factor": 0.5,
    "attention_bias": True,
    "vocab_size": 151552,
    "tie_word_embeddings": False,
}
PARSE = """
import contextlib, io, json, sys
from code_reward_slime.preflight.options import known_options
from code_reward_slime.preflight.train_arguments import TrainArguments
from slime.utils.arguments import parse_args
known = known_options()
for line in sys.stdin:
    words = json.loads(line)
    unknown = [option for option in TrainArguments(words).options if option not in known]
    sys.argv = ["train.py", *words]
    with contextlib.redirect_stdout(io.StringIO()):
        args = parse_args()
    rewards = [dataset.custom_rm_path for dataset in args.eval_datasets]
    gpus = [args.actor_num_nodes, args.actor_num_gpus_per_node, args.rollout_num_gpus]
    print("PARSED", json.dumps([unknown, *gpus, args.rotary_base, rewards]))
"""


@pytest.mark.integration
@pytest.mark.timeout(1500)
def test_slimes_real_parser_takes_every_command(tmp_path):
    """Its checks of the checkpoint's numbers included: the configs are those of the published models."""
    environment = real_slime.environment() | {"SLIME_ON_CPU_TRAINS": "1"}
    lines, expected = [], []
    for number, ((script, reward), placement) in enumerate((run, placement) for run in SLIME_RUNS for placement in PLACEMENTS):
        folder = tmp_path / str(number)
        (folder / "model").mkdir(parents=True)
        config = QWEN if "qwen3" in script else GLM
        (folder / "model" / "config.json").write_text(json.dumps(config))
        places = {"SLIME_ROOT": environment["SLIME_ROOT"], "MODEL_DIR": str(folder / "model"), "RUN_DIR": str(folder)}
        shown = run(script, reward, "--dry-run", **places, **placement).stdout
        for name in ("code_reward", "eval"):
            content = shown.partition(f"{name}.yaml\n")[2].partition("\n# ")[0]
            (folder / f"{name}.yaml").write_text(content + "\n")
        command = shlex.split(shown.partition("# command\n")[2].replace("\\\n", " "))
        lines.append(json.dumps(command[2:]))
        expected.append(float(config["rope_theta"]))
    done = subprocess.run(
        [str(real_slime.PYTHON), "-c", PARSE],
        input="\n".join(lines),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    parsed = [json.loads(line.removeprefix("PARSED ")) for line in done.stdout.splitlines() if line.startswith("PARSED ")]
    assert len(parsed) == len(lines), done.stderr[-3000:]
    for (unknown, nodes, per_node, rollout, rotary_base, rewards), base in zip(parsed, expected, strict=True):
        assert unknown == []
        assert rotary_base == base
        assert nodes * per_node >= 4
        assert rollout >= 2
        assert set(rewards) == {"code_reward_slime.rewards.unit_test_reward"}
