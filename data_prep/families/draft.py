"""`Draft`: one task as a family writes it, before its tests are made; and the two ways a family speaks of itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from textwrap import indent

from data_prep.families.arguments import Argument


@dataclass(frozen=True)
class Draft:
    """A task without tests.

    Args:
        name (`str`): The entry point.
        what (`str`): What the function returns, as a noun phrase or a "how many" clause.
        body (`str`): The statements of the reference solution, unindented.
        arguments (`tuple[Argument, ...]`): The parameters in order; they give the signature and the inputs.
    """

    name: str
    what: str
    body: str
    arguments: tuple[Argument, ...]

    @property
    def signature(self) -> str:
        return f"{self.name}({', '.join(argument.name for argument in self.arguments)})"

    @property
    def program(self) -> str:
        body = "\n".join(line for line in self.body.splitlines() if line)
        return f"def {self.signature}:\n{indent(body, '    ')}"


Family = Callable[[Random], Draft]
"""Draws the parameters of a task, which change both what is asked and the program that answers."""

_FRAMES = (
    "Write {signature} to return {what}.",
    "Define {signature} so that it returns {what}.",
    "The function {signature} returns {what}.",
)


def phrase(draft: Draft, draw: Random) -> str:
    """The statement of a draft: one of a few frames around what it returns."""
    return draw.choice(_FRAMES).format(signature=draft.signature, what=draft.what)
