"""The environment of processes that run slime or SGLang on CPU; `python -m slime_on_cpu.environment` prints it as a shell's `export` lines.

`SLIME_ROOT` names a checkout of slime, `MEGATRON_ROOT` one of Megatron-LM at the commit and with the patch that slime's Dockerfile names.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from code_reward.cli import Command, run
from code_reward.errors import ConfigurationError

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]

ENGINE = {
    "SGLANG_USE_CPU_ENGINE": "1",
    "HF_HUB_OFFLINE": "1",
    "TORCHDYNAMO_DISABLE": "1",
    "OMP_NUM_THREADS": "1",
    "TOKENIZERS_PARALLELISM": "false",
}
TRAINING = {
    # As in slime's own scripts: Megatron demands it for tensor parallelism.
    "CUDA_DEVICE_MAX_CONNECTIONS": "1",
    "SLIME_HOST_IP": "127.0.0.1",
    "RAY_AUTH_MODE": "disabled",
    "RAY_DEDUP_LOGS": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    "PYTHONUNBUFFERED": "1",
}


def engine_environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What SGLang alone needs, added to `base`."""
    return {**base, **ENGINE, "PYTHONPATH": _join(HERE / "path", HERE.parent, ROOT, base.get("PYTHONPATH"))}


def environment(base: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What Ray must be started with, for slime and everything that it starts, added to `base`.

    Raises `ConfigurationError` where there are no checkouts.
    """
    slime = checkout(base, "SLIME_ROOT", "train.py", "slime (github.com/THUDM/slime)")
    megatron = checkout(
        base, "MEGATRON_ROOT", "megatron/core", "Megatron-LM at the commit and with the patch that slime's Dockerfile names"
    )
    engine = engine_environment({**base, "PYTHONPATH": _join(slime, megatron, base.get("PYTHONPATH"))})
    return {**engine, **TRAINING, "SLIME_ROOT": str(slime), "MEGATRON_ROOT": str(megatron)}


def checkout(base: Mapping[str, str], variable: str, content: str, what: str) -> Path:
    """The folder that a variable names, if `content` is in it."""
    folder = Path(base.get(variable) or "/nonexistent").resolve()
    if not (folder / content).exists():
        raise ConfigurationError(f"{variable} must name a checkout of {what}, not {base.get(variable, '')!r}.")
    return folder


def _join(*folders: Path | str | None) -> str:
    return os.pathsep.join(str(folder) for folder in folders if folder)


class Environment(Command):
    """Print the environment that Ray must be started in to run slime on CPU, as `export` lines for a shell's `eval`.

    Reads SLIME_ROOT and MEGATRON_ROOT.
    """


def main(settings: Environment) -> None:
    """Print what differs from the present environment."""
    changed = {name: value for name, value in environment().items() if os.environ.get(name) != value}
    print("\n".join(f"export {name}={shlex.quote(value)}" for name, value in changed.items()))


if __name__ == "__main__":
    run(Environment, main)
