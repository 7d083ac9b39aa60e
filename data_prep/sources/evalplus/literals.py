"""Values as Python literals, the form in which a call test holds its arguments and its expected result.

The source of this module also runs inside the sandbox, ahead of a reference solution: it imports nothing but the standard library.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping

# Python reads no longer decimal integers from source text; hexadecimal ones have no limit.
_DECIMAL_BITS = 10_000


class NotLiteral(ValueError):
    """A value that no literal denotes, such as NaN or an object of a class of its own."""


def to_source(value: object) -> str:
    """An expression that `ast.literal_eval` turns into an equal value; raises `NotLiteral`."""
    if value is None or isinstance(value, (str, bytes, bool)):
        return repr(value)
    if isinstance(value, int):
        return repr(value) if value.bit_length() <= _DECIMAL_BITS else hex(value)
    if isinstance(value, (float, complex)):
        return _number(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{to_source(key)}: {to_source(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return f"[{_items(value)}]"
    if isinstance(value, tuple):
        return f"({_items(value)},)" if value else "()"
    if isinstance(value, set):
        return f"{{{_items(value)}}}" if value else "set()"
    raise NotLiteral(f"a {type(value).__name__} has no literal")


def _items(values: Iterable[object]) -> str:
    return ", ".join(map(to_source, values))


def _number(value: float | complex) -> str:
    parts = (value.real, value.imag) if isinstance(value, complex) else (value,)
    if any(math.isnan(part) for part in parts):
        raise NotLiteral("NaN has no literal")
    return repr(value).replace("inf", "1e999")
