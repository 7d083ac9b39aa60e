"""The words that families share: conditions on a value and expressions of a value, each with its English and its Python."""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

COMPARISONS = (
    ("greater than", ">", "over"),
    ("less than", "<", "under"),
    ("at least", ">=", "from"),
    ("at most", "<=", "upto"),
)


@dataclass(frozen=True)
class Words:
    """A piece of a task.

    Args:
        text (`str`): Its English.
        code (`str`): Its Python.
        word (`str`): A word for a function's name.
    """

    text: str
    code: str
    word: str


def comparison(draw: Random, value: str, lowest: int, highest: int) -> Words:
    """`value` compared with a constant."""
    text, operator, word = draw.choice(COMPARISONS)
    constant = draw.randint(lowest, highest)
    return Words(f"{text} {constant}", f"{value} {operator} {constant}", word)


def divisibility(draw: Random, value: str) -> Words:
    """`value` and its remainder: even, odd, divisible by k, not divisible by k."""
    divisor = draw.choice((2, 2, 3, 4, 5, 6, 7))
    if divisor == 2:
        return draw.choice((Words("even", f"{value} % 2 == 0", "even"), Words("odd", f"{value} % 2 != 0", "odd")))
    if draw.random() < 0.6:
        return Words(f"divisible by {divisor}", f"{value} % {divisor} == 0", "multiples")
    return Words(f"not divisible by {divisor}", f"{value} % {divisor} != 0", "others")


def condition(draw: Random, value: str = "x", *, lowest: int = 0, highest: int = 9, double: float = 0.0) -> Words:
    """A condition on a number; with probability `double` two of them joined by "and" or "or"."""
    if draw.random() < double:
        joint = draw.choice(("and", "or"))
        first, second = comparison(draw, value, lowest, highest), divisibility(draw, value)
        if draw.random() < 0.5:
            first, second = second, first
        return Words(f"{first.text} {joint} {second.text}", f"{first.code} {joint} {second.code}", f"{first.word}_{joint}_{second.word}")
    return comparison(draw, value, lowest, highest) if draw.random() < 0.6 else divisibility(draw, value)


def change(draw: Random, value: str = "x") -> Words:
    """A number changed by a constant or by itself, as a participle: "increased by 3"."""
    k = draw.randint(2, 9)
    return draw.choice(
        (
            Words(f"increased by {k}", f"{value} + {k}", "raised"),
            Words(f"decreased by {k}", f"{value} - {k}", "lowered"),
            Words(f"multiplied by {k}", f"{value} * {k}", "scaled"),
            Words(f"subtracted from {k}", f"{k} - {value}", "from"),
            Words("squared", f"{value} * {value}", "squared"),
        )
    )


def combination(draw: Random, first: str, second: str, names: tuple[str, str] = ("first", "second")) -> Words:
    """Two numbers made one; the text reads "sum", "larger number", "difference (first minus second)"."""
    one, other = names
    return draw.choice(
        (
            Words("sum", f"{first} + {second}", "sum"),
            Words("product", f"{first} * {second}", "product"),
            Words("larger number", f"max({first}, {second})", "larger"),
            Words("smaller number", f"min({first}, {second})", "smaller"),
            Words(f"difference ({one} minus {other})", f"{first} - {second}", "minus"),
            Words(f"difference ({other} minus {one})", f"{second} - {first}", "minus"),
        )
    )
