"""Plain values across the process boundary: JSON whose objects are tagged, because JSON has no tuples, sets, bytes or mapping keys.

Nothing received is ever called, imported or executed. Floats cross exactly; NaN and infinities as Python's json writes them.
"""

from __future__ import annotations

import collections
from collections.abc import Callable, Iterator
from typing import Any

_SCALARS = frozenset({type(None), bool, int, float, str})
_SET_VIEWS: tuple[type[Any], ...] = (type({}.keys()), type({}.items()))
_MAX_DEPTH = 400
_LONG_INT = 10_000

Wire = Any
"""None, bool, int, float, str, a list, or {"t": tag, "v": payload}."""


class NotPlain(ValueError):
    """A value that cannot cross; the message names its type."""


def encode(value: Any, other: Callable[[Any], Wire] | None = None, depth: int = 0) -> Wire:
    """The wire form of a value of Python's own types, numpy's scalars and arrays included.

    Subclasses cross as the type they extend: what a program's own class says of itself is not asked. `other` may give a form for what is
    not plain; without it that raises `NotPlain`.
    """
    kind = type(value)
    if kind in _SCALARS:
        return {"t": "int", "v": hex(value)} if kind is int and value.bit_length() > _LONG_INT else value
    if depth > _MAX_DEPTH:
        raise NotPlain("a value nested too deeply")
    if kind is list:
        return [encode(item, other, depth + 1) for item in value]
    if kind is tuple:
        return {"t": "tuple", "v": [encode(item, other, depth + 1) for item in value]}
    if kind is dict:
        return {"t": "dict", "v": _pairs(value, other, depth)}
    if kind is set or kind is frozenset:
        return {"t": kind.__name__, "v": [encode(item, other, depth + 1) for item in value]}
    return _encode_rarer(value, other, depth)


def _pairs(value: dict[Any, Any], other: Callable[[Any], Wire] | None, depth: int) -> list[Wire]:
    return [[encode(key, other, depth + 1), encode(item, other, depth + 1)] for key, item in dict.items(value)]


def _encode_rarer(value: Any, other: Callable[[Any], Wire] | None, depth: int) -> Wire:
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
        return encode(tuple(tuple.__iter__(value)), other, depth)
    if isinstance(value, (list, collections.deque)):
        items = [encode(item, other, depth + 1) for item in value]
        return items if isinstance(value, list) else {"t": "deque", "v": items}
    if isinstance(value, dict):
        tag = "Counter" if isinstance(value, collections.Counter) else "OrderedDict" if type(value).__name__ == "OrderedDict" else "dict"
        return {"t": tag, "v": _pairs(value, other, depth)}
    if isinstance(value, (set, frozenset)) or type(value) in _SET_VIEWS:
        return {"t": "set", "v": [encode(item, other, depth + 1) for item in value]}
    if isinstance(value, range):
        return {"t": "range", "v": [value.start, value.stop, value.step]}
    return _encode_library(value, other, depth)


def _encode_library(value: Any, other: Callable[[Any], Wire] | None, depth: int) -> Wire:
    kind = type(value)
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):
        plain = encode(value.tolist(), other, depth + 1)
        return {"t": "array", "v": plain} if kind.__name__ == "ndarray" else plain
    if (kind.__module__, kind.__name__) in _LIBRARY:
        return {"t": kind.__name__, "v": _LIBRARY[kind.__module__, kind.__name__](value)}
    if other is not None:
        return other(value)
    raise NotPlain(f"{kind.__module__}.{kind.__qualname__}")


_LIBRARY: dict[tuple[str, str], Callable[[Any], Wire]] = {
    ("fractions", "Fraction"): str,
    ("decimal", "Decimal"): str,
    ("datetime", "datetime"): lambda value: value.isoformat(),
    ("datetime", "date"): lambda value: value.isoformat(),
    ("datetime", "time"): lambda value: value.isoformat(),
    ("datetime", "timedelta"): lambda value: [value.days, value.seconds, value.microseconds],
}


def decode(wire: Wire, other: Callable[[str, Any], Any] | None = None) -> Any:
    """The value behind a wire form; raises an ordinary exception for what is malformed. `other` makes something of unknown tags."""
    if isinstance(wire, list):
        return [decode(item, other) for item in wire]
    if not isinstance(wire, dict):
        return wire
    tag, payload = wire["t"], wire["v"]
    if tag in _SEQUENCES:
        return _SEQUENCES[tag](decode(item, other) for item in payload)
    if tag in _MAPPINGS:
        return _MAPPINGS[tag]({decode(key, other): decode(value, other) for key, value in payload})
    if tag in _ATOMS:
        return _ATOMS[tag](payload)
    if tag == "array":
        return _array(decode(payload, other))
    if other is not None:
        return other(tag, payload)
    raise ValueError(f"unknown tag {tag!r}")


def _array(items: Any) -> Any:
    import numpy

    return numpy.array(items)


def _imported(module: str, name: str, method: str = "") -> Callable[[Any], Any]:
    """A constructor whose module is imported only when a value needs it."""

    def construct(payload: Any) -> Any:
        kind = getattr(__import__(module), name)
        return getattr(kind, method)(payload) if method else kind(*payload) if isinstance(payload, list) else kind(payload)

    return construct


_SEQUENCES: dict[str, Callable[[Iterator[Any]], Any]] = {
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": collections.deque,
}
_MAPPINGS: dict[str, Callable[[dict[Any, Any]], Any]] = {
    "dict": dict,
    "Counter": collections.Counter,
    "OrderedDict": collections.OrderedDict,
}
_ATOMS: dict[str, Callable[[Any], Any]] = {
    "int": lambda payload: int(payload, 16),
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "complex": lambda payload: complex(*payload),
    "range": lambda payload: range(*payload),
    # "n" or "n/d", never "1e999999999".
    "Fraction": lambda payload: _imported("fractions", "Fraction")([int(part) for part in payload.split("/")]),
    "Decimal": _imported("decimal", "Decimal"),
    "datetime": _imported("datetime", "datetime", "fromisoformat"),
    "date": _imported("datetime", "date", "fromisoformat"),
    "time": _imported("datetime", "time", "fromisoformat"),
    "timedelta": _imported("datetime", "timedelta"),
}
