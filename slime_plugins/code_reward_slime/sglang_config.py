"""The YAML of slime's `--sglang-config` for a policy and a reward model: `python -m code_reward_slime.sglang_config`.

slime starts both and gives each a router. Two things there go wrong by themselves: it counts ports anew for each model, so that on one node
policy and reward model get the same one and the reward router then holds the policy; and it takes the first model for the policy, silently.
Here every engine of the reward model is a server group of its own with ports of its own, and `problems` says what would go wrong in any
such file, for preflight too. What is really behind the router is proven at the first reward by the reference scores.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field

from code_reward.cli import Command, run

FIRST_PORT: Final = 25000
"""slime counts up from 15000, a few ports per engine, for the policy."""
_PORTS_PER_ENGINE: Final = 40
"""SGLang also takes ports after that of `dist_init_addr`."""


class SGLangConfig(Command):
    """Write the YAML of slime's --sglang-config: a policy that is trained, and a frozen reward model with GPUs and ports of its own."""

    policy: str
    """The policy's Hugging Face folder, as in slime's --hf-checkpoint."""
    rm: Path
    """The reward model's folder; the same path on every node."""
    policy_gpus: int = Field(ge=1)
    """GPUs for the policy's engines; with --rm-gpus they make up --rollout-num-gpus."""
    rm_gpus: int = Field(default=1, ge=1)
    """GPUs for the reward model's engines."""
    policy_tp: int = Field(default=1, ge=1)
    """GPUs per engine of the policy, as in --rollout-num-gpus-per-engine."""
    rm_tp: int = Field(default=1, ge=1)
    """GPUs per engine of the reward model."""
    rm_name: str = "reward"
    """Name of the reward model, as in code_reward_rm_name."""
    dtype: Literal["float32", "bfloat16", "float16"] = "bfloat16"
    """Precision of the reward model, as in code_reward_client.dtype."""
    device: Literal["cuda", "cpu"] = "cuda"
    """cpu is for tests without a GPU."""
    first_port: int = Field(default=FIRST_PORT, ge=1024, le=60000)
    """The reward model's engines take ports from here on."""
    out: Path
    """The YAML file."""


def build(settings: SGLangConfig) -> dict[str, Any]:
    """The content of the file; raises `ConfigurationError` if slime would refuse it or misunderstand it."""
    from code_reward.errors import ConfigurationError
    from code_reward.serving import context_length

    engine = {"is_embedding": True, "dtype": settings.dtype, "context_length": context_length(settings.rm), "random_seed": 0}
    # Without GPUs SGLang would take the number of slime's pretended one for that of a NUMA node.
    on_cpu: dict[str, Any] = {"base_gpu_id": 0} if settings.device == "cpu" else {}
    if settings.rm_gpus % settings.rm_tp:
        raise ConfigurationError(f"{settings.rm_gpus} GPUs do not divide into engines of {settings.rm_tp}; change --rm-gpus or --rm-tp.")
    groups = [
        _group(settings.rm_tp, settings.rm_tp, {**engine, **on_cpu, **_ports(settings.first_port + i * _PORTS_PER_ENGINE)})
        for i in range(settings.rm_gpus // settings.rm_tp)
    ]
    policy = {"name": "default", "model_path": settings.policy, "update_weights": True}
    reward = {"name": settings.rm_name, "model_path": str(settings.rm), "update_weights": False, "server_groups": groups}
    models = [{**policy, "server_groups": [_group(settings.policy_gpus, settings.policy_tp, on_cpu)]}, reward]
    found = list(problems(models, settings.rm_name))
    if found:
        raise ConfigurationError("; ".join(found) + "; correct the split.")
    return {"sglang": models}


def _group(gpus: int, per_engine: int, overrides: dict[str, Any]) -> dict[str, Any]:
    group = {"worker_type": "regular", "num_gpus": gpus, "num_gpus_per_engine": per_engine}
    return {**group, "overrides": overrides} if overrides else group


def _ports(port: int) -> dict[str, Any]:
    return {"port": port, "nccl_port": port + 1, "dist_init_addr": f"127.0.0.1:{port + 2}"}


def problems(models: Sequence[dict[str, Any]], rm_name: str) -> Iterator[str]:
    """What slime would refuse in the models of such a file, or take for something else than is meant.

    Args:
        rm_name: The value of code_reward_rm_name.
    """
    names = [str(model.get("name")) for model in models]
    yield from (f"two models are named {name}" for name, count in Counter(names).items() if count > 1)
    if rm_name not in names:
        yield f"no model is named {rm_name} (code_reward_rm_name)"
        return
    reward = models[names.index(rm_name)]
    if names[0] == rm_name:
        yield f"{rm_name} is first, where slime looks for the policy; put the policy first"
    elif names[-1] != rm_name:
        yield f"{rm_name} is not last; slime places models on GPUs in their order, put it after those that are trained"
    if reward.get("update_weights") is not False:
        yield f"{rm_name} would be overwritten with the policy's weights; set update_weights: false"
    if models[0].get("update_weights") is False:
        yield f"{names[0]} is the policy and does not get its new weights; set update_weights: true"
    for name, group in ((name, group) for name, model in zip(names, models, strict=True) for group in model.get("server_groups") or []):
        per_engine = group.get("num_gpus_per_engine") or 1
        if int(group.get("num_gpus", 0)) % per_engine:
            yield f"{group['num_gpus']} GPUs of {name} do not divide into engines of {per_engine}"
    yield from _own_ports(reward, rm_name)


def _own_ports(reward: dict[str, Any], name: str) -> Iterator[str]:
    taken: Counter[int] = Counter()
    for group in reward.get("server_groups") or []:
        overrides = group.get("overrides") or {}
        if not overrides.get("is_embedding"):
            yield f"a server group of {name} lacks is_embedding: true"
        if not {"port", "nccl_port", "dist_init_addr"} <= set(overrides):
            yield f"a server group of {name} lacks a port, nccl_port or dist_init_addr of its own, and slime gives it the policy's"
            continue
        if int(group.get("num_gpus", 0)) != (group.get("num_gpus_per_engine") or 1):
            yield f"a server group of {name} has several engines and one port; give each engine a group"
        taken.update([overrides["port"], overrides["nccl_port"], int(str(overrides["dist_init_addr"]).rpartition(":")[2])])
    yield from (f"two engines of {name} want port {port}" for port, count in taken.items() if count > 1)


def main(settings: SGLangConfig) -> None:
    """Write the file and say what else slime must be given."""
    import yaml

    from code_reward.files import write_text
    from code_reward.serving import PACKAGE_VARIABLE, model_package

    write_text(settings.out, yaml.safe_dump(build(settings), sort_keys=False))
    print(f"wrote {settings.out}; give slime --sglang-config {settings.out} --rollout-num-gpus {settings.policy_gpus + settings.rm_gpus}")
    if package := model_package(settings.rm):
        print(f'and, for the class of this reward model, "{PACKAGE_VARIABLE}": "{package}" in RUNTIME_ENV_JSON')


if __name__ == "__main__":
    run(SGLangConfig, main)
