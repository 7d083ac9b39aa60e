"""All that these hooks know of slime's own modules and objects, in one place.

A fork of slime with other names (of its package, of a sample's fields) needs another version of this file and of nothing else. What is
imported of slime is imported where it is used: the hooks themselves load without it.
"""

from __future__ import annotations

import importlib
import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any, Literal

PACKAGE = "slime"


def status_of(sample: Any) -> str:
    """`pending`, `completed`, `truncated`, `aborted` or `failed`."""
    return str(sample.status.value)


def is_training(sample: Any) -> bool:
    """Whether the sample is one of a group that is trained on: slime numbers those groups, and gives evaluation samples no number."""
    return sample.group_index is not None


def own_reward_of(sample: Any) -> str | None:
    """The reward function that the sample's held-out set names for itself."""
    path = getattr(sample, "custom_rm_path", None)
    return path if isinstance(path, str) and path else None


def written_tokens(args: Any, sample: Any) -> int:
    """The response tokens that the policy itself wrote: what tools returned is masked out of the loss.

    So is what it wrote in an earlier step with `--mask-offpolicy-in-partial-rollout`: there all tokens count.
    """
    mask = getattr(sample, "loss_mask", None)
    masks_more = getattr(args, "mask_offpolicy_in_partial_rollout", False)
    return int(sample.response_length if mask is None or masks_more else sum(mask))


def load(path: str) -> Callable[..., Any]:
    """The function of a `--*-path` option."""
    function: Callable[..., Any] = importlib.import_module(f"{PACKAGE}.utils.misc").load_function(path)
    return function


def is_aborting(args: Any) -> bool:
    """Whether slime is throwing its unfinished groups away. With `--partial-rollout` it keeps them, and with them their rewards."""
    module = sys.modules.get(f"{PACKAGE}.rollout.sglang_rollout")
    if module is None or getattr(args, "partial_rollout", False):
        return False
    # Calling the singleton's class would make one where there is none.
    state = module.GenerateState._instances.get(module.GenerateState)
    return state is not None and bool(state.aborted)


def filter_output(*, keep: bool, reason: str | None, keep_when_insufficient: bool) -> Any:
    """What a `--dynamic-sampling-filter-path` returns."""
    module = importlib.import_module(f"{PACKAGE}.rollout.filter_hub.base_types")
    return module.DynamicFilterOutput(keep=keep, reason=reason, keep_when_insufficient=keep_when_insufficient)


def data_source(args: Any) -> Any:
    """slime's own data source."""
    return importlib.import_module(f"{PACKAGE}.rollout.data_source").RolloutDataSourceWithBuffer(args)


def log(args: Any, rollout_id: int, metrics: dict[str, float], step: Literal["rollout", "eval"]) -> None:
    """Log metrics for a rollout in W&B and TensorBoard, at the step at which slime logs its own."""
    at = observability("metric_utils").compute_rollout_step(args, rollout_id)
    observability("logging_utils").log(args, {**metrics, f"{step}/step": at}, step_key=f"{step}/step")


def observability(name: str) -> Any:
    """A module that slime moved from `slime.utils` (0.3.1) to `slime.observability`."""
    try:
        return importlib.import_module(f"{PACKAGE}.observability.{name}")
    except ModuleNotFoundError as error:
        if error.name not in (f"{PACKAGE}.observability", f"{PACKAGE}.observability.{name}"):
            raise
        return importlib.import_module(f"{PACKAGE}.utils.{name}")


def add_options(parser: ArgumentParser) -> None:
    """Every option of slime's own parser. Raises `ImportError` where slime or what it needs is not installed."""
    importlib.import_module(f"{PACKAGE}.utils.arguments").get_slime_extra_args_provider()(parser)


def add_engine_options(parser: ArgumentParser) -> None:
    """Every option that slime hands on to SGLang. Raises as `add_options`."""
    importlib.import_module(f"{PACKAGE}.backends.sglang_utils.arguments").add_sglang_arguments(parser)
