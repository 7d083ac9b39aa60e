"""Equality for tests that share the interpreter with a program: a program's own `__eq__` has no say against a plain value.

The referee rewrites `==` and `!=` of such tests into calls of `strict_equal`; `harden_unittest` has the assert methods ask it too.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from reward_servers.sandbox.worker.values import NotPlain, decode, encode


def strict_equal(left: Any, right: Any) -> Any:
    """`left == right`, with both sides reduced to the plain values that they are; a plain value equals no object of a program's class."""
    plain = [_reduce(left), _reduce(right)]
    if None not in plain:
        return plain[0] == plain[1]
    if plain == [None, None]:
        return left == right
    other = left if plain[0] is None else right
    return left == right if _is_of_a_library(type(other)) else False


def _reduce(value: Any) -> tuple[Any] | None:
    """The value rebuilt from its plain parts, in a tuple of one; None when it has others, or is an array, which compares by element."""
    try:
        return None if type(value).__name__ == "ndarray" else (decode(encode(value)),)
    except NotPlain:
        return None


def _is_of_a_library(kind: type) -> bool:
    """Whether the class is found under its name in a module that has a file: `pytest.approx`'s are, a program's are not."""
    module = sys.modules.get(kind.__module__)
    return getattr(module, "__spec__", None) is not None and vars(module).get(kind.__name__) is kind


def harden_unittest() -> None:
    """Have `assertEqual` and its kin compare strictly; what they then say of a difference is their own."""
    import unittest

    for name in ("assertEqual", "assertListEqual", "assertTupleEqual", "assertDictEqual", "assertSetEqual"):
        setattr(unittest.TestCase, name, _strictly(getattr(unittest.TestCase, name)))


def _strictly(method: Callable[..., None]) -> Callable[..., None]:
    def check(self: Any, first: Any, second: Any, msg: Any = None) -> None:
        if not strict_equal(first, second):
            method(self, first, second, msg)
            self.fail(self._formatMessage(msg, "they are equal only by the word of the program"))

    return check
