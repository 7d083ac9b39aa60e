"""The command lines of SGLang and of its router, and why each flag is there."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from code_reward.serving import PACKAGE_VARIABLE, context_length, model_package

if TYPE_CHECKING:
    from reward_servers.sglang_server.__main__ import SGLangServer

_OURS: Final = {
    "--model-path": "--model",
    "--model": "--model",
    "--dtype": "--dtype",
    "--host": "--host",
    "--port": "--port",
    "--tp": "--tp",
    "--tp-size": "--tp",
    "--tensor-parallel-size": "--tp",
    "--base-gpu-id": "--first-gpu",
    "--device": "--device",
}
_HARMFUL: Final = {
    "--allow-auto-truncate": "an input cut by the server is scored on its wrong token; inputs are cut by code_reward.json",
    "--context-length": "the context follows from code_reward.json",
    "--tokenizer-path": "the checkpoint's own tokenizer is the right one",
    "--json-model-override-args": "it could change what the model computes",
    "--quantization": "the scores would not be the reference scores",
}


def forbidden(option: str) -> str | None:
    """Why `option` must not be handed on to SGLang; None if it may."""
    name = option.partition("=")[0]
    if not name.startswith("--"):
        return f"{option!r} is no option; write --option=--name=value"
    if name in _OURS:
        return f"{name} is decided here; use {_OURS[name]}"
    return f"{name} is not allowed: {_HARMFUL[name]}" if name in _HARMFUL else None


def replica_command(settings: SGLangServer, model: Path, index: int, port: int) -> list[str]:
    """What starts replica `index` of the checkpoint `model`."""
    flags = {
        "--model-path": str(model),
        "--served-model-name": settings.model.name,
        "--dtype": settings.dtype,
        "--context-length": str(context_length(model)),
        "--host": settings.host,
        "--port": str(port),
        "--tp-size": str(settings.tp),
        "--base-gpu-id": str(settings.first_gpu + index * settings.tp if settings.device == "cuda" else 0),
        "--device": settings.device,
        # Two starts must give the same scores.
        "--random-seed": "0",
        "--log-level": "warning",
    }
    if settings.device == "cpu":
        tokens = str(max(16384, 4 * context_length(model)))
        flags |= {"--attention-backend": "torch_native", "--max-total-tokens": tokens, "--mem-fraction-static": "0.1"}
    # Sequence classifiers switch to embedding by themselves, ours for GLM-4 only if told.
    switches = ["--is-embedding"]
    if settings.device == "cpu":
        # An idle replica would keep a core busy.
        switches += ["--disable-overlap-schedule", "--sleep-on-idle"]
    return [sys.executable, "-m", "sglang.launch_server", *switches, *_flat(flags), *settings.option]


def replica_environment(model: Path) -> dict[str, str]:
    """The environment of a replica: this one's, and our model classes where SGLang has none."""
    package = model_package(model)
    return {**os.environ, **({PACKAGE_VARIABLE: package} if package else {})}


def router_command(settings: SGLangServer, port: int, prometheus_port: int, workers: Sequence[str]) -> list[str]:
    """What starts the router before `workers`."""
    flags = {
        "--host": settings.host,
        "--port": str(port),
        "--prometheus-port": str(prometheus_port),
        # The router knows nothing of prefixes in token ids; our client keeps groups together itself.
        "--policy": "round_robin",
        "--health-check-interval-secs": "5",
        "--log-level": "warn",
    }
    return [sys.executable, "-m", "sglang_router.launch_router", *_flat(flags), "--worker-urls", *workers]


def _flat(flags: dict[str, str]) -> list[str]:
    return [part for flag in flags.items() for part in flag]
