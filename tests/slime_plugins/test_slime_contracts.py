"""What slime demands of the functions that its options name, as far as it can be said without slime. `test_slime_itself` asks slime."""

import importlib
import inspect
import math
import os
import subprocess
import sys
from pathlib import Path

import pytest
from code_reward_slime.post_process import group_advantages
from code_reward_slime.rewards import model_reward
from slime_samples import Sample, Status

ROOT = Path(__file__).parents[2]

SIGNATURES = {
    "rewards.model_reward": ("args", "sample"),
    "rewards.unit_test_reward": ("args", "sample"),
    "rewards.hybrid_reward": ("args", "sample"),
    "post_process.group_advantages": ("args", "samples"),
    "filters.informative_group": ("args", "samples"),
    "curriculum.CurriculumDataSource": ("args",),
    "data_source.ResumableDataSource": ("args",),
    "rollout_log.log_rewards": ("rollout_id", "args", "samples", "rollout_extra_metrics", "rollout_time"),
    "rollout_log.log_eval": ("rollout_id", "args", "data", "extra_metrics"),
}
EXACT = ("post_process.", "rollout_log.")


def load(path):
    module, _, name = path.rpartition(".")
    return getattr(importlib.import_module(f"code_reward_slime.{module}"), name)


@pytest.mark.parametrize("path", SIGNATURES)
def test_parameters_have_the_names_that_slime_looks_at(path):
    names = tuple(inspect.signature(load(path)).parameters)
    assert names[: len(SIGNATURES[path])] == SIGNATURES[path]
    assert len(names) == len(SIGNATURES[path]) or not path.startswith(EXACT)


@pytest.mark.parametrize("path", [path for path in SIGNATURES if path.startswith("rewards.")])
def test_rewards_are_awaited_and_nothing_else_is(path):
    assert inspect.iscoroutinefunction(load(path))


@pytest.mark.parametrize("path", [path for path in SIGNATURES if not path.startswith("rewards.")])
def test_what_slime_does_not_await_is_no_coroutine(path):
    assert not inspect.iscoroutinefunction(load(path))


async def test_bare_arguments_and_tiny_samples_are_enough():
    args = type("Args", (), {"custom_rm_path": "x", "group_rm": False, "rm_type": None, "reward_key": None})()
    sample = Sample(
        index=3, prompt="prompt-3", response="response-3", label="label-3", tokens=[1, 2], response_length=2, status=Status.COMPLETED
    )
    assert math.isfinite(await model_reward(args, sample))
    samples = [Sample(index=i, reward=i + 0.5, tokens=[1, 2], response_length=2, status=Status.COMPLETED) for i in range(2)]
    raw, processed = group_advantages(type("Args", (), {})(), samples)
    assert (raw, processed) == ([0.5, 1.5], pytest.approx([-math.sqrt(0.5), math.sqrt(0.5)]))


def in_a_fresh_interpreter(code):
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT / "slime_plugins"), str(ROOT)])}
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_hook_is_imported_without_slime_and_without_torch():
    modules = {f"code_reward_slime.{path.rpartition('.')[0]}" for path in SIGNATURES}
    code = f"import sys, {', '.join(sorted(modules))}; print(*{{'slime', 'torch', 'ray', 'transformers'}} & set(sys.modules))"
    assert in_a_fresh_interpreter(code).strip() == ""


def test_our_source_root_is_no_package_and_shadows_none():
    assert not (ROOT / "slime_plugins" / "__init__.py").exists()
    assert "namespace" in in_a_fresh_interpreter(
        "import slime_plugins; print('namespace' if slime_plugins.__file__ is None else 'package')"
    )
