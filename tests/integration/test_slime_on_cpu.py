"""slime's own training script, unmodified, with our hooks: real Ray, SGLang engines and router, Megatron, weight sync, on CPU.

Each run takes one to three minutes, so that each proves several things.
"""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from statistics import mean, stdev

import psutil
import pytest
import torch
from served_rm import serving
from shared_memory import shared_memory_of
from slime_on_cpu import processes

from code_reward.rm_input import Encoded, RMInput
from code_reward.shaping import shape
from code_reward.verdict import Scored
from reward_servers.scorer import Scorer
from scripts.slime_cpu import recipe
from scripts.slime_cpu.models import build_policy, build_rm, make_problems
from scripts.slime_cpu.rollouts import read_rollouts

MISSING = [name for name in ("SLIME_ROOT", "MEGATRON_ROOT") if not os.environ.get(name)]
HELPERS = Path(__file__).parents[1] / "helpers"
SECONDS = 900

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(SECONDS + 100),
    pytest.mark.skipif(
        bool(MISSING or not recipe.PYTHON.exists()),
        reason=f"{' and '.join(MISSING) or '.venv-integration'} not there: not checked is anything inside slime's real training loop: "
        "rewards, masked losses, a dead reward model, train_async.py, tensor parallelism, a GLM-4 policy (docs/slime_on_cpu.md)",
    ),
]


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    build_rm(folder / "rm", build_policy(folder / "qwen3", "qwen3"))
    return folder


@pytest.fixture(autouse=True)
def nothing_is_left():
    before = {process.pid for process in psutil.process_iter() if mark_of(process)}
    yield
    assert {process.pid for process in psutil.process_iter() if mark_of(process)} <= before


def mark_of(process):
    try:
        return process.environ().get(processes.MARK)
    except psutil.Error:
        return None


def finish(script, flags, folder):
    """Run to the end; what it logged."""
    with recipe.running(script, flags, folder / "log.txt", HELPERS) as process:
        status = process.wait(SECONDS)
    log = (folder / "log.txt").read_text(errors="replace")
    assert status == 0, log[-4000:]
    assert "outlived the run" not in log
    return log


def direct_rewards(samples, rm):
    """What the reward model says of the samples' texts, without a server, a client or slime."""
    rm_input = RMInput.load(rm)
    built = [rm_input.build(s["metadata"]["statement"], s["response"], s["metadata"]["entry_point"]) for s in samples]
    scores = iter(Scorer(rm, threads=1).score([one.ids for one in built if isinstance(one, Encoded)]))
    return [shape(Scored(next(scores)) if isinstance(one, Encoded) else one) for one in built]


def test_train_with_missing_verdicts(models, tmp_path):
    """Rewards are those of direct scoring; a missing verdict moves nothing; evaluation and logs; new weights reach the engine."""
    flags = recipe.prepare(tmp_path, policy=models / "qwen3", rm=models / "rm", problems=make_problems())
    flags += recipe.sizes(rollouts=2, prompts=3, samples=4, response=48)
    flags += ["--custom-generate-function-path", "slime_faults.fail_one_of_each_group"]
    flags += ["--save-debug-train-data", str(tmp_path / "train_{rollout_id}_{rank}.pt")]
    flags += ["--eval-interval", "2", "--eval-prompt-data", "known", str(tmp_path / "prompts.jsonl"), "--n-samples-per-eval-prompt", "1"]
    log = finish("train.py", flags, tmp_path)

    rollouts = read_rollouts(tmp_path)
    assert len(rollouts) == 2
    for rollout in rollouts:
        judged = [sample for sample in rollout.samples if verdict_of(sample) != "missing"]
        assert len(judged) == 9
        assert [sample["reward"] for sample in judged] == pytest.approx(direct_rewards(judged, models / "rm"), abs=1e-3)
        assert any(verdict_of(sample) == "scored" for sample in judged)
        assert 0 < rollout.step["grad_norm"] < 100
        # Far more, if the engine still had the weights of the step before.
        assert rollout.step["train_rollout_logprob_abs_diff"] < 0.01
    for number, rollout in enumerate(rollouts):
        check_training_data(tmp_path / f"train_{number}_0.pt", rollout.samples)
    assert "rollout/code_reward/missing/generation_failed': 0.25" in log
    assert log.count("eval/known/code_reward/scored") >= 2


def verdict_of(sample):
    return sample["metadata"]["code_reward"]["verdict"]


def check_training_data(dump, samples):
    """What Megatron trained on: no token of a missing verdict, and advantages that it has no part in."""
    trained = torch.load(dump, weights_only=False)["samples"]
    assert [[*map(int, row["tokens"])] for row in trained] == [sample["tokens"] for sample in samples]
    for row, sample in zip(trained, samples, strict=True):
        mask = {*map(int, row["loss_masks"])}
        if verdict_of(sample) == "missing":
            assert mask == {0}
            assert row["rewards"] == 0
        else:
            others = [s["reward"] for s in samples if s["group_index"] == sample["group_index"] and verdict_of(s) != "missing"]
            advantage = (sample["reward"] - mean(others)) / max(stdev(others), 0.01)
            assert mask == {1}
            assert row["rewards"] == pytest.approx(advantage, abs=1e-4)


