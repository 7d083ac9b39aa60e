"""The YAML of --sglang-config is what slime makes of it what we mean, for any split."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from code_reward_slime.sglang_config import SGLangConfig, build, problems
from hypothesis import given
from hypothesis import strategies as st
from misbehaving import score_of
from tiny_rm import build_client_folder

from code_reward.errors import ConfigurationError

SLIME_ROOT = os.environ.get("SLIME_ROOT")


@pytest.fixture(scope="module")
def rm(tmp_path_factory):
    folder = build_client_folder(tmp_path_factory.mktemp("rm") / "rm", score_of)
    (folder / "config.json").write_text(json.dumps({"architectures": ["Glm4ForSequenceClassification"], "max_position_embeddings": 4096}))
    return folder


def make(rm, **given):
    return SGLangConfig(**{"policy": "policy", "rm": rm, "policy_gpus": 6, "rm_gpus": 2, "out": Path("out.yaml"), **given})


@given(policy=st.integers(1, 8), policy_tp=st.integers(1, 4), engines=st.integers(1, 8), rm_tp=st.integers(1, 4))
def test_every_split_that_divides_is_right(rm, policy, policy_tp, engines, rm_tp):
    gpus = {"policy_gpus": policy * policy_tp, "policy_tp": policy_tp, "rm_gpus": engines * rm_tp, "rm_tp": rm_tp}
    models = build(make(rm, **gpus))["sglang"]
    assert [model["update_weights"] for model in models] == [True, False]
    assert sum(group["num_gpus"] for model in models for group in model["server_groups"]) == policy * policy_tp + engines * rm_tp
    ports = [group["overrides"][key] for group in models[1]["server_groups"] for key in ("port", "nccl_port", "dist_init_addr")]
    assert len(set(ports)) == 3 * engines


@pytest.mark.parametrize("split", [{"rm_gpus": 3, "rm_tp": 2}, {"policy_gpus": 5, "policy_tp": 2}])
def test_a_split_that_does_not_divide_is_refused(rm, split):
    with pytest.raises(ConfigurationError, match="do not divide"):
        build(make(rm, **split))


def models_of(rm):
    return build(make(rm))["sglang"]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda models: models.reverse(), "reward is first"),
        (lambda models: models.append({"name": "ref", "update_weights": False}), "reward is not last"),
        (lambda models: models[1].pop("update_weights"), "overwritten"),
        (lambda models: models[0].update(update_weights=False), "does not get its new weights"),
        (lambda models: models[1].update(name="rm"), "no model is named reward"),
        (lambda models: models.append(models[1]), "two models are named reward"),
        (lambda models: models[1]["server_groups"][0]["overrides"].pop("port"), "slime gives it the policy's"),
        (lambda models: models[1]["server_groups"][0]["overrides"].pop("is_embedding"), "lacks is_embedding"),
        (lambda models: models[1]["server_groups"][0].update(num_gpus=2), "several engines and one port"),
        (lambda models: models[1]["server_groups"][0]["overrides"].update(nccl_port=25000), "want port 25000"),
    ],
)
def test_what_slime_would_misunderstand_is_said(rm, change, says):
    models = models_of(rm)
    assert list(problems(models, "reward")) == []
    change(models)
    assert says in "; ".join(problems(models, "reward"))


def test_the_command_writes_the_file_and_says_what_else_is_needed(rm, tmp_path):
    out = tmp_path / "sglang.yaml"
    options = ["--policy", "policy", "--rm", str(rm), "--policy-gpus", "6", "--rm-gpus", "2", "--out", str(out)]
    command = [sys.executable, "-m", "code_reward_slime.sglang_config", *options]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    said = subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout
    assert "--rollout-num-gpus 8" in said
    assert "SGLANG_EXTERNAL_MODEL_PACKAGE" in said
    assert list(problems(yaml.safe_load(out.read_text())["sglang"], "reward")) == []


@pytest.mark.skipif(not SLIME_ROOT, reason="SLIME_ROOT names no checkout of slime: not checked that slime reads the file")
def test_slime_reads_it(rm, tmp_path, monkeypatch):
    import slime_modules

    slime_modules.install()
    from argparse import Namespace

    from slime.backends.sglang_utils.sglang_config import SglangConfig

    out = tmp_path / "sglang.yaml"
    out.write_text(yaml.safe_dump(build(make(rm, policy_tp=2))))
    config = SglangConfig.from_yaml(str(out))
    for model in config.models:
        model.resolve(Namespace(rollout_num_gpus_per_engine=1, hf_checkpoint="policy"))
    assert config.total_num_gpus == 8
    assert [model.update_weights for model in config.models] == [True, False]
    assert [group.num_gpus_per_engine for model in config.models for group in model.server_groups] == [2, 1, 1]
