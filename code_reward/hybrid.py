"""The hybrid reward: unit tests where there are any, the reward model elsewhere, or both at once.

Pure functions over verdicts: who runs the tests and who asks the model is decided elsewhere. Whatever comes out as a score lies in
[0, 1], so that within a group a pass rate and a model's score can be compared.
"""

from __future__ import annotations

from typing import Literal

from code_reward.errors import ConfigurationError
from code_reward.shaping import squash
from code_reward.verdict import Missing, Rejected, Scored, Verdict

Mode = Literal["gated", "weighted"]


def hybrid(tests: Verdict | None, model: Verdict, *, mode: Mode = "gated", tests_weight: float = 0.5, stand_in: bool = False) -> Verdict:
    """One verdict of the two.

    - `gated`: the tests decide where the problem has any, else the model does.
    - `weighted`: `tests_weight` times the pass rate plus the rest times the model's score. An answer that either part rejects is rejected.

    A part that is needed and `Missing` makes the result `Missing`, with the reason prefixed by whose it is, because a group in which some
    answers were judged by tests and some by a model is not a fair comparison; `stand_in` accepts that and lets the other part decide alone.

    Args:
        tests (`Verdict | None`): A pass rate in [0, 1]; None if the problem has no tests.
        model (`Verdict`): The reward model's raw score, mapped to [0, 1] by `code_reward.shaping.squash`.
        mode (`Mode`, *optional*, defaults to `"gated"`): See above.
        tests_weight (`float`, *optional*, defaults to 0.5): In [0, 1]; for `weighted`.
        stand_in (`bool`, *optional*, defaults to `False`): Whether one part may stand in for a missing one.

    Raises:
        `ConfigurationError`: The mode is unknown, the weight lies outside [0, 1], or a pass rate does.
    """
    if mode not in ("gated", "weighted"):
        raise ConfigurationError(f"Unknown hybrid mode {mode!r}; use gated or weighted.")
    if not 0 <= tests_weight <= 1:
        raise ConfigurationError(f"The weight of the tests must lie in [0, 1], not be {tests_weight}.")
    if isinstance(tests, Scored) and not 0 <= tests.value <= 1:
        raise ConfigurationError(f"The tests' score must be a pass rate in [0, 1], not {tests.value}; give the model's score second.")
    model = Scored(squash(model.value)) if isinstance(model, Scored) else model
    if mode == "gated":
        return _gated(tests, model, stand_in)
    return _weighted(Missing("absent") if tests is None else tests, model, tests_weight, stand_in)


def _gated(tests: Verdict | None, model: Verdict, stand_in: bool) -> Verdict:
    if tests is None:
        return _named("model", model)
    if isinstance(tests, Missing) and stand_in and not isinstance(model, Missing):
        return model
    return _named("tests", tests)


def _weighted(tests: Verdict, model: Verdict, weight: float, stand_in: bool) -> Verdict:
    match tests, model:
        case (Rejected() as rejected, _) | (_, Rejected() as rejected):
            return rejected
        case Scored(rate), Scored(score):
            return Scored(weight * rate + (1 - weight) * score)
        case (Missing(), Scored() as other) | (Scored() as other, Missing()) if stand_in:
            return other
        case Missing(), _:
            return _named("tests", tests)
        case _:
            return _named("model", model)


def _named(part: str, verdict: Verdict) -> Verdict:
    return Missing(f"{part}_{verdict.reason}") if isinstance(verdict, Missing) else verdict
