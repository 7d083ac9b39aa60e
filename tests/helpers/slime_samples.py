"""Builders of slime's arguments and samples for tests of the hooks."""

from __future__ import annotations

from argparse import Namespace
from typing import Any

import slime_modules
from tiny_rm import answer, statement

REAL_SLIME = slime_modules.install()

from slime.utils.types import Sample  # noqa: E402

Status = Sample.Status

HOOKS = {
    "custom_reward_post_process_path": "code_reward_slime.post_process.group_advantages",
    "custom_eval_rollout_log_function_path": "code_reward_slime.rollout_log.log_eval",
    "custom_convert_samples_to_train_data_path": None,
}


def make_args(**given: Any) -> Namespace:
    """slime's arguments as far as hooks read them, our options set as docs/slime.md says; any of it can be given otherwise."""
    slime = {
        "reward_key": None,
        "eval_reward_key": None,
        "eval_interval": None,
        "debug_rollout_only": False,
        "partial_rollout": False,
        "advantage_estimator": "grpo",
        "rewards_normalization": True,
        "grpo_std_normalization": True,
        "n_samples_per_prompt": 2,
        "rollout_batch_size": 2,
        "save": None,
        "use_wandb": False,
        "use_tensorboard": False,
        "wandb_always_use_train_step": False,
        "log_passrate": False,
        "log_reward_category": None,
    }
    return Namespace(**{**slime, **HOOKS, **given})


def make_sample(i: int = 1, **given: Any) -> Sample:
    """A completed answer to problem `i` of `tiny_rm`, in group 0."""
    fields = {
        "group_index": 0,
        "index": i,
        "prompt": f"<|im_start|>user\n{statement(i)}<|im_end|>\n<|im_start|>assistant\n",
        "response": answer(i),
        "response_length": 10,
        "status": Status.COMPLETED,
        "metadata": {"id": f"p{i}", "statement": statement(i), "entry_point": f"add_{i}"},
    }
    return Sample(**{**fields, **given})


def judged(
    reward: Any, group: int = 0, *, verdict: str = "scored", reason: str | None = None, rollout: int | None = None, **given: Any
) -> Sample:
    """A sample as the rewards leave it."""
    number = None if verdict == "missing" else reward
    record = {
        "verdict": verdict,
        "reason": reason,
        "score": reward if verdict == "scored" else None,
        "shaped": number,
        "terms": {},
        "seconds": 0.1,
        **given.pop("record", {}),
    }
    metadata = {"statement": "s", "code_reward": record}
    return Sample(group_index=group, reward=reward, rollout_id=rollout, status=Status.COMPLETED, metadata=metadata, **given)
