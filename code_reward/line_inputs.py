"""A reward model's inputs for a program up to each of its lines: what explains a score, for models that were trained on prefixes.

The inputs share their beginnings, which our own server computes once where they come together and SGLang's cache where they do not: one
forward pass, over hardly more tokens than the whole program has. Each is an input of its own, so the last line's score is the program's.
"""

from __future__ import annotations

from typing import Final

from code_reward.bare_programs import read_of_beginning
from code_reward.extraction import extract_code
from code_reward.rm_input import Encoded, RMInput

MOST_LINES: Final = 400
"""Of a program that is explained; a longer one is not."""


def line_inputs(rm_input: RMInput, statement: str, response: str, entry_point: str | None = None) -> list[list[int] | None]:
    """The token ids for each line of the answer's program; None where the model takes no such input; empty where there is no program."""
    code = extract_code(response, rm_input.settings.extraction, entry_point).code or ""
    lines = code.splitlines()
    if len(lines) > MOST_LINES:
        return []
    prefixes = ["\n".join(lines[:count]) for count in range(1, len(lines) + 1)]
    read = [read_of_beginning(prefix, "", count == len(lines), rm_input.settings) for count, prefix in enumerate(prefixes, start=1)]
    built = [rm_input.encode(statement, text) for text in read]
    return [one.ids if isinstance(one, Encoded) else None for one in built]
