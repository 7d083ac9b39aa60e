"""A score per line: what the reward model says of a program up to each of its lines, for models that were trained on prefixes.

The inputs of all prefixes are scored together. They share their beginnings, which the scorer computes once: one forward pass, over hardly
more tokens than the whole program has. Each score is that of the prefix as an input of its own, so the last is the program's.
"""

from __future__ import annotations

from code_reward.extraction import extract_code
from code_reward.rm_input import Encoded, RMInput
from code_reward_commands.answers import Answer
from rm_train.answers import read_of_beginning

MOST = 400
"""Lines of a program that is explained; a longer one is not."""


def prefix_inputs(rm_input: RMInput, answer: Answer) -> list[list[int] | None]:
    """The model's input for each prefix of the answer's program; None for one that it does not take; empty where there is no program."""
    code = extract_code(answer.response, rm_input.settings.extraction, answer.entry_point).code or ""
    lines = code.splitlines()
    if len(lines) > MOST:
        return []
    prefixes = ["\n".join(lines[:count]) for count in range(1, len(lines) + 1)]
    read = [read_of_beginning(prefix, "", count == len(lines), rm_input.settings) for count, prefix in enumerate(prefixes, start=1)]
    built = [rm_input.encode(answer.statement, text) for text in read]
    return [one.ids if isinstance(one, Encoded) else None for one in built]
