"""slime's own W&B and TensorBoard logging, wherever this version of slime keeps it."""

from __future__ import annotations

import importlib
from typing import Any, Literal


def log(args: Any, rollout_id: int, metrics: dict[str, float], step: Literal["rollout", "eval"]) -> None:
    """Log metrics for a rollout, at the step at which slime logs its own."""
    at = _module("metric_utils").compute_rollout_step(args, rollout_id)
    _module("logging_utils").log(args, {**metrics, f"{step}/step": at}, step_key=f"{step}/step")


def _module(name: str) -> Any:
    """slime moved these from `slime.utils` (0.3.1) to `slime.observability`."""
    try:
        return importlib.import_module(f"slime.observability.{name}")
    except ModuleNotFoundError as error:
        if error.name not in ("slime.observability", f"slime.observability.{name}"):
            raise
        return importlib.import_module(f"slime.utils.{name}")
