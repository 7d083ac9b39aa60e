"""Inputs for a task's function: what each kind of parameter may hold, with values around the constants of its reference solution.

A boundary is where a wrong program differs from a right one, so half of all values lie within one of a constant of the reference, and
the first inputs of every kind are its edge cases: the empty list, one element, repeats, all alike.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from random import Random
from typing import Any, TypeVar

Literal = TypeVar("Literal", int, str)
Values = Callable[[Random, "Constants"], Any]


@dataclass(frozen=True)
class Constants:
    """The literals of a reference solution that inputs should lie close to: integers that decide a comparison, else all; characters."""

    integers: tuple[int, ...]
    characters: str

    @classmethod
    def of(cls, program: str) -> Constants:
        nodes = list(ast.walk(ast.parse(program)))
        deciding = [side for node in nodes if isinstance(node, ast.Compare) for side in _deciding(node)]
        integers = _literals(deciding, int) or _literals(nodes, int) or [0]
        characters = {character for text in _literals(nodes, str) for character in text if character.isalnum()}
        return cls(tuple(integers), "".join(sorted(characters)))


def _deciding(comparison: ast.Compare) -> list[ast.AST]:
    """Where a comparison changes: the modulus of a remainder, else what is compared with."""
    if isinstance(comparison.left, ast.BinOp) and isinstance(comparison.left.op, ast.Mod):
        return [comparison.left.right]
    return [node for side in comparison.comparators for node in ast.walk(side)]


def _literals(nodes: Iterable[ast.AST], kind: type[Literal]) -> list[Literal]:
    return sorted({node.value for node in nodes if isinstance(node, ast.Constant) and type(node.value) is kind})  # type: ignore[type-var]


@dataclass(frozen=True, eq=False)
class Argument:
    """A parameter: its name, its edge cases, and how to draw a value."""

    name: str
    edges: tuple[Any, ...]
    draw: Values


def _boundary(draw: Random, constants: Constants) -> int:
    return draw.choice(constants.integers) * draw.choice((1, 1, 1, 2, 3, -1)) + draw.choice((-1, 0, 0, 1))


def _integer(draw: Random, constants: Constants) -> int:
    return _boundary(draw, constants) if draw.random() < 0.5 else draw.randint(-9, 24)


def _any_integer(draw: Random, constants: Constants) -> int:
    return _boundary(draw, constants) if draw.random() < 0.85 else draw.randint(-50, 99)


def _natural(draw: Random, constants: Constants) -> int:
    return abs(_boundary(draw, constants)) if draw.random() < 0.4 else draw.randint(0, 60)


def _term(draw: Random, constants: Constants) -> int:
    return draw.randint(0, 8) if draw.random() < 0.5 else draw.randint(0, 45)


def _digits(draw: Random, constants: Constants) -> int:
    return int("".join(draw.choice("0123456789") for _ in range(draw.randint(1, 7))))


def _integers(draw: Random, constants: Constants) -> list[int]:
    if draw.random() < 0.3:
        return [_boundary(draw, constants) for _ in range(draw.randint(1, 3))]
    values = [_integer(draw, constants) for _ in range(draw.randint(2, 9))]
    if draw.random() < 0.4:
        values.insert(draw.randrange(len(values)), draw.choice(values))
    return values


def _long(draw: Random, constants: Constants) -> list[int]:
    return [_integer(draw, constants) for _ in range(draw.randint(3, 13))]


def _repeats(draw: Random, constants: Constants) -> list[int]:
    pool = [_integer(draw, constants) for _ in range(draw.randint(2, 4))]
    return [draw.choice(pool) for _ in range(draw.randint(4, 14))]


def _word(draw: Random, constants: Constants, longest: int) -> str:
    letters = "abcdeinorstuAEBT" + constants.characters * 4
    return "".join(draw.choice(letters) for _ in range(draw.randint(1, longest)))


def _text(draw: Random, constants: Constants) -> str:
    letters = "abcdeiouxyzABEIZ0159 .-" + constants.characters * 5
    return "".join(draw.choice(letters) for _ in range(draw.randint(3, 16)))


def _sentence(draw: Random, constants: Constants) -> str:
    longest = max(5, *(k + 2 for k in constants.integers if k < 12))
    return " ".join(_word(draw, constants, longest) for _ in range(draw.randint(2, 7)))


def _rows(draw: Random, constants: Constants) -> list[list[int]]:
    return [[_integer(draw, constants) for _ in range(draw.randint(1, 4))] for _ in range(draw.randint(2, 4))]


NUMBERS = Argument("numbers", ([], [0], [5, 5, 5, 5]), _integers)
LONG = Argument("numbers", ([], [0], [3, 8, 1, 9, 2, 7, 4, 6, 0, 5]), _long)
REPEATS = Argument("numbers", ([], [3], [2, 2, 2, 2, 2]), _repeats)
LEFT = Argument("left", ([], [4]), _integers)
RIGHT = Argument("right", ([2, 7], [4]), _integers)
ROWS = Argument("rows", ([], [[1]]), _rows)
TEXT = Argument("text", ("", "a"), _text)
SENTENCE = Argument("text", ("", "a"), _sentence)
N = Argument("n", (0, 1), _natural)
INTEGER = Argument("n", (0, 1, -1), _any_integer)
TERM = Argument("n", (0, 1, 2), _term)
DIGITS = Argument("n", (0, 7), _digits)
LOW = Argument("low", (0, 3), _natural)
HIGH = Argument("high", (0, 2), lambda draw, constants: _natural(draw, constants) + draw.randint(0, 20))


def draw_inputs(arguments: Sequence[Argument], program: str, count: int, draw: Random) -> list[tuple[Any, ...]]:
    """`count` different argument tuples, the edge cases first.

    Raises:
        `RuntimeError`: the arguments do not have that many values (a mistake in a family).
    """
    constants = Constants.of(program)
    inputs: dict[str, tuple[Any, ...]] = {}
    for edges in zip(*(argument.edges for argument in arguments), strict=False):
        inputs[repr(edges)] = edges
    for _ in range(60 * count):
        if len(inputs) >= count:
            return list(inputs.values())[:count]
        values = tuple(argument.draw(draw, constants) for argument in arguments)
        inputs.setdefault(repr(values), values)
    raise RuntimeError(f"Only {len(inputs)} different inputs for:\n{program}")
