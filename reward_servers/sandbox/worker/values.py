"""Plain values across the process boundary: JSON whose objects are tagged, because JSON has no tuples, sets, bytes or mapping keys.

Nothing received is ever called, imported or executed. Floats cross exactly; NaN and infinities as Python's json writes them.
"""

from __future__ import annotations

import collections
from collections.abc import Callable
from typing import Any

_SCALARS = frozenset({type(None), bool, int, float, str})
_SET_VIEWS: tuple[type[Any], ...] = (type({}.keys()), type({}.items()))
_MAX_DEPTH = 400
_LONG_INT = 10_000

Wire = Any
"""None, bool, int, float, str, a list, or {"t": tag, "v": payload}."""


class NotPlain(ValueError):
    """A value that cannot cross; the message names its type."""


def encode(value: Any, depth: int = 0) -> Wire:
    """The wire form of a value of Python's own types, numpy's scalars and arrays included.

    Subclasses cross as the type they extend: what a program's own class says of itself is not asked. What is not plain raises `NotPlain`.
    """
    kind = type(value)
    if kind in _SCALARS:
        return {"t": "int", "v": hex(value)} if kind is int and value.bit_length() > _LONG_INT else value
    if depth > _MAX_DEPTH:
        raise NotPlain("a value nested too deeply")
    if kind is list:
        return [encode(item, depth + 1) for item in value]
    if kind is tuple:
        return {"t": "tuple", "v": [encode(item, depth + 1) for item in value]}
    if kind is dict:
        return {"t": "dict", "v": _pairs(value, depth)}
    if kind is set or kind is frozenset:
        return {"t": kind.__name__, "v": [encode(item, depth + 1) for item in value]}
    return _encode_rarer(value, depth)


def _pairs(value: dict[Any, Any], depth: int) -> list[Wire]:
    return [[encode(key, depth + 1), encode(item, depth + 1)] for key, item in dict.items(value)]


def _encode_rarer(value: Any, depth: int) -> Wire:
    if isinstance(value, int):
        return encode(int.__int__(value))
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytes, bytearray)):
        return {"t": "bytearray" if isinstance(value, bytearray) else "bytes", "v": bytes(value).hex()}
    if isinstance(value, complex):
        return {"t": "complex", "v": [complex(value).real, complex(value).imag]}
    if isinstance(value, tuple):
        return encode(tuple(tuple.__iter__(value)), depth)
    if isinstance(value, (list, collections.deque)):
        items = [encode(item, depth + 1) for item in value]
        return items if isinstance(value, list) else {"t": "deque", "v": items}
    if isinstance(value, dict):
        tag = "Counter" if isinstance(value, collections.Counter) else "OrderedDict" if type(value).__name__ == "OrderedDict" else "dict"
        return {"t": tag, "v": _pairs(value, depth)}
    if isinstance(value, (set, frozenset)) or type(value) in _SET_VIEWS:
        return {"t": "set", "v": [encode(item, depth + 1) for item in value]}
    if isinstance(value, range):
        return {"t": "range", "v": [value.start, value.stop, value.step]}
    return _encode_library(value, depth)


def _encode_library(value: Any, depth: int) -> Wire:
    kind = type(value)
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):
        plain = encode(value.tolist(), depth + 1)
        # numpy's own True is not Python's, though equal to it.
        return {"t": "array", "v": plain} if kind.__name__ == "ndarray" or isinstance(plain, bool) else plain
    if (kind.__module__, kind.__name__) in _WRAPPERS:
        return encode(_WRAPPERS[kind.__module__, kind.__name__](value), depth + 1)
    if (kind.__module__, kind.__name__) in _LIBRARY:
        return {"t": kind.__name__, "v": _LIBRARY[kind.__module__, kind.__name__](value)}
    raise NotPlain(f"{kind.__module__}.{kind.__qualname__}")


_WRAPPERS: dict[tuple[str, str], Callable[[Any], Any]] = {
    ("collections", "ChainMap"): dict,
    ("collections", "UserDict"): dict,
    ("collections", "UserList"): list,
    ("collections", "UserString"): str,
    ("builtins", "mappingproxy"): dict,
    ("builtins", "memoryview"): bytes,
}
"""What the standard library holds equal to a plain value, and that value."""
_LIBRARY: dict[tuple[str, str], Callable[[Any], Wire]] = {
    ("fractions", "Fraction"): str,
    ("decimal", "Decimal"): str,
    ("datetime", "datetime"): lambda value: value.isoformat(),
    ("datetime", "date"): lambda value: value.isoformat(),
    ("datetime", "time"): lambda value: value.isoformat(),
    ("datetime", "timedelta"): lambda value: [value.days, value.seconds, value.microseconds],
}


def decode(wire: Wire) -> Any:
    """The value behind the wire form of what can be a key or an element of a set, for comparison with constants of Python's syntax.

    What no such constant equals, a date for example, becomes an object that equals nothing. Raises an ordinary exception for
    what is malformed.
    """
    if isinstance(wire, dict):
        make = _HASHABLE.get(wire["t"])
        return object() if make is None else make(wire["v"])
    if isinstance(wire, list):
        raise ValueError("a list cannot be hashed")
    return wire


def _fraction(payload: str) -> Any:
    """Of "n" or "n/d", never "1e999999999"."""
    from fractions import Fraction

    return Fraction(*map(int, payload.split("/")))


def _decimal(payload: str) -> Any:
    from decimal import Decimal

    return Decimal(payload)


_HASHABLE: dict[str, Callable[[Any], Any]] = {
    "int": lambda payload: int(payload, 16),
    "tuple": lambda payload: tuple(map(decode, payload)),
    "frozenset": lambda payload: frozenset(map(decode, payload)),
    "array": decode,
    "bytes": bytes.fromhex,
    "complex": lambda payload: complex(*payload),
    "Fraction": _fraction,
    "Decimal": _decimal,
}
