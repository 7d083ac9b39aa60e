"""Verdicts on what a script printed, by the rules that a test may name (`code_reward.problem.StdioTest.compare`).

A line ends in a line feed, perhaps after a carriage return, and in nothing else. Printed text is hostile: every step is linear in it, and
no number is built that is larger than its digits.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal

_SHOWN = 200
_DIGITS = re.compile(r"[+-]?[0-9]+")
_YES_OR_NO = frozenset({"yes", "no"})
# What numpy's allclose allows, with which APPS compares.
_ATOL, _RTOL = 1e-8, 1e-5
_TOKEN_ATOL = 1e-5


def judge_output(expected: str, printed: str, compare: str = "lines") -> tuple[str, str]:
    """Kind and message for a script's output; raises `KeyError` for a rule that there is not."""
    what, split, same = _RULES[compare]
    wanted, got = split(expected), split(printed)
    if wanted == got:
        return "passed", ""
    count = min(len(wanted), len(got))
    differs = next((i for i in range(count) if wanted[i] != got[i] and not same(wanted[i], got[i])), count)
    if differs == len(wanted) == len(got):
        return "passed", ""
    shown = [repr(parts[differs][:_SHOWN]) if differs < len(parts) else "the end" for parts in (wanted, got)]
    return "wrong_output", f"{what} {differs + 1}: expected {shown[0]}, got {shown[1]}"


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().split("\n")]


def _tokens(text: str) -> list[str]:
    return text.lower().split()


def _same_decimals(wanted: str, got: str) -> bool:
    """Both lines are numbers and nothing else, and the same ones."""
    words, others = wanted.split(), got.split()
    return len(words) == len(others) and all(map(_equal_decimals, words, others))


def _same_line(wanted: str, got: str) -> bool:
    words, others = wanted.split(), got.split()
    return len(words) == len(others) and all(map(_same_word, words, others))


def _same_word(wanted: str, got: str) -> bool:
    if wanted == got:
        return True
    if wanted.lower() in _YES_OR_NO:
        return wanted.lower() == got.lower()
    return _equal_decimals(wanted, got) or _near(wanted, got, _ATOL, _RTOL)


def _same_token(wanted: str, got: str) -> bool:
    return _equal_decimals(wanted, got) or _near(wanted, got, _TOKEN_ATOL, 0.0)


def _equal_decimals(wanted: str, got: str) -> bool:
    try:
        return Decimal(wanted) == Decimal(got)
    except ArithmeticError:  # No number, or a signalling NaN.
        return False


def _near(wanted: str, got: str, atol: float, rtol: float) -> bool:
    """Whether both are finite numbers and near; a whole number is expected exactly."""
    if _DIGITS.fullmatch(wanted):
        return False
    try:
        a, b = float(wanted), float(got)
    except ValueError:
        return False
    # The difference of what is not finite is NaN, or infinite.
    return abs(a - b) <= atol + rtol * abs(a) < float("inf")


_RULES: dict[str, tuple[str, Callable[[str], list[str]], Callable[[str, str], bool]]] = {
    "lines": ("line", _lines, _same_line),
    "decimals": ("line", _lines, _same_decimals),
    "tokens": ("word", _tokens, _same_token),
}
