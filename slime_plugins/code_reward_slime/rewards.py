"""slime's `--custom-rm-path`: the reward of a sample, or of a list of samples, from reward model, unit tests, both, or a judge.

These functions never raise and never make a number of what is missing. A missing verdict is a placeholder on a sample that is taken out of
the loss (`samples`), for `post_process.group_advantages` to leave out; where that is not set up, or the run must stop for another reason,
the reward is a `Refusal`, which stops it in every mode of slime. Samples of one rollout are judged once, together (`judging`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from time import perf_counter
from typing import Any

from code_reward.errors import CodeRewardError, DataError
from code_reward.shaping import PRESETS, shape
from code_reward.verdict import Missing, Rejected, Verdict, to_record
from code_reward_slime import trainer
from code_reward_slime.drift import DRIFT
from code_reward_slime.health import HEALTH
from code_reward_slime.judges import Judge, Judgement, by_both, by_judge, by_model, by_tests
from code_reward_slime.judging import described_by, judge_rollout
from code_reward_slime.refusal import Refusal
from code_reward_slime.rollouts import rollouts_of
from code_reward_slime.samples import PLACEHOLDER, as_reward, write_record
from code_reward_slime.settings import Settings, read_settings
from code_reward_slime.trainer import is_training
from code_reward_slime.weighing import require_groups, weigh_groups
from code_reward_slime.wiring import find_gap

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Kind:
    path: str
    judge: Judge
    shape: Callable[[Verdict, Settings], float | None]


_MODEL = _Kind(f"{__name__}.model_reward", by_model, lambda verdict, settings: shape(verdict, settings.shaping, rejected=settings.rejected))
_TESTS = _Kind(f"{__name__}.unit_test_reward", by_tests, lambda verdict, settings: shape(verdict, "raw", rejected=0.0))
# Valid answers have rewards in [0, 1], as in the preset.
_IN_UNIT_INTERVAL = lambda verdict, settings: shape(verdict, "raw", rejected=PRESETS.get("default").rejected)  # noqa: E731
_HYBRID = _Kind(f"{__name__}.hybrid_reward", by_both, _IN_UNIT_INTERVAL)
_JUDGE = _Kind(f"{__name__}.judge_reward", by_judge, _IN_UNIT_INTERVAL)


async def model_reward(args: Any, sample: Any, **options: Any) -> Any:
    """The shaped score of the reward model.

    Args:
        args: slime's arguments with our settings on them.
        sample: A `Sample`, or a list of them (`--group-rm`, fanned-out rollouts), of which those of one `rollout_id` are one rollout.

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


async def judge_reward(args: Any, sample: Any, **options: Any) -> Any:
    """The mean of the votes of a language model (`code_reward_judge`), in [0, 1]; a rejected answer is -0.5. As `model_reward`."""
    return await _reward(args, sample, _JUDGE)


async def _reward(args: Any, given: Any, kind: _Kind) -> Any:
    if not isinstance(given, list):
        return await _of_rollout(args, [given], kind)
    rollouts = [rollout.samples for rollout in rollouts_of(given)]
    rewards: dict[int, Any] = {}
    for samples, values in zip(rollouts, await asyncio.gather(*(_of_list(args, samples, kind) for samples in rollouts)), strict=True):
        rewards.update({id(sample): value for sample, value in zip(samples, values, strict=True)})
    if kind is _TESTS:
        weighed = {number: as_reward(args, share, "scored") for number, share in weigh_groups(rollouts_of(given)).items()}
        rewards.update({number: value for number, value in weighed.items() if not _is_refused(rewards[number])})
    return [rewards[id(sample)] for sample in given]


def _is_refused(reward: Any) -> bool:
    return any(isinstance(value, Refusal) for value in (reward.values() if isinstance(reward, dict) else [reward]))


async def _of_list(args: Any, samples: list[Any], kind: _Kind) -> list[Any]:
    """One reward per sample of a rollout. slime hands lists to the reward of the training, whatever reward a held-out set names."""
    own = trainer.own_reward_of(samples[0])
    if own is not None and own != kind.path and own != getattr(args, "custom_rm_path", None):
        return list(await trainer.load(own)(args, samples))
    return [await _of_rollout(args, samples, kind)] * len(samples)


async def _of_rollout(args: Any, samples: Sequence[Any], kind: _Kind) -> Any:
    start = perf_counter()
    try:
        settings = read_settings(args)
        if kind is _TESTS and settings.tests_reward == "difficulty" and is_training(samples[0]):
            require_groups(args)
    except CodeRewardError as error:
        HEALTH.fail(error)
        settings = Settings()
    judgement, shaped = await _weigh(args, settings, samples, kind)
    verdict, answer = judgement.verdict, samples[judgement.answer]
    record = {**to_record(verdict), "shaped": shaped, "terms": {}, "one_block": judgement.one_block}
    record |= {"seconds": perf_counter() - start, **judgement.details}
    for sample in samples:
        write_record(sample, {**record, "answer": sample is answer} if len(samples) > 1 else record)
    HEALTH.record(verdict, settings)
    DRIFT.consider(settings, described_by(samples), answer, verdict)
    refusal = _refusal(args, settings, verdict)
    value = refusal if refusal is not None else PLACEHOLDER if shaped is None else shaped
    return as_reward(args, value, record["reason"] or record["verdict"])


async def _weigh(args: Any, settings: Settings, samples: Sequence[Any], kind: _Kind) -> tuple[Judgement, float | None]:
    """The judgement and the shaped reward, None if missing. Whatever goes wrong becomes a missing verdict; what must stop the run is
    remembered."""
    try:
        judgement = await judge_rollout(args, settings, samples, kind.judge)
        return judgement, kind.shape(judgement.verdict, settings)
    except DataError as error:
        logger.warning("A sample cannot be judged: %s", error)
        missing = Missing("bad_metadata")
    except CodeRewardError as error:
        HEALTH.fail(error)
        missing = Missing(error.kind)
    except Exception:  # A bug of ours, or a process that died: the sample has no verdict, the run goes on.
        logger.exception("The reward of a sample failed.")
        missing = Missing("reward_failed")
    return Judgement(missing), None


def _refusal(args: Any, settings: Settings, verdict: Verdict) -> Refusal | None:
    """What to return instead of a number where the run must stop. A rejected answer is certain whatever the settings are."""
    if isinstance(verdict, Rejected):
        return None
    error = HEALTH.error(settings) or find_gap(args)
    return Refusal(error) if error is not None else None
