"""The reward manager for verl's reward loop: a missing verdict masks its sample instead of stopping the run.

    reward.reward_manager.source=importlib
    reward.reward_manager.module.path=pkg://code_reward_verl.manager
    reward.reward_manager.name=MaskingRewardManager
    algorithm.adv_estimator=code_reward_group

The score of a sample without a verdict is NaN, which no arithmetic can mistake for a reward; `code_reward_verl.advantages`, which this
module registers in verl's trainer, leaves the sample out of its group's statistics and gives it advantage 0. Any other estimator would
spread the NaN over the group, so the manager refuses to work beside one. The keys of `reward_kwargs` are those of the reward function.
"""

from __future__ import annotations

from functools import partial
from typing import Any

from verl import DataProto
from verl.experimental.reward_loop.reward_manager.naive import NaiveRewardManager

from code_reward.chat_prompt import statement_in
from code_reward.errors import ConfigurationError
from code_reward_verl.advantages import ESTIMATOR
from code_reward_verl.judging import describe, judge, shaped
from code_reward_verl.settings import Settings, read


class MaskingRewardManager(NaiveRewardManager):
    """verl's own manager, decoding included, with our verdicts."""

    def __init__(
        self, config: Any, tokenizer: Any, compute_score: Any = None, reward_router_address: str | None = None, **others: Any
    ) -> None:
        if config.algorithm.adv_estimator != ESTIMATOR:
            raise ConfigurationError(
                f"MaskingRewardManager needs algorithm.adv_estimator={ESTIMATOR}, not {config.algorithm.adv_estimator}; set it, or use "
                "the reward function of code_reward_verl.rewards, which stops the run instead of masking."
            )
        settings = read(config.reward.custom_reward_function.get("reward_kwargs") or {}).served_at(reward_router_address)
        super().__init__(config, tokenizer, partial(_score, settings))

    async def run_single(self, data: DataProto) -> dict[str, Any]:
        """Score one rollout; where `extra_info` has no prompt, the messages that verl keeps as `raw_prompt` stand in."""
        columns = data.non_tensor_batch
        prompts = columns.get("raw_prompt")
        if prompts is not None:
            rows = columns.get("extra_info", [{}] * len(data))
            for i, (row, prompt) in enumerate(zip(rows, prompts, strict=True)):
                rows[i] = {"question": statement_in(list(prompt)), **row}
        result: dict[str, Any] = await super().run_single(data)
        return result


async def _score(settings: Settings, *, solution_str: str, extra_info: dict[str, Any], **others: Any) -> dict[str, Any]:
    judged = await judge(settings, solution_str, extra_info)
    reward = shaped(settings, judged)
    return describe(judged.verdict, float("nan") if reward is None else reward)
