"""What the hooks write on a sample of slime and read there again: the record in `sample.metadata["code_reward"]`.

    {"verdict": "scored", "reason": None, "score": 1.3, "shaped": 0.78, "terms": {"length": -0.1}, "statement": "metadata",
     "cut": False, "seconds": 0.04, "rm": "9f2c…", "cached": False}

`verdict`, `reason` and `score` are those of `code_reward.verdict.to_record`; `shaped` is the reward before the `terms` (None if missing).
A sample is anything with the attributes of `slime.utils.types.Sample`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

KEY: Final = "code_reward"

PLACEHOLDER: Final = 0.0
"""What stands where a missing verdict has no number; never trained on (`post_process`) and never averaged (`rollout_log`)."""


def metadata_of(sample: Any) -> Mapping[str, Any]:
    """The sample's metadata; empty if it has none."""
    return sample.metadata if isinstance(sample.metadata, dict) else {}


def record_of(sample: Any) -> Mapping[str, Any]:
    """What our reward wrote on the sample; empty if another reward judged it."""
    record = metadata_of(sample).get(KEY)
    return record if isinstance(record, dict) else {}


def write_record(sample: Any, record: dict[str, Any]) -> None:
    """Put a record on a sample. A missing verdict also takes the sample out of the loss; a later verdict takes it back in."""
    missing = record["verdict"] == "missing"
    if missing or is_missing(sample):
        sample.remove_sample = missing
    # A new mapping: samples that one rollout was fanned out into may share theirs.
    sample.metadata = {**metadata_of(sample), KEY: record}


def is_missing(sample: Any) -> bool:
    """Whether the sample's verdict is missing, so that its reward is a placeholder."""
    return record_of(sample).get("verdict") == "missing"


def is_training(sample: Any) -> bool:
    """Whether the sample is one of a group that is trained on: slime numbers those groups, and gives evaluation samples no number."""
    return sample.group_index is not None


def status_of(sample: Any) -> str:
    """`pending`, `completed`, `truncated`, `aborted` or `failed`."""
    return str(sample.status.value)


def flatten(samples: Iterable[Any]) -> Iterator[Any]:
    """Every sample of a group, whether its rollouts are samples or lists of samples (fanned out)."""
    for sample in samples:
        if isinstance(sample, list):
            yield from flatten(sample)
        else:
            yield sample


def rollout_keys(samples: list[Any]) -> list[tuple[str, int]]:
    """Which rollout each sample is part of: its `rollout_id`, or one of its own."""
    return [("sample", i) if sample.rollout_id is None else ("rollout", sample.rollout_id) for i, sample in enumerate(samples)]
