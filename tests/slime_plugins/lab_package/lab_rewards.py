"""A laboratory's shaping, RM input and problem source."""

import math

from code_reward.plugins import Registry
from code_reward.problem import Problem
from code_reward.rm_input import RMInputSettings
from code_reward.shaping import Preset


def register(registry: Registry) -> None:
    """Add what this package has to offer."""
    registry.add("shaping", "lab-atan", Preset(score=math.atan, rejected=-2.0))
    registry.add("rm_input", "lab-short", RMInputSettings(max_tokens=128))
    from data_prep.sources import Source

    registry.add("problem_source", "lab-lines", Source(read_lines, "one statement per line"))


def read_lines(path):
    """Every line of a text file that is not empty as a problem."""
    return [Problem(id=str(number), statement=line) for number, line in enumerate(path.read_text().splitlines()) if line.strip()]
