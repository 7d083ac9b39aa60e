"""What a reward model reads of a program that stands in a reward data file without the answer around it.

A model that reads answers (presets with `part="answer"`) is served what a policy writes. So in training and evaluation it reads a program
as the plainest answer with it: one fenced Python block, whose fence is longer than any that stands in the program.
"""

from __future__ import annotations

import re

from code_reward.extraction import without_blank_ends
from code_reward.reward_data import Pair
from code_reward.rm_input import RMInputSettings
from code_reward.turns import final_answer


def read_of(program: str, settings: RMInputSettings) -> str:
    """The part of an answer with this program that `RMInput.encode` takes."""
    return program if settings.part == "code" else f"{_opened(program)}\n{_fence(program)}"


def sides_of(pair: Pair, settings: RMInputSettings) -> tuple[str, str]:
    """The same of both sides of a pair: chosen, rejected."""
    return (
        read_of_beginning(pair.chosen, pair.chosen_response, pair.chosen_complete, settings),
        read_of_beginning(pair.rejected, pair.rejected_response, pair.rejected_complete, settings),
    )


def read_of_beginning(program: str, response: str, complete: bool, settings: RMInputSettings) -> str:
    """The same of a program that may only have begun: the policy's own words where there are any; the fence is open until it is whole."""
    if settings.part == "code":
        return program
    if response:
        return final_answer(response)
    return read_of(program, settings) if complete else _opened(program)


def _opened(program: str) -> str:
    return f"{_fence(program)}python\n{without_blank_ends(program)}"


def _fence(program: str) -> str:
    return "`" * max(3, 1 + max(map(len, re.findall("`+", program)), default=0))
