"""Which of slime's options must name functions that know what a missing verdict is, so that no placeholder is trained on or averaged."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import cache
from typing import Any, Final, TypeVar

from code_reward.errors import ConfigurationError

POST_PROCESS: Final = "code_reward_slime.post_process.group_advantages"
LOG_EVAL: Final = "code_reward_slime.rollout_log.log_eval"

F = TypeVar("F", bound=Callable[..., Any])


def handles_missing(function: F) -> F:
    """Mark a function of slime's `--*-path` options that leaves out samples whose verdict is missing (`samples.is_missing`).

    For functions of your own that stand in for ours.
    """
    function.handles_missing = True  # type: ignore[attr-defined]
    return function


def find_gap(args: Any) -> ConfigurationError | None:
    """The error for a run that would use placeholders as rewards; None if there is nothing to fear."""
    if getattr(args, "debug_rollout_only", False):
        return None
    if getattr(args, "advantage_estimator", None) == "reinforce_plus_plus":
        return ConfigurationError(
            "slime's reinforce_plus_plus stops at the first sample that is taken out of the loss, as those without a verdict are; choose "
            "another --advantage-estimator, such as reinforce_plus_plus_baseline or grpo."
        )
    convert = getattr(args, "custom_convert_samples_to_train_data_path", None)
    if convert is not None and not _is_marked(convert):
        # It replaces slime's conversion as a whole, the reward post-processing included.
        return ConfigurationError(
            f"{convert} replaces slime's reward post-processing and may train on placeholders for missing verdicts; "
            "mark it with code_reward_slime.wiring.handles_missing if it leaves them out, or remove "
            "--custom-convert-samples-to-train-data-path."
        )
    if convert is None and not _is_marked(getattr(args, "custom_reward_post_process_path", None)):
        return ConfigurationError(
            f"slime would train on placeholders for missing verdicts; add --custom-reward-post-process-path {POST_PROCESS} to its options."
        )
    if getattr(args, "eval_interval", None) and not _is_marked(getattr(args, "custom_eval_rollout_log_function_path", None)):
        return ConfigurationError(
            "slime would average placeholders for missing verdicts into its evaluation; "
            f"add --custom-eval-rollout-log-function-path {LOG_EVAL} to its options."
        )
    return None


@cache
def _is_marked(path: str | None) -> bool:
    if path is None:
        return False
    module, _, name = path.rpartition(".")
    try:
        return bool(getattr(getattr(importlib.import_module(module), name), "handles_missing", False))
    except (ImportError, AttributeError, ValueError):
        return False  # slime itself says what is wrong with the path.
