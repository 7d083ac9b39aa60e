"""Plain values across the process boundary: JSON whose objects are tagged, because JSON has no tuples, sets, bytes or mapping keys.

`encode` runs beside the candidate. `equal` runs in the referee, on data that a hostile program may have made: it walks the expected value
and the received one together and never builds what the expected value does not ask for. Nothing received is ever called.
"""

from __future__ import annotations

import math
from typing import Any

_SCALARS = frozenset({type(None), bool, int, float, str})
_SET_LIKE: tuple[type[Any], ...] = (set, frozenset, type({}.keys()), type({}.items()))
_MAX_DEPTH = 200


class NotPlain(ValueError):
    """A value that cannot cross: its type is named in the message."""


def encode(value: Any, depth: int = 0) -> Any:
    """A JSON-able form of a value of Python's own types (and numpy's scalars and arrays); raises `NotPlain` for any other."""
    kind = type(value)
    if kind in _SCALARS:
        return {"t": "int", "v": hex(value)} if kind is int and value.bit_length() > 10_000 else value
    if depth > _MAX_DEPTH:
        raise NotPlain("a value nested too deeply")
    if kind is list:
        return [encode(item, depth + 1) for item in value]
    if kind is tuple:
        return {"t": "tuple", "v": [encode(item, depth + 1) for item in value]}
    if kind is dict:
        return {"t": "dict", "v": [[encode(key, depth + 1), encode(item, depth + 1)] for key, item in value.items()]}
    if kind is set or kind is frozenset:
        return {"t": "set", "v": [encode(item, depth + 1) for item in value]}
    return _encode_rarer(value, depth)


def _encode_rarer(value: Any, depth: int) -> Any:
    if isinstance(value, int):
        return encode(int.__int__(value), depth)
    if isinstance(value, float):
        return float.__float__(value)
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, (bytes, bytearray)):
        return {"t": "bytes", "v": bytes(value).hex()}
    if isinstance(value, complex):
        return {"t": "complex", "v": [value.real, value.imag]}
    if isinstance(value, tuple):
        return encode(tuple(tuple.__iter__(value)), depth)
    if isinstance(value, list):
        return encode(list(list.__iter__(value)), depth)
    if isinstance(value, dict):
        return {"t": "dict", "v": [[encode(key, depth + 1), encode(item, depth + 1)] for key, item in dict.items(value)]}
    if isinstance(value, _SET_LIKE):
        return {"t": "set", "v": [encode(item, depth + 1) for item in value]}
    if isinstance(value, range):
        return {"t": "range", "v": [value.start, value.stop, value.step]}
    kind = type(value)
    if kind.__module__ == "numpy" and hasattr(value, "tolist"):
        plain = encode(value.tolist(), depth + 1)
        return {"t": "array", "v": plain} if kind.__name__ == "ndarray" else plain
    if kind.__module__ in ("fractions", "decimal") and kind.__name__ in ("Fraction", "Decimal"):
        return {"t": kind.__name__, "v": str(value)}
    raise NotPlain(f"{kind.__module__}.{kind.__qualname__}")


def equal(expected: Any, wire: Any, atol: float = 0.0) -> bool:
    """Whether the received value equals the expected one as Python's `==` says, lists and tuples apart; NaN equals NaN.

    With `atol` > 0, values that are not exactly equal must be of one type and have numbers within `atol + 1e-7 * |expected|` at the same
    places (evalplus's rule).
    """
    if _same(expected, wire, 0.0):
        return True
    return atol > 0 and _same_type(expected, wire) and _same(expected, wire, atol)


def _same(expected: Any, wire: Any, atol: float) -> bool:
    if isinstance(wire, dict):
        return _same_tagged(expected, wire.get("t"), wire.get("v"), atol)
    if isinstance(wire, list):
        return isinstance(expected, list) and len(expected) == len(wire) and all(map(_same, expected, wire, [atol] * len(wire)))
    return _same_scalar(expected, wire, atol)


def _same_scalar(expected: Any, got: Any, atol: float) -> bool:
    if expected == got:
        return True
    if not isinstance(expected, (int, float)) or not isinstance(got, (int, float)):
        return False
    if expected != expected:
        return got != got
    if atol and math.isfinite(got):
        try:
            return abs(got - expected) <= atol + 1e-7 * abs(expected)
        except OverflowError:
            return False
    return False


def _same_tagged(expected: Any, tag: Any, items: Any, atol: float) -> bool:
    if tag == "tuple":
        return isinstance(expected, tuple) and len(expected) == len(items) and all(map(_same, expected, items, [atol] * len(items)))
    if tag == "dict":
        return isinstance(expected, dict) and len(expected) == len(items) and _same_items(expected, items, atol)
    if tag == "set":
        return isinstance(expected, (set, frozenset)) and len(expected) == len(items) and {decode(item) for item in items} == expected
    if tag in ("int", "bytes", "complex", "range", "Fraction", "Decimal") and isinstance(expected, _MATCHING[tag]):
        return _same_scalar(expected, decode({"t": tag, "v": items}), atol)
    return False


def _same_items(expected: dict[Any, Any], items: list[Any], atol: float) -> bool:
    seen = set()
    for wire_key, wire_value in items:
        key = decode(wire_key)
        if key in seen or key not in expected or not _same(expected[key], wire_value, atol):
            return False
        seen.add(key)
    return True


_MATCHING: dict[str, tuple[type, ...]] = {
    "int": (int, float),
    "bytes": (bytes,),
    "complex": (int, float, complex),
    "range": (range,),
    "Fraction": (int, float),
    "Decimal": (int, float),
}


def _same_type(expected: Any, wire: Any) -> bool:
    if isinstance(wire, dict):
        return {"tuple": tuple, "dict": dict, "set": set}.get(str(wire.get("t"))) is type(expected)
    return type(wire) is type(expected)


def decode(wire: Any) -> Any:
    """The value that `encode` was given; raises for anything malformed."""
    if isinstance(wire, list):
        return [decode(item) for item in wire]
    if not isinstance(wire, dict):
        return wire
    tag, items = wire["t"], wire["v"]
    if tag == "tuple":
        return tuple(decode(item) for item in items)
    if tag == "dict":
        return {decode(key): decode(item) for key, item in items}
    if tag == "set":
        return frozenset(decode(item) for item in items)
    if tag == "range":
        return range(*items)
    return _decode_scalar(tag, items)


def _decode_scalar(tag: str, text: Any) -> Any:
    if tag == "int":
        return int(text, 16)
    if tag == "bytes":
        return bytes.fromhex(text)
    if tag == "complex":
        return complex(*text)
    if tag == "Fraction":
        from fractions import Fraction

        return Fraction(text)
    if tag == "Decimal":
        from decimal import Decimal

        return Decimal(text)
    raise ValueError(f"unknown tag {tag!r}")
