"""Tests weighted by difficulty (`code_reward.weighted_tests`): an answer's worth depends on its group, and is told once all are judged.

slime hands a reward the whole group with `--group-rm` alone; without it the setting is an error, which stops the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from code_reward.errors import ConfigurationError
from code_reward.verdict import Scored, from_record, to_record
from code_reward.weighted_tests import weigh
from code_reward_slime.rollouts import Rollout
from code_reward_slime.samples import record_of, write_record
from code_reward_slime.settings import PREFIX


def require_groups(args: Any) -> None:
    """Raise `ConfigurationError` where slime asks for rewards one by one."""
    if not getattr(args, "group_rm", False):
        raise ConfigurationError(f"{PREFIX}tests_reward: difficulty weighs tests within a group; add --group-rm to slime's options.")


def weigh_groups(rollouts: Sequence[Rollout]) -> dict[int, float]:
    """The rewards of the rollouts whose tests were counted one by one, by the id of their samples; also written into their records."""
    judged = [rollout for rollout in rollouts if rollout.record]
    passed = [rollout.record.get("passed") for rollout in judged]
    verdicts = weigh([from_record(rollout.record) for rollout in judged], passed, [rollout.samples[0].group_index for rollout in judged])
    found: dict[int, float] = {}
    for rollout, own, verdict in zip(judged, passed, verdicts, strict=True):
        if own is None or not isinstance(verdict, Scored):
            continue
        for sample in rollout.samples:
            write_record(sample, {**record_of(sample), **to_record(verdict), "shaped": verdict.value})
            found[id(sample)] = verdict.value
    return found
