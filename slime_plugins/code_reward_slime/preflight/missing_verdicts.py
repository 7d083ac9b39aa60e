"""Whether missing verdicts are kept out of training and evaluation, and a reward model inside slime is one that slime will serve."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path

from code_reward_slime.preflight.gpus import models_of
from code_reward_slime.preflight.hook_settings import settings_of
from code_reward_slime.preflight.row import Row, failed, ok
from code_reward_slime.preflight.train_arguments import TrainArguments
from code_reward_slime.sglang_config import problems
from code_reward_slime.wiring import find_gap

OURS = "code_reward_slime."
WITH_MODEL = ("model_reward", "hybrid_reward")


def check_wiring(arguments: TrainArguments) -> Iterator[Row]:
    """A row for our reward functions; none for a run that rewards with something else."""
    reward = arguments.one("--custom-rm-path") or ""
    if not reward.startswith(OURS):
        return
    gap = find_gap(_as_slime_sees(arguments))
    yield failed("missing verdicts", str(gap)) if gap else ok("missing verdicts", "are kept out of training and evaluation")
    if reward.rpartition(".")[2] in WITH_MODEL:
        yield from _check_source_of_scores(arguments)


def _as_slime_sees(arguments: TrainArguments) -> Namespace:
    return Namespace(
        debug_rollout_only=arguments.has("--debug-rollout-only"),
        eval_interval=arguments.one("--eval-interval"),
        custom_convert_samples_to_train_data_path=arguments.one("--custom-convert-samples-to-train-data-path"),
        custom_reward_post_process_path=arguments.one("--custom-reward-post-process-path"),
        custom_eval_rollout_log_function_path=arguments.one("--custom-eval-rollout-log-function-path"),
    )


def _check_source_of_scores(arguments: TrainArguments) -> Iterator[Row]:
    settings = settings_of(arguments)
    served = arguments.one("--sglang-config")
    if settings.rm_dir is None:
        yield failed("reward model", "Nothing says which reward model rewards; set code_reward_rm_dir in the file of --custom-config-path.")
    elif not settings.rm_urls and served is None:
        yield failed(
            "reward model", "Nobody serves it; set code_reward_rm_urls, or give --sglang-config (code_reward_slime.sglang_config)."
        )
    elif served is not None and not settings.rm_urls and (found := "; ".join(problems(models_of(Path(served)), settings.rm_name))):
        yield failed("reward model", f"{served}: {found}; python -m code_reward_slime.sglang_config writes a right one.")
