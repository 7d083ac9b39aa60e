"""Problems with answers of every quality, by which an adopted reward model is known again: its scores of them are its reference scores.

Not for training or evaluation. They differ in length and worth, so that no mistake (another template, a shifted bias, a softmax, weights of
another step) leaves all their scores as they are. Changing one makes reference scores of models adopted before unrepeatable.
"""

from __future__ import annotations

from typing import NamedTuple


class Specimen(NamedTuple):
    """A problem, a whole answer, and the program in it."""

    statement: str
    answer: str
    program: str


def _specimen(statement: str, before: str, program: str, after: str = "") -> Specimen:
    program = program.strip("\n")
    return Specimen(statement, f"{before}\n\n```python\n{program}\n```\n\n{after}".strip(), program)


_EVEN = "Write a function `is_even(n)` that says whether the integer n is even. It must work for negative numbers."
_VOWELS = "Write a function `count_vowels(text)` that returns how many of the characters of text are vowels (a, e, i, o, u), in any case."
_SECOND = (
    "Write a function `second_largest(numbers)` that returns the second largest distinct value of a list of integers, "
    "or None if there are fewer than two distinct values."
)
_BALANCED = """Given a string of brackets, decide whether it is balanced.

Write a function `is_balanced(text: str) -> bool`. The string consists only of the characters ()[]{}. It is balanced if every opening
bracket is closed by a bracket of the same kind, and brackets are closed in the right order. The empty string is balanced.

Examples:
    is_balanced("([]{})") -> True
    is_balanced("([)]") -> False
    is_balanced("((") -> False

Constraints: 0 <= len(text) <= 100000."""
_TRIANGLE = "Read three integers from standard input, one per line, and print YES if a triangle with these sides exists, else NO."

SPECIMENS = [
    _specimen(_EVEN, "Division by two leaves no remainder.", "def is_even(n):\n    return n % 2 == 0"),
    _specimen(_EVEN, "I look at the last bit.", "def is_even(n):\n    return n & 1 == 1", "This works for all integers."),
    _specimen(_EVEN, "Here it is:", "def is_even(n):\n    while n > 0:\n        n -= 2\n    return n == 0"),
    _specimen(_VOWELS, "Sure!", "def count_vowels(text):\n    return sum(letter in 'aeiou' for letter in text.lower())"),
    _specimen(_VOWELS, "", "def count_vowels(text):\n    return len([c for c in text if c in 'aeiou'])"),
    _specimen(_VOWELS, "Counting:", "def count_vowels(text):\n    count = 0\n    for c in text:\n        count = 1\n    return count"),
    _specimen(
        _SECOND,
        "Sort the distinct values.",
        "def second_largest(numbers):\n    found = sorted(set(numbers))\n    return found[-2] if len(found) > 1 else None",
    ),
    _specimen(_SECOND, "Sort and take the last but one.", "def second_largest(numbers):\n    return sorted(numbers)[-2]"),
    _specimen(_SECOND, "", "def second_largest(numbers):\n    return max(numbers) - 1", "The time is O(n)."),
    _specimen(
        _BALANCED,
        "A stack remembers what is open.",
        """
def is_balanced(text: str) -> bool:
    closing = {"(": ")", "[": "]", "{": "}"}
    expected = []
    for character in text:
        if character in closing:
            expected.append(closing[character])
        elif not expected or expected.pop() != character:
            return False
    return not expected
""",
        "Each character is pushed and popped at most once.",
    ),
    _specimen(
        _BALANCED,
        "It is enough to compare counts.",
        "def is_balanced(text: str) -> bool:\n    return all(text.count(a) == text.count(b) for a, b in ('()', '[]', '{}'))",
    ),
    _specimen(
        _BALANCED,
        "Remove pairs until nothing changes.",
        """
def is_balanced(text: str) -> bool:
    before = None
    while before != text:
        before = text
        for pair in ("()", "[]", "{}"):
            text = text.replace(pair, "")
    return text == ""
""",
    ),
    _specimen(_TRIANGLE, "", "a, b, c = sorted(int(input()) for _ in range(3))\nprint('YES' if a + b > c else 'NO')"),
    _specimen(_TRIANGLE, "All sides must be positive.", "a, b, c = (int(input()) for _ in range(3))\nprint('YES' if a + b > c else 'NO')"),
    _specimen(
        _TRIANGLE,
        "Using Heron's formula.",
        "import math\n\nsides = [int(input()) for _ in range(3)]\ns = sum(sides) / 2\nprint(math.sqrt(s))",
    ),
    _specimen("Write a function `add(a, b)`.", "```python is for code.", "def add(a, b):\n    return a - b", "Done."),
]
