"""Faults in a real run of slime, for `--custom-generate-function-path`."""

from __future__ import annotations

from typing import Any

EVERY = 4


async def fail_one_of_each_group(args: Any, sample: Any, sampling_params: dict[str, Any]) -> Any:
    """slime's own generation; of each group of `EVERY` training samples one ends as if its engine had failed after it had answered."""
    from slime.rollout.sglang_rollout import generate
    from slime.utils.types import Sample

    sample = await generate(args, sample, sampling_params)
    if sample.group_index is not None and sample.index % EVERY == 1:
        sample.status = Sample.Status.FAILED
    return sample
