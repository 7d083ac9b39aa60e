"""What is added to a training reward beside the verdict: penalties for length, a bonus for form. Each is a number with a name.

They apply to training samples only, so that an evaluation stays what it says, and never to a missing verdict.
"""

from __future__ import annotations

from typing import Any

from code_reward.verdict import Missing, Scored, Verdict
from code_reward_slime.extracting import extract
from code_reward_slime.samples import is_training
from code_reward_slime.settings import Overlong, Settings
from code_reward_slime.task import task_of


async def terms_of(settings: Settings, sample: Any, verdict: Verdict) -> dict[str, float]:
    """The terms of a sample by name, without those that are not switched on.

    - `length`: `-length_penalty` per 1000 response tokens.
    - `overlong`: see `Overlong` (DAPO, Yu et al. 2025, section 3.4).
    - `format`: `format_bonus` for an accepted answer with exactly one program block, closed (`extract_code`'s policy `strict`).
    """
    if isinstance(verdict, Missing) or not is_training(sample):
        return {}
    terms = {}
    if settings.length_penalty:
        terms["length"] = -settings.length_penalty * sample.response_length / 1000
    if settings.overlong is not None:
        terms["overlong"] = -overlong_penalty(sample.response_length, settings.overlong)
    if settings.format_bonus:
        terms["format"] = settings.format_bonus * (isinstance(verdict, Scored) and await _is_strict(sample))
    return terms


def overlong_penalty(tokens: int, overlong: Overlong) -> float:
    """From 0 to `overlong.penalty`."""
    beyond = tokens - (overlong.tokens - overlong.buffer)
    return overlong.penalty * min(max(beyond / overlong.buffer, 0.0), 1.0)


async def _is_strict(sample: Any) -> bool:
    return (await extract(sample.response, "strict", task_of(sample).entry_point)).code is not None
