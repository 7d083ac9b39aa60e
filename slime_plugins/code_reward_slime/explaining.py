"""Where a score came from: of a share of the scored answers, the score of the program up to each of its lines, for the sample's record.

Only for reward models that were trained on prefixes do such scores mean anything. They change no verdict: where there are none, the record
has none.
"""

from __future__ import annotations

import random
from typing import Any

from code_reward.verdict import Scored, Verdict
from code_reward_slime.settings import Settings
from code_reward_slime.task import Task
from reward_servers.client import RewardClient

_draw = random.Random(0)


async def explain(client: RewardClient, settings: Settings, task: Task, response: str, verdict: Verdict) -> dict[str, Any]:
    """What the record says beside the verdict: `line_scores`, if the answer is scored, drawn and has any."""
    if task.statement is None or not isinstance(verdict, Scored) or _draw.random() >= settings.explain_share:
        return {}
    scores = await client.lines(task.statement, response, task.entry_point)
    return {"line_scores": scores} if any(score is not None for score in scores) else {}
