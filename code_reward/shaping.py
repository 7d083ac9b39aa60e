"""Shaping: from a verdict to the number that the policy is trained on.

A preset is a monotone map of the raw score and a value for rejected answers. A missing verdict has no number, in any preset. What small
differences within a group amount to is not decided here but in `code_reward.advantages`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from code_reward.errors import ConfigurationError
from code_reward.plugins import Catalogue
from code_reward.verdict import Missing, Rejected, Scored, Verdict


@dataclass(frozen=True)
class Preset:
    """How scores and rejections become rewards.

    Args:
        score: A monotone (never falling) map of finite raw scores to finite rewards.
        rejected: The reward of a rejected answer; None makes the caller say.
    """

    score: Callable[[float], float]
    rejected: float | None


def squash(score: float) -> float:
    """Map a raw score into [0, 1], 0 to 1/2, without saturating where logits lie.

    The softsign `(1 + s / (1 + |s|)) / 2`. A sigmoid is exactly 1 in float64 from a logit of 37 on (in float32 from 17), a tanh from 19 on,
    and what is equal there can never be told apart again; the softsign's slope falls only with the square of the score, so float64 still
    tells 1e6 from 1e6 + 1, and at the lower end, where values approach 0, any two scores that differ in their first fifteen digits.
    Written as one division per half, it is monotone under rounding, too.
    """
    half = 0.5 / (1.0 + abs(score))
    return half if score < 0 else 1.0 - half


def softplus(score: float) -> float:
    """`log(1 + exp(s))`, which neither overflows nor, through rounding, ever falls."""
    return math.log1p(math.exp(score)) if score < 36.0 else score


def _clip4(score: float) -> float:
    return min(max(score, -4.0), 4.0)


PRESETS: Catalogue[Preset] = Catalogue(
    "shaping",
    Preset,
    {
        # A rejected answer is as far below the worst program as that one is below an undecided one: a gap that no rounding
        # (bfloat16 included) closes and that does not drown the differences between valid answers of its group.
        "default": Preset(squash, rejected=-0.5),
        "codescaler": Preset(softplus, rejected=0.0),
        "coderm-nt": Preset(_clip4, rejected=-4.0),
        "raw": Preset(float, rejected=None),
    },
)


def shape(verdict: Verdict, preset: str = "default", *, rejected: float | None = None) -> float | None:
    """The reward of a verdict.

    - `default`: `squash` of the score, in [0, 1]; rejected −0.5, strictly below every valid answer, at −1e308 and in float32, too.
    - `codescaler`: `log(1 + exp(s))`; rejected 0, which very low scores reach by rounding (CodeScaler, `reward_shaping`).
    - `coderm-nt`: the score clipped to ±4; rejected −4, so that a very bad program ties with no program (CodeRM-NT's slime reward).
    - `raw`: the score itself; `rejected` has no natural value and must be given.

    Args:
        verdict (`Verdict`): What the reward model or the tests say.
        preset (`str`, *optional*, defaults to `"default"`): One of the above or a plugin's (`code_reward.plugins`).
        rejected (`float`, *optional*): The reward of a rejected answer, for a preset that has none of its own.

    Returns:
        `float | None`: A finite reward; None for `Missing`.

    Raises:
        `ConfigurationError`: The preset is unknown, `rejected` is needed and not given (or the reverse), or a reward is not finite.

    Example:

        >>> shape(Scored(3.0)), shape(Rejected("no_code")), shape(Missing("timeout"))
        (0.875, -0.5, None)
    """
    chosen = PRESETS.get(preset)
    floor = _rejected_value(preset, chosen, rejected)
    match verdict:
        case Scored(score):
            return _finite(chosen.score(score), preset, score)
        case Rejected():
            return floor
        case Missing():
            return None


def _rejected_value(name: str, preset: Preset, given: float | None) -> float:
    if preset.rejected is None and given is None:
        raise ConfigurationError(f"The shaping preset {name!r} has no value for rejected answers; set one.")
    if preset.rejected is not None and given is not None:
        raise ConfigurationError(f"The shaping preset {name!r} has its own value for rejected answers; drop yours or use the preset 'raw'.")
    value = given if preset.rejected is None else preset.rejected
    return _finite(value, name, "a rejected answer")


def _finite(reward: float | None, preset: str, of: object) -> float:
    if reward is None or not math.isfinite(reward):
        raise ConfigurationError(f"The shaping preset {preset!r} makes {reward} of {of}; a reward must be a finite number.")
    return float(reward)
