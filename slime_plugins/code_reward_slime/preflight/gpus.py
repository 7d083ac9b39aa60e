"""Whether the GPUs of training, rollout and reward model add up, and the batches divide among them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from code_reward.errors import ConfigurationError
from code_reward_slime.preflight.row import Row, failed, not_checked, ok
from code_reward_slime.preflight.train_arguments import TrainArguments
from code_reward_slime.preflight.yaml_file import read_yaml


def check_gpus(arguments: TrainArguments, available: int | None) -> Iterator[Row]:
    """A row per sum; `available` is what the cluster has, None if nobody knows."""
    nodes, per_node = arguments.number("--actor-num-nodes", 1), arguments.number("--actor-num-gpus-per-node", 8)
    actor = nodes * per_node
    colocated = arguments.has("--colocate")
    if not colocated and not arguments.has("--rollout-num-gpus"):
        raise ConfigurationError("Without --colocate slime needs --rollout-num-gpus; give it.")
    rollout = arguments.number("--rollout-num-gpus", actor)
    total = max(actor, rollout) if colocated else actor + rollout
    problems = [*_divisions(arguments, actor), *_engines(arguments, rollout)]
    if problems:
        yield failed("GPUs", "; ".join(problems) + "; correct the split.")
    split = f"{actor} train{' and' if colocated else ','} {rollout} generate or judge"
    if available is None:
        yield not_checked("GPUs", f"{total} are needed ({split}); how many there are was not said (--gpus)")
    elif total > available:
        yield failed("GPUs", f"{total} are needed ({split}) and there are {available}; ask for fewer, or for more nodes.")
    elif not problems:
        yield ok("GPUs", f"{total} of {available} are used: {split}")


def _divisions(arguments: TrainArguments, actor: int) -> Iterator[str]:
    parallel = ("--tensor-model-parallel-size", "--pipeline-model-parallel-size", "--context-parallel-size")
    model = 1
    for option in parallel:
        model *= arguments.number(option, 1)
    if actor % model:
        yield f"{actor} training GPUs are not divided by {model} (tensor x pipeline x context parallel)"
        return
    samples = arguments.number("--rollout-batch-size", 1) * arguments.number("--n-samples-per-prompt", 1)
    batch = arguments.number("--global-batch-size", samples)
    if samples % batch:
        yield f"--global-batch-size {batch} does not divide the {samples} samples of a rollout"
    if batch % (actor // model):
        yield f"--global-batch-size {batch} is not divided by {actor // model} data parallel ranks"


def _engines(arguments: TrainArguments, rollout: int) -> Iterator[str]:
    path = arguments.one("--sglang-config")
    per_engine = arguments.number("--rollout-num-gpus-per-engine", 1)
    if path is None:
        if rollout % per_engine:
            yield f"--rollout-num-gpus {rollout} is not divided by --rollout-num-gpus-per-engine {per_engine}"
        return
    groups = [group for model in models_of(Path(path)) for group in model.get("server_groups") or []]
    used = sum(int(group.get("num_gpus", 0)) for group in groups)
    if used != rollout:
        yield f"the server groups of {path} use {used} GPUs, --rollout-num-gpus is {rollout}"


def models_of(path: Path) -> list[dict[str, Any]]:
    """The models of an `--sglang-config`; raises `ConfigurationError` if it is not one."""
    models = read_yaml(path).get("sglang")
    if not isinstance(models, list) or not all(isinstance(model, dict) for model in models):
        raise ConfigurationError(f"{path} has no list `sglang` of models; write it as slime's sglang-config guide says.")
    return models
