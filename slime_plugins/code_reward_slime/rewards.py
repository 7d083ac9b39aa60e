"""slime's `--custom-rm-path`: the reward of a sample, or of a list of samples, from the reward model, from unit tests, or from both.

These functions never raise and never make a number of what is missing. A missing verdict is a placeholder on a sample that is taken out of
the loss (`samples`), for `post_process.group_advantages` to leave out; where that is not set up, or the run must stop for another reason,
the reward is a `Refusal`, which stops it in every mode of slime.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any

from code_reward.errors import CodeRewardError, DataError
from code_reward.shaping import PRESETS, shape
from code_reward.verdict import Missing, Rejected, Verdict, to_record
from code_reward_slime.aborting import unless_aborting
from code_reward_slime.drift import DRIFT
from code_reward_slime.health import HEALTH
from code_reward_slime.judges import Judge, Judgement, by_both, by_model, by_tests, despite_status
from code_reward_slime.refusal import Refusal
from code_reward_slime.samples import PLACEHOLDER, status_of, write_record
from code_reward_slime.settings import Settings, read_settings
from code_reward_slime.terms import terms_of
from code_reward_slime.wiring import find_gap

logger = logging.getLogger(__name__)

Reward = float | Refusal | dict[str, Any]


@dataclass(frozen=True)
class _Kind:
    judge: Judge
    shape: Callable[[Verdict, Settings], float | None]


@dataclass(frozen=True)
class _Worth:
    """What a sample is worth: its judgement, the shaped reward (None if the verdict is missing), and the terms beside it."""

    judgement: Judgement
    shaped: float | None = None
    terms: dict[str, float] = field(default_factory=dict)


_MODEL = _Kind(by_model, lambda verdict, settings: shape(verdict, settings.shaping, rejected=settings.rejected))
_TESTS = _Kind(by_tests, lambda verdict, settings: shape(verdict, "raw", rejected=0.0))
# Valid answers have rewards in [0, 1], as in the preset.
_HYBRID = _Kind(by_both, lambda verdict, settings: shape(verdict, "raw", rejected=PRESETS.get("default").rejected))


async def model_reward(args: Any, sample: Any, **options: Any) -> Any:
    """The shaped score of the reward model.

    Args:
        args: slime's arguments with our settings on them.
        sample: A `Sample`, or a list of them (`--group-rm`, fanned-out rollouts).

    Returns:
        A finite float, or with `--reward-key` a dict that has it under that key; for a list, one per sample in order.
    """
    return await _reward(args, sample, _MODEL)


async def unit_test_reward(args: Any, sample: Any, **options: Any) -> Any:
    """1 if the program passes the tests in the metadata, else 0 (or the share it passes); a rejected answer is 0. As `model_reward`."""
    return await _reward(args, sample, _TESTS)


async def hybrid_reward(args: Any, sample: Any, **options: Any) -> Any:
    """Tests and reward model together, in [0, 1] (`code_reward.hybrid`); a rejected answer is -0.5. As `model_reward`."""
    return await _reward(args, sample, _HYBRID)


async def _reward(args: Any, sample: Any, kind: _Kind) -> Any:
    if isinstance(sample, list):
        return list(await asyncio.gather(*(_reward(args, one, kind) for one in sample)))
    value = await _value(args, sample, kind)
    keys = {key for key in (getattr(args, "reward_key", None), getattr(args, "eval_reward_key", None)) if key}
    if not getattr(args, "reward_key", None):
        return value
    return _as_dict(args, sample, value, keys)


def _as_dict(args: Any, sample: Any, value: float | Refusal, keys: set[str]) -> dict[str, Any]:
    record = sample.metadata["code_reward"]
    category = getattr(args, "log_reward_category", None)
    return {**({category: record["reason"] or record["verdict"]} if category else {}), **dict.fromkeys(keys, value)}


async def _value(args: Any, sample: Any, kind: _Kind) -> float | Refusal:
    start = perf_counter()
    try:
        settings = read_settings(args)
    except CodeRewardError as error:
        HEALTH.fail(error)
        settings = Settings()
    worth = await _weigh(args, settings, sample, kind)
    verdict, shaped, terms = worth.judgement.verdict, worth.shaped, worth.terms
    details = {"seconds": perf_counter() - start, **worth.judgement.details}
    write_record(sample, {**to_record(verdict), "shaped": shaped, "terms": terms, **details})
    HEALTH.record(verdict, settings)
    DRIFT.consider(settings, sample, verdict)
    refusal = _refusal(args, settings, verdict)
    if refusal is not None:
        return refusal
    return PLACEHOLDER if shaped is None else shaped + sum(terms.values())


async def _weigh(args: Any, settings: Settings, sample: Any, kind: _Kind) -> _Worth:
    """What one sample is worth. Whatever goes wrong becomes a missing verdict; what must stop the run is remembered."""
    try:
        judgement = await _judge(args, settings, sample, kind)
        return _Worth(judgement, kind.shape(judgement.verdict, settings), await terms_of(settings, sample, judgement.verdict))
    except DataError as error:
        logger.warning("A sample cannot be judged: %s", error)
        return _Worth(Judgement(Missing("bad_metadata")))
    except CodeRewardError as error:
        HEALTH.fail(error)
        return _Worth(Judgement(Missing(error.kind)))
    except Exception:  # A bug of ours, or a process that died: the sample has no verdict, the run goes on.
        logger.exception("The reward of a sample failed.")
        return _Worth(Judgement(Missing("reward_failed")))


async def _judge(args: Any, settings: Settings, sample: Any, kind: _Kind) -> Judgement:
    decided = await despite_status(args, settings, sample, status_of(sample))
    if decided is not None:
        return Judgement(decided)
    judgement = await unless_aborting(args, kind.judge(args, settings, sample))
    return judgement or Judgement(Missing("aborted"))


def _refusal(args: Any, settings: Settings, verdict: Verdict) -> Refusal | None:
    """What to return instead of a number where the run must stop. A rejected answer is certain whatever the settings are."""
    if isinstance(verdict, Rejected):
        return None
    error = HEALTH.error(settings) or find_gap(args)
    return Refusal(error) if error is not None else None
