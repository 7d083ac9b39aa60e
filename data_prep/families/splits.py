"""`split`: problems parted into disjoint sets for the stages of training, with whole families held out.

A held-out family is one that the policy has been taught but that neither the reward model nor the reinforcement has seen, so that the
test tells whether the reward carries over. Within the known families every set has them in equal shares.
"""

from __future__ import annotations

from collections.abc import Iterable
from random import Random
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from code_reward.errors import ConfigurationError
from code_reward.problem import Problem

Part = Literal["policy_sft", "rm", "rl", "test"]


class Sizes(BaseModel):
    """How many problems each set gets."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    policy_sft: int = Field(default=900, ge=0)
    rm: int = Field(default=400, ge=0)
    rl: int = Field(default=300, ge=0)
    test: int = Field(default=200, ge=0)
    """Test problems of known families."""
    test_held_out: int = Field(default=40, ge=0)
    """Test problems of held-out families."""
    held_out: int = Field(default=2, ge=0)
    """How many families are held out; the seed says which."""


def split(problems: Iterable[Problem], seed: int, sizes: Sizes | None = None) -> dict[Part, list[Problem]]:
    """Part `problems` (of `generate`) into disjoint sets; the same arguments give the same sets.

    Held-out families appear in `policy_sft` and `test` alone. A test problem carries one more column, `part`: `known` or `held_out`.

    Raises:
        `ConfigurationError`: there are too few problems or families for the sizes.
    """
    sizes = sizes or Sizes()
    draw = Random(f"{seed}/split")
    families: dict[str, list[Problem]] = {}
    for problem in problems:
        families.setdefault(_family(problem), []).append(problem)
    if sizes.held_out > len(families):
        raise ConfigurationError(f"{sizes.held_out} families cannot be held out of {len(families)}; give problems of more families.")
    unseen = set(draw.sample(sorted(families), sizes.held_out))
    known = _in_turn((families[name] for name in sorted(set(families) - unseen)), draw)
    held_out = _in_turn((families[name] for name in sorted(unseen)), draw)

    test = [_marked(problem, "known") for problem in _take(known, sizes.test, "test")]
    test += [_marked(problem, "held_out") for problem in _take(held_out, sizes.test_held_out, "test, held-out families")]
    rm, rl = _take(known, sizes.rm, "rm"), _take(known, sizes.rl, "rl")
    rest = known + held_out
    draw.shuffle(rest)
    return {"policy_sft": _take(rest, sizes.policy_sft, "policy_sft"), "rm": rm, "rl": rl, "test": test}


def _family(problem: Problem) -> str:
    return str((problem.model_extra or {}).get("family", ""))


def _marked(problem: Problem, part: str) -> Problem:
    return problem.model_copy(update={"part": part})


def _in_turn(families: Iterable[list[Problem]], draw: Random) -> list[Problem]:
    """The problems shuffled within each family, a family at a time in turn, so that any slice has equal shares."""
    places = []
    for number, family in enumerate(families):
        shuffled = draw.sample(family, len(family))
        places += [(place, number, problem) for place, problem in enumerate(shuffled)]
    return [problem for _, _, problem in sorted(places, key=lambda item: item[:2])]


def _take(problems: list[Problem], count: int, part: str) -> list[Problem]:
    if len(problems) < count:
        raise ConfigurationError(f"Only {len(problems)} problems are left for the {count} of {part}; generate more or ask for fewer.")
    taken = problems[:count]
    del problems[:count]
    return taken
