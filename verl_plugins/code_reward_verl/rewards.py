"""The reward function for verl's `reward.custom_reward_function`: the served reward model's shaped score, or the run stops.

    reward.custom_reward_function.path=pkg://code_reward_verl.rewards
    +reward.custom_reward_function.reward_kwargs.rm_dir=runs/rm
    +reward.custom_reward_function.reward_kwargs.rm_urls=[http://rm-host:8001]

verl has no place for a reward that is not there: what this function cannot judge within the client's deadline it raises for, and verl
stops, to go on from its last checkpoint. `code_reward_verl.manager` masks such samples instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from code_reward.errors import RewardServerError
from code_reward.verdict import Missing
from code_reward_verl.judging import describe, judge, shaped
from code_reward_verl.settings import read


async def compute_score(
    data_source: str,
    solution_str: str,
    ground_truth: Any,
    extra_info: Mapping[str, Any] | None = None,
    *,
    reward_router_address: str | None = None,
    reward_model_tokenizer: Any = None,
    **reward_kwargs: Any,
) -> dict[str, Any]:
    """The reward of one answer.

    Args:
        data_source (`str`): Not used.
        solution_str (`str`): The answer's text.
        ground_truth (`Any`): Not used: a reward model needs none.
        extra_info (`Mapping[str, Any]`): The row's; see `code_reward_verl.judging.statement_of`.
        reward_router_address (`str`, *optional*): verl's own router, where verl serves the reward model.
        reward_model_tokenizer (`Any`, *optional*): Not used: the reward model's folder has its own.
        reward_kwargs (`Any`): `code_reward_verl.settings.Settings`.

    Returns:
        `dict[str, Any]`: `score` and what verl logs beside it.

    Raises:
        `RewardServerError`: There is no verdict. `ConfigurationError`, `DataError`: settings or a row that cannot work.
    """
    settings = read(reward_kwargs).served_at(reward_router_address)
    judged = await judge(settings, solution_str, extra_info or {})
    reward = shaped(settings, judged)
    if reward is None:
        assert isinstance(judged.verdict, Missing)
        reason = judged.verdict.reason
        raise RewardServerError(
            f"No verdict after {judged.seconds:.0f} s ({reason}); check the reward server, then resume from verl's last checkpoint.",
            kind=reason,
        )
    return describe(judged.verdict, reward)
