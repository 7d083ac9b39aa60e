"""What a reward model reads of a program that stands in a reward data file without the answer around it.

A model that reads answers (presets with `part="answer"`) is served what a policy writes. So in training and evaluation it reads a program
as the plainest answer with it: one fenced Python block, whose fence is longer than any that stands in the program.
"""

from __future__ import annotations

import re

from code_reward.extraction import final_answer, without_blank_ends
from code_reward.reward_data import Prefix
from code_reward.rm_input import RMInputSettings


def read_of(program: str, settings: RMInputSettings) -> str:
    """The part of an answer with this program that `RMInput.encode` takes."""
    return program if settings.part == "code" else f"{_opened(program)}\n{_fence(program)}"


def read_of_prefix(row: Prefix, settings: RMInputSettings) -> str:
    """The same of a prefix: the policy's own words where the row has them; the fence is open until the program is whole."""
    if settings.part == "code":
        return row.program
    if row.response:
        return final_answer(row.response)
    return read_of(row.program, settings) if row.complete else _opened(row.program)


def _opened(program: str) -> str:
    return f"{_fence(program)}python\n{without_blank_ends(program)}"


def _fence(program: str) -> str:
    return "`" * max(3, 1 + max(map(len, re.findall("`+", program)), default=0))
