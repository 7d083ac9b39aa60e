"""slime's `--custom-rollout-log-function-path` and `--custom-eval-rollout-log-function-path`: what the rewards did.

Both return False, so that slime logs what it always logs, too.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from code_reward.files import write_text
from code_reward_slime.drift import DRIFT
from code_reward_slime.metrics import rollout_metrics, shares
from code_reward_slime.programs_page import render_page
from code_reward_slime.samples import flatten, is_missing, record_of
from code_reward_slime.settings import Settings, read_settings
from code_reward_slime.tracking import log
from code_reward_slime.wiring import handles_missing

logger = logging.getLogger(__name__)


def log_rewards(rollout_id: int, args: Any, samples: Any, rollout_extra_metrics: Any, rollout_time: float) -> bool:
    """Log `code_reward_slime.metrics.METRICS` below `rollout/code_reward/`, and write the page of the best and worst programs."""
    settings = read_settings(args)
    judged = list(flatten(samples))
    metrics = rollout_metrics(judged) | {f"drift/{name}": value for name, value in DRIFT.report(settings).items()}
    if metrics:
        named = {f"rollout/code_reward/{name}": value for name, value in metrics.items()}
        logger.info("rollout %s: %s", rollout_id, named)
        log(args, rollout_id, named, "rollout")
    folder = _programs_dir(args, settings)
    page = render_page(rollout_id, judged) if folder is not None else ""
    if folder is not None and page:
        write_text(folder / f"rollout_{rollout_id:06d}.md", page)
    return False


@handles_missing
def log_eval(rollout_id: int, args: Any, data: Any, extra_metrics: Any) -> bool:
    """Leave samples with a missing verdict out of what slime averages, and log how many there are below `eval/NAME/code_reward/`.

    With `--log-passrate` all samples of their prompts are left out, because slime computes pass@k from whole groups.
    """
    metrics: dict[str, float] = {}
    for name in list(data):
        samples = data[name].get("samples") or []
        records = [record_of(sample) for sample in samples if record_of(sample)]
        if records:
            metrics |= {f"eval/{name}/code_reward/{key}": share for key, share in shares(records).items()}
        keep = _kept(args, samples)
        if not all(keep):
            data[name] = {key: _only(values, keep) for key, values in data[name].items()}
        if samples and not any(keep):
            logger.warning("Evaluation %s has no verdict at all; slime logs nothing for it.", name)
            del data[name]
    if metrics:
        logger.info("eval %s: %s", rollout_id, metrics)
        log(args, rollout_id, metrics, "eval")
    return False


def _kept(args: Any, samples: list[Any]) -> list[bool]:
    """Which samples are left in; evaluation samples are in the order of their prompts."""
    keep = [not is_missing(sample) for sample in samples]
    if not getattr(args, "log_passrate", False):
        return keep
    size = args.n_samples_per_eval_prompt
    return [all(keep[i - i % size : i - i % size + size]) for i in range(len(keep))]


def _only(values: Any, keep: list[bool]) -> Any:
    """The values of the samples that are left in, of a list with one per sample."""
    if not isinstance(values, list) or len(values) != len(keep):
        return values
    return [value for value, kept in zip(values, keep, strict=True) if kept]


def _programs_dir(args: Any, settings: Settings) -> Path | None:
    if settings.programs_dir is not None:
        return settings.programs_dir
    save = getattr(args, "save", None)
    return Path(save) / "code_reward" if save else None
