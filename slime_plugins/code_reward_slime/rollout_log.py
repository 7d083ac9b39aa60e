"""slime's `--custom-rollout-log-function-path` and `--custom-eval-rollout-log-function-path`: what the rewards did.

Both return False, so that slime logs what it always logs, too.
"""

from __future__ import annotations

import logging
from typing import Any

from code_reward.files import write_text
from code_reward_slime import trainer
from code_reward_slime.drift import DRIFT
from code_reward_slime.metrics import rollout_metrics, shares
from code_reward_slime.places import own_folder
from code_reward_slime.programs_page import render_page
from code_reward_slime.rollouts import Rollout, settle
from code_reward_slime.settings import read_settings
from code_reward_slime.terms import terms_of
from code_reward_slime.wiring import handles_missing

logger = logging.getLogger(__name__)


def log_rewards(rollout_id: int, args: Any, samples: Any, rollout_extra_metrics: Any, rollout_time: float) -> bool:
    """Log `code_reward_slime.metrics.METRICS` below `rollout/code_reward/`, and write the page of the best and worst programs."""
    settings = read_settings(args)
    rollouts = settle(args, samples)
    terms_of(args, settings, rollouts)
    metrics = rollout_metrics(args, rollouts) | {f"drift/{name}": value for name, value in DRIFT.report(settings).items()}
    if metrics:
        named = {f"rollout/code_reward/{name}": value for name, value in metrics.items()}
        logger.info("rollout %s: %s", rollout_id, named)
        trainer.log(args, rollout_id, named, "rollout")
    folder = own_folder(args, settings)
    page = render_page(rollout_id, rollouts) if folder is not None else ""
    if folder is not None and page:
        write_text(folder / f"rollout_{rollout_id:06d}.md", page)
    return False


@handles_missing
def log_eval(rollout_id: int, args: Any, data: Any, extra_metrics: Any) -> bool:
    """Leave rollouts with a missing verdict out of what slime averages, and log how many there are below `eval/NAME/code_reward/`.

    A rollout that was fanned out into several samples counts once. With `--log-passrate` all rollouts of their prompts are left out,
    because slime computes pass@k from whole groups.
    """
    metrics: dict[str, float] = {}
    for name in list(data):
        rollouts = settle(args, data[name].get("samples") or [])
        records = [rollout.record for rollout in rollouts if rollout.record]
        if records:
            metrics |= {f"eval/{name}/code_reward/{key}": share for key, share in shares(records).items()}
        kept = _kept(args, rollouts)
        if rollouts and not kept:
            logger.warning("Evaluation %s has no verdict at all; slime logs nothing for it.", name)
            del data[name]
        elif len(kept) < len(data[name].get("samples") or []):
            data[name] = _only(args, data[name], kept)
    if metrics:
        logger.info("eval %s: %s", rollout_id, metrics)
        trainer.log(args, rollout_id, metrics, "eval")
    return False


def _kept(args: Any, rollouts: list[Rollout]) -> list[Rollout]:
    """Which rollouts are left in; those of an evaluation are in the order of their prompts."""
    missing = [rollout.missing is not None for rollout in rollouts]
    size = args.n_samples_per_eval_prompt if getattr(args, "log_passrate", False) else 1
    return [rollout for i, rollout in enumerate(rollouts) if not any(missing[i - i % size : i - i % size + size])]


def _only(args: Any, given: dict[str, Any], kept: list[Rollout]) -> dict[str, Any]:
    """An evaluation's lists with one entry for each rollout that is left in: its answer's, and as its reward what the rollout is worth."""
    place = {id(sample): number for number, sample in enumerate(given["samples"])}
    numbers = [place[id(rollout.answer)] for rollout in kept]
    lists = {key: [values[number] for number in numbers] for key, values in given.items() if _is_parallel(values, len(place))}
    return {**given, **lists, "rewards": [rollout.reward(args) for rollout in kept]}


def _is_parallel(values: Any, count: int) -> bool:
    return isinstance(values, list) and len(values) == count
