"""The commands around slime on CPU, without slime: what they write for it and what they read of it."""

import json

import pytest
import torch
import yaml
from tiny_rm import build_client_folder

from code_reward.errors import ConfigurationError
from code_reward.problem import Problem, save_problems
from code_reward.reward_data import LabelledProgram
from code_reward.rows import write_rows
from scripts.bench_slime_cpu import BenchSlimeCpu, gains, main, training_flags
from scripts.slime_cpu.recipe import prepare, running, sizes
from scripts.slime_cpu.rollouts import Rollout, read_rollouts, read_steps

CONFIG = {
    "architectures": ["Qwen3ForCausalLM"],
    "num_hidden_layers": 2,
    "hidden_size": 64,
    "intermediate_size": 160,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
    "vocab_size": 512,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": True,
    "rope_parameters": {"rope_theta": 10000.0},
    "max_position_embeddings": 1024,
}
PROBLEMS = [Problem(id=name, statement="Write f.", entry_point="f", part="known") for name in ("p1", "p2")]


@pytest.fixture
def models(tmp_path):
    folder = tmp_path / "seed3"
    build_client_folder(folder / "rm", lambda ids: float(len(ids)))
    for name in ("policy", "rm"):
        (folder / name).mkdir(exist_ok=True)
        (folder / name / "config.json").write_text(json.dumps(CONFIG))
    return folder


def value(flags, name):
    return flags[len(flags) - 1 - flags[::-1].index(name) + 1]


def test_a_run_is_prepared(models, tmp_path):
    checkpoints = {"policy": models / "policy", "rm": models / "rm"}
    flags = prepare(tmp_path / "run", **checkpoints, problems=PROBLEMS, settings={"code_reward_shaping": "raw"})
    row = json.loads((tmp_path / "run/prompts.jsonl").read_text().splitlines()[0])
    assert row["prompt"] == [{"role": "user", "content": "Write f."}]
    assert row["metadata"]["entry_point"] == "f"
    assert row["label"] == "", "the launchers' --profile cpu-tiny reads this file with a label"
    engines = yaml.safe_load((tmp_path / "run/engines.yaml").read_text())["sglang"]
    assert [engine["name"] for engine in engines] == ["default", "reward"]
    assert value(flags, "--rollout-num-gpus") == "2"
    assert yaml.safe_load((tmp_path / "run/settings.yaml").read_text()) == {
        "code_reward_rm_dir": str(models / "rm"),
        "code_reward_shaping": "raw",
    }
    alone = prepare(tmp_path / "alone", policy=models / "policy", rm=None, problems=PROBLEMS)
    assert value(alone, "--rollout-num-gpus") == "1"


def test_a_step_trains_on_a_whole_rollout():
    flags = sizes(rollouts=3, prompts=2, samples=4, response=48)
    assert value(flags, "--global-batch-size") == "8"


def test_missing_checkouts_are_named_before_anything_starts(tmp_path, monkeypatch):
    monkeypatch.setattr("scripts.slime_cpu.recipe.PYTHON", tmp_path)
    monkeypatch.delenv("SLIME_ROOT", raising=False)
    with pytest.raises(ConfigurationError, match="SLIME_ROOT must name a checkout"), running("train.py", [], tmp_path / "log/log.txt"):
        pass
    monkeypatch.setattr("scripts.slime_cpu.recipe.PYTHON", tmp_path / "absent")
    with pytest.raises(ConfigurationError, match="make install-integration"), running("train.py", [], tmp_path / "log/log.txt"):
        pass
    assert not (tmp_path / "log").exists()


def test_figures_are_read_from_the_log(tmp_path):
    line = "\x1b[36m(Actor pid=1)\x1b[0m [2026] model.py:918 - step 3: {'train/loss': -7.4e-09, 'train/grad_norm': 0.25, 'train/x': 1}\n"
    (tmp_path / "log.txt").write_text("step 2: nothing\n" + line)
    assert read_steps(tmp_path / "log.txt") == {3: {"loss": -7.4e-09, "grad_norm": 0.25, "x": 1.0}}


def test_rollouts_are_read_in_order_without_those_of_evaluations(tmp_path):
    (tmp_path / "log.txt").write_text("step 10: {'train/grad_norm': 0.5}")
    for name in ("2", "10", "eval_2"):
        torch.save({"samples": [name]}, tmp_path / f"rollout_{name}.pt")
    assert [(rollout.samples, rollout.step) for rollout in read_rollouts(tmp_path)] == [(["2"], {}), (["10"], {"grad_norm": 0.5})]


def test_placeholders_are_no_rewards():
    verdicts = ((1.0, "scored"), (0.0, "missing"))
    judged = [{"reward": reward, "metadata": {"code_reward": {"verdict": verdict}}} for reward, verdict in verdicts]
    assert Rollout(judged, {}).reward() == 1.0
    assert Rollout(judged, {}).share("missing") == 0.5
    assert str(Rollout(judged[1:], {}).reward()) == "nan"


@pytest.fixture
def quickstart(models):
    """The folder of one seed."""
    (models / "problems").mkdir()
    for name in ("rl", "test"):
        save_problems(models / f"problems/{name}.jsonl", PROBLEMS)
    return models


def test_the_benchmark_goes_on_from_the_last_checkpoint(quickstart, tmp_path):
    settings = BenchSlimeCpu(quickstart=quickstart.parent, seed=3, steps=7)
    flags = training_flags(settings, tmp_path / "out")
    assert value(flags, "--load") == str(quickstart / "policy")
    assert value(flags, "--num-rollout") == "7"
    (tmp_path / "out/checkpoints").mkdir()
    (tmp_path / "out/checkpoints/latest_checkpointed_iteration.txt").write_text("19")
    assert value(training_flags(settings, tmp_path / "out"), "--load") == str(tmp_path / "out/checkpoints")


def test_an_unfinished_quickstart_is_named(quickstart):
    with pytest.raises(ConfigurationError, match=r"seed3 has no before\.parquet; make it: make quickstart"):
        main(BenchSlimeCpu(quickstart=quickstart.parent, seed=3))


def test_the_gain_is_that_of_the_same_problems(quickstart, tmp_path):
    def rows(passed):
        return [LabelledProgram(problem_id=f"p{i}", statement="s", program="p", passed=p) for i in (1, 2) for p in passed]

    write_rows(quickstart / "before.parquet", rows([True, False, False, False]))
    write_rows(tmp_path / "after.parquet", rows([True, True, True, False]))
    alike = {"gain": 0.5, "low": 0.5, "high": 0.5}
    assert gains(quickstart, tmp_path)["known"] == {"problems": 2, "before": 0.25, "after": 0.75, **alike}
    assert json.loads((tmp_path / "figures.json").read_text())["known"]["gain"] == 0.5
