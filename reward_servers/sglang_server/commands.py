"""The command lines of SGLang and of its router, and why each flag is there."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path

from code_reward.serving import PACKAGE_VARIABLE, context_length, model_package
from reward_servers.sglang_server.settings import SGLangServer


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
