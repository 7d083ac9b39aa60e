"""What the hooks write on a sample of slime and read there again: the record in `sample.metadata["code_reward"]`.

    {"verdict": "scored", "reason": None, "score": 1.3, "shaped": 0.78, "terms": {"length": -0.1}, "statement": "metadata",
     "cut": False, "seconds": 0.04, "rm": "9f2c…", "cached": False, "one_block": True}

`verdict`, `reason` and `score` are those of `code_reward.verdict.to_record`; `shaped` is the reward (None if missing); `terms` are what the
training adds to it later. All samples of a rollout (`rollouts`) have the same record; where there are several, `answer` is true in that
of the one that was judged. A sample is anything with the attributes of `slime.utils.types.Sample`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from code_reward.errors import DataError
from code_reward_slime.trainer import status_of

KEY: Final = "code_reward"

PLACEHOLDER: Final = 0.0
"""What stands where a missing verdict has no number; never trained on (`post_process`) and never averaged (`rollout_log`)."""


class KeyedReward(float):
    """A reward that is a number and also answers to a key: with `--eval-reward-key` alone slime reads the rewards of an evaluation by that
    key, those of the training as they are, and those of an evaluation's own statistics as they are, too."""

    def __getitem__(self, key: str) -> float:
        return float(self)


def metadata_of(sample: Any) -> Mapping[str, Any]:
    """The sample's metadata; empty if it has none."""
    return sample.metadata if isinstance(sample.metadata, dict) else {}


def record_of(sample: Any) -> Mapping[str, Any]:
    """What our reward wrote on the sample; empty if another reward judged it."""
    record = metadata_of(sample).get(KEY)
    return record if isinstance(record, dict) else {}


def write_record(sample: Any, record: Mapping[str, Any]) -> None:
    """Put a record on a sample. A missing verdict also takes the sample out of the loss; a later verdict takes it back in."""
    missing = record["verdict"] == "missing"
    if missing or record_of(sample).get("verdict") == "missing":
        sample.remove_sample = missing
    # A new mapping: samples that one rollout was fanned out into may share theirs.
    sample.metadata = {**metadata_of(sample), KEY: dict(record)}


def is_missing(sample: Any) -> bool:
    """Whether the sample has no verdict, so that its reward, if there is one, is a placeholder."""
    return missing_reason(sample) is not None


def missing_reason(sample: Any) -> str | None:
    """Why the sample has no verdict: the reason that its record gives; `aborted` and `no_reward` by slime's own word, whoever was to judge
    it, since slime asks no reward for what it aborted; None if there is a verdict. That a sample is removed says nothing."""
    record = record_of(sample)
    if record.get("verdict") == "missing":
        return str(record.get("reason"))
    if status_of(sample) == "aborted":
        return "aborted"
    return "no_reward" if _is_absent(sample.reward) else None


def mark_missing(args: Any, sample: Any, reason: str) -> None:
    """Write down that the sample has no verdict, and give it a placeholder if it has no number: slime's own logs count with it."""
    if record_of(sample).get("verdict") != "missing":
        write_record(sample, {"verdict": "missing", "reason": reason, "score": None, "shaped": None, "terms": {}})
    sample.remove_sample = True
    if _is_absent(sample.reward) or counted(args, sample.reward) is None:
        given, placeholder = sample.reward, as_reward(args, PLACEHOLDER, reason)
        sample.reward = {**given, **placeholder} if isinstance(given, dict) and isinstance(placeholder, dict) else placeholder


def counted(args: Any, reward: Any) -> Any:
    """What of a reward counts under slime's options; None if that is absent. Raises `DataError` where no option says which key does."""
    if not isinstance(reward, dict):
        return reward
    keys = [key for key in (getattr(args, "reward_key", None), getattr(args, "eval_reward_key", None)) if key in reward]
    if not keys:
        raise DataError(f"A reward is a dict with the keys {', '.join(map(str, reward))}; name the one that counts with --reward-key.")
    return reward[keys[0]]


def as_reward(args: Any, value: Any, category: str) -> Any:
    """A number, or a `Refusal`, as slime's options ask for it: with `--reward-key` a dict that has it under each key, and the category."""
    keys = [key for key in (getattr(args, "reward_key", None), getattr(args, "eval_reward_key", None)) if key]
    if getattr(args, "reward_key", None):
        name = getattr(args, "log_reward_category", None)
        return {**({name: category} if name else {}), **dict.fromkeys(keys, value)}
    return KeyedReward(value) if keys and isinstance(value, float) else value


def flatten(samples: Iterable[Any]) -> Iterator[Any]:
    """Every sample of a group, whether its rollouts are samples or lists of samples (fanned out)."""
    for sample in samples:
        if isinstance(sample, list):
            yield from flatten(sample)
        else:
            yield sample


def _is_absent(reward: Any) -> bool:
    """Whether there is nothing at all; `counted` knows whether what counts is there."""
    return reward is None or (isinstance(reward, dict) and all(value is None for value in reward.values()))