def test_train_stops_when_the_reward_model_is_dead(models, tmp_path):
    with serving(models / "rm") as (url, server):
        settings = {"code_reward_rm_dir": str(models / "rm"), "code_reward_rm_urls": [url], "code_reward_client": {"deadline_seconds": 5}}
        flags = recipe.prepare(tmp_path, policy=models / "qwen3", rm=None, problems=make_problems(), settings=settings)
        flags += recipe.sizes(rollouts=1000, prompts=2, samples=4, response=48)
        with recipe.running("train.py", flags, tmp_path / "log.txt") as process:
            deadline = time.monotonic() + SECONDS
            while not (tmp_path / "rollout_0.pt").exists() and process.poll() is None and time.monotonic() < deadline:
                time.sleep(0.2)
            server.kill()
            status = process.wait(SECONDS)
    log = (tmp_path / "log.txt").read_text(errors="replace")
    rollouts = read_rollouts(tmp_path)
    assert rollouts, log[-4000:]
    assert status == 1
    assert "verdicts are missing" in log
    assert "outlived the run" not in log
    # What was trained on before was judged.
    assert all(rollout.share("missing") <= 0.5 for rollout in rollouts[:-1])


def test_ctrl_c_leaves_nothing_of_a_run_with_live_engines(tmp_path):
    """As a terminal does it: the whole group hears it. What slime's engines have open in shared memory goes with them."""
    command = [sys.executable, "-m", "scripts.slime_cpu", "--out", str(tmp_path), "--rollouts", "1000"]
    hear = lambda: signal.signal(signal.SIGINT, signal.SIG_DFL)  # noqa: E731  (a shell's background ignores it)
    with (tmp_path / "said").open("w+") as said:
        process = subprocess.Popen(command, stdout=said, stderr=said, cwd=recipe.ROOT, start_new_session=True, preexec_fn=hear)
        try:
            while not list(tmp_path.glob("*/rollout_0.pt")):
                assert process.poll() is None, (tmp_path / "said").read_text()
                time.sleep(0.5)
            started = psutil.Process(process.pid).children(recursive=True)
            [run] = {mark_of(one) for one in started} - {None}
            shared = {name for one in processes.of_run(run) for name in shared_memory_of(one.pid)}
            os.killpg(process.pid, signal.SIGINT)
            assert process.wait() == 130
        finally:
            process.terminate()
            process.wait()
        said.seek(0)
        lines = said.read().splitlines()
    assert [line for line in lines if "interrupted" in line] == ["error: interrupted; what was finished is kept."]
    assert not [line for line in lines if "Traceback" in line]
    assert shared
    assert shared & set(os.listdir("/dev/shm")) == set()
    assert processes.of_run(run) == []
    assert list(Path("/tmp").glob(f"{processes.name_of(run)}*")) == []


def test_train_async_with_tensor_parallel_glm4(models, tmp_path):
    """`train_async.py`, two Megatron ranks that share a GLM-4 policy, prompts from our curriculum."""
    policy = build_policy(models / "glm4", "glm4")
    difficulties = [{"problem_id": problem.id, "difficulty": 1 - i / 10} for i, problem in enumerate(make_problems())]
    (tmp_path / "difficulty.jsonl").write_text("".join(json.dumps(row) + "\n" for row in difficulties))
    with serving(models / "rm") as (url, _):
        settings = {
            "code_reward_rm_dir": str(models / "rm"),
            "code_reward_rm_urls": [url],
            "code_reward_curriculum": str(tmp_path / "difficulty.jsonl"),
        }
        flags = recipe.prepare(tmp_path, policy=policy, rm=None, problems=make_problems(), settings=settings)
        flags.remove("--rollout-shuffle")
        flags += recipe.sizes(rollouts=3, prompts=2, samples=4, response=48)
        flags += ["--actor-num-gpus-per-node", "2", "--tensor-model-parallel-size", "2"]
        flags += ["--data-source-path", "code_reward_slime.curriculum.CurriculumDataSource"]
        finish("train_async.py", flags, tmp_path)
    rollouts = read_rollouts(tmp_path)
    assert len(rollouts) == 3
    for number, rollout in enumerate(rollouts):
        assert [sample["reward"] for sample in rollout.samples] == pytest.approx(direct_rewards(rollout.samples, models / "rm"), abs=1e-3)
        assert rollout.step["train_rollout_logprob_abs_diff"] < 0.05
        # From easy to hard: the last problems are said to be the easiest.
        assert {sample["metadata"]["id"] for sample in rollout.samples} == {f"p{8 - 2 * number}", f"p{7 - 2 * number}"}
