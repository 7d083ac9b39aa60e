"""The files and options of a run of slime on CPU: GRPO with our hooks, the reward model in one of slime's own engines.

Options are grouped as in slime's launch scripts. Every group can be overridden by what follows it on the command line.
"""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import yaml
from code_reward_slime.sglang_config import FIRST_PORT, SGLangConfig, build
from slime_on_cpu.environment import environment
from slime_on_cpu.model_flags import model_flags

from code_reward.errors import ConfigurationError
from code_reward.files import write_text
from code_reward.problem import Problem
from code_reward.rows import write_rows
from data_prep.prompts.row import to_row

ROOT: Final = Path(__file__).resolve().parents[2]
PYTHON: Final = ROOT / ".venv-integration/bin/python"
"""Where Ray, SGLang and what slime needs are installed."""

REWARD: Final = (
    *("--custom-rm-path", "code_reward_slime.rewards.model_reward"),
    *("--custom-reward-post-process-path", "code_reward_slime.post_process.group_advantages"),
    *("--custom-rollout-log-function-path", "code_reward_slime.rollout_log.log_rewards"),
    *("--custom-eval-rollout-log-function-path", "code_reward_slime.rollout_log.log_eval"),
)
GRPO: Final = ("--advantage-estimator", "grpo", "--kl-coef", "0", "--entropy-coef", "0", "--eps-clip", "0.2", "--eps-clip-high", "0.28")
OPTIMIZER: Final = (
    *("--optimizer", "adam", "--lr", "1e-4", "--lr-decay-style", "constant"),
    *("--weight-decay", "0.0", "--adam-beta1", "0.9", "--adam-beta2", "0.98"),
)
RESOURCES: Final = (
    *("--actor-num-nodes", "1", "--actor-num-gpus-per-node", "1", "--rollout-num-gpus-per-engine", "1"),
    *("--tensor-model-parallel-size", "1", "--micro-batch-size", "1", "--use-dynamic-batch-size", "--max-tokens-per-gpu", "4096"),
)


def prepare(out: Path, *, policy: Path, rm: Path | None, problems: Sequence[Problem], settings: dict[str, Any] | None = None) -> list[str]:
    """Write a run's files into `out` and return its options, without those of its size (`sizes`).

    Args:
        policy, rm: Checkpoint folders; without `rm` no engine is started for one, and `settings` or later options say what rewards.
        settings: Settings of our hooks, with their prefix.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_rows(out / "prompts.jsonl", [to_row(problem, instruction="") for problem in problems])
    policy, rm = policy.resolve(), rm and rm.resolve()
    engines = _engines(policy, rm)
    write_text(out / "engines.yaml", yaml.safe_dump(engines, sort_keys=False))
    ours = {**({} if rm is None else {"code_reward_rm_dir": str(rm)}), **(settings or {})}
    write_text(out / "settings.yaml", yaml.safe_dump(ours))
    return [
        *model_flags(policy),
        *("--hf-checkpoint", str(policy), "--load", str(policy)),
        *("--prompt-data", str((out / "prompts.jsonl").resolve()), "--input-key", "prompt", "--metadata-key", "metadata"),
        *("--apply-chat-template", "--rollout-shuffle", "--rollout-temperature", "1"),
        *("--custom-config-path", str((out / "settings.yaml").resolve()), *REWARD),
        *("--sglang-config", str((out / "engines.yaml").resolve()), "--rollout-num-gpus", str(len(engines["sglang"]))),
        *("--save-debug-rollout-data", str(out.resolve() / "rollout_{rollout_id}.pt")),
        *(*RESOURCES, *GRPO, *OPTIMIZER),
    ]


def sizes(*, rollouts: int, prompts: int, samples: int, response: int) -> list[str]:
    """How much a run does: rollouts of `prompts` groups of `samples`, each a step; responses of at most `response` tokens."""
    batch = ("--rollout-batch-size", prompts, "--n-samples-per-prompt", samples, "--global-batch-size", prompts * samples)
    return [str(word) for word in ("--num-rollout", rollouts, *batch, "--rollout-max-response-len", response)]


def _engines(policy: Path, rm: Path | None) -> dict[str, Any]:
    if rm is not None:
        places = SGLangConfig(policy=str(policy), rm=rm, policy_gpus=1, device="cpu", dtype="float32", first_port=_free_port(), out=Path())
        return build(places)
    group = {"worker_type": "regular", "num_gpus": 1, "num_gpus_per_engine": 1, "overrides": {"base_gpu_id": 0}}
    return {"sglang": [{"name": "default", "model_path": str(policy), "update_weights": True, "server_groups": [group]}]}


def _free_port() -> int:
    """The first port for the reward model's engine on which nobody listens."""
    for port in range(FIRST_PORT, 60000, 100):
        with socket.socket() as one:
            if one.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise ConfigurationError("All ports of 127.0.0.1 are taken; end what listens on them.")


@contextmanager
def running(script: str, flags: Sequence[str], log: Path, *paths: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Slime's `script` in the integration environment, its output in `log`, `paths` on its `PYTHONPATH` too.

    Leaving the context asks a run that is not over to stop. Either way nothing that it started is left.
    """
    if not PYTHON.exists():
        raise ConfigurationError("There is no .venv-integration; make it with SLIME_ROOT=… make install-integration.")
    roots = {name: value for name, value in environment().items() if name in ("SLIME_ROOT", "MEGATRON_ROOT")}
    ours = [*paths, ROOT, ROOT / "slime_plugins", os.environ.get("PYTHONPATH")]
    # The roots may have been given relative to this folder, and the run has another.
    variables = {**os.environ, **roots, "PYTHONPATH": os.pathsep.join(str(path) for path in ours if path)}
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as output:
        command = [str(PYTHON), "-m", "slime_on_cpu.launch", script, *flags]
        # In a session of its own: Ctrl-C is for this command, which tells the run to stop, once.
        options: dict[str, Any] = {"env": variables, "cwd": log.parent, "start_new_session": True}
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT, **options)
        try:
            yield process
        finally:
            process.terminate()
            process.wait()
