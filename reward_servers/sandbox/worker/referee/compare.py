"""Comparing what a candidate returned with what is expected, in the referee, on data that a hostile program may have made.

The expected value leads: it is walked together with the received one, and nothing is built that the expected value does not ask for.
"""

from __future__ import annotations

import math
from typing import Any

from reward_servers.sandbox.worker.values import Wire, decode

_RTOL = 1e-7
_MAPPINGS = frozenset({"dict", "Counter", "OrderedDict"})
_COLLECTIONS = frozenset({"tuple", "set", "frozenset", "deque", "array"})
_NUMBER_TAGS = frozenset({"int", "complex", "Fraction", "Decimal"})


def equal(expected: Any, wire: Wire, atol: float = 0.0) -> bool:
    """Whether the received value equals the expected one as Python's `==` says; except that NaN equals NaN, so that it can be expected.

    With `atol` > 0, values that are not exactly equal must be of one type and have numbers within `atol + 1e-7 * |expected|` at the same
    places (the rule of evalplus, which is that of numpy's allclose).
    """
    if _same(expected, wire, 0.0):
        return True
    return atol > 0 and type_name(wire) == type(expected).__name__ and _same(expected, wire, atol)


def close(expected: Any, wire: Wire, atol: float, rtol: float) -> bool:
    """`math.isclose(expected, got, abs_tol=atol, rel_tol=rtol)`; False for what is no real number.

    An array of a single number is that number, as for numpy.
    """
    wire = _only_number(wire)
    if wire is None:
        return False
    try:
        return math.isclose(expected, decode(wire), abs_tol=atol, rel_tol=rtol)
    except (TypeError, ValueError, ArithmeticError):  # Too large for a float, or a signalling NaN: in a test, too, that is no success.
        return False


def near(expected: Any, wire: Wire, bound: float, *, strictly: bool) -> bool:
    """`abs(expected - got) < bound`, or `<=`; False where that raises."""
    wire = _only_number(wire)
    if wire is None:
        return False
    try:
        distance = abs(expected - decode(wire))
        return bool(distance < bound if strictly else distance <= bound)
    except (TypeError, ValueError, ArithmeticError):
        return False


def _only_number(wire: Wire) -> Wire | None:
    wire = _only_element(wire["v"]) if type_name(wire) == "array" else wire
    return wire if isinstance(wire, (int, float)) or (isinstance(wire, dict) and wire["t"] in _NUMBER_TAGS) else None


def identical(expected: bool | None, wire: Wire) -> bool:
    """`is None`, `is True`, `is False`."""
    return wire is expected


def type_name(wire: Wire) -> str:
    """The name of the received value's type."""
    return str(wire.get("t")) if isinstance(wire, dict) else type(wire).__name__


def _only_element(value: Any) -> Any:
    while isinstance(value, (list, tuple)) and len(value) == 1:
        value = value[0]
    return value


def _same(expected: Any, wire: Wire, atol: float) -> bool:
    if isinstance(wire, dict):
        return _same_tagged(expected, wire["t"], wire["v"], atol)
    if isinstance(wire, list):
        return isinstance(expected, list) and _same_sequence(expected, wire, atol)
    return _same_scalar(expected, wire, atol)


def _same_sequence(expected: list[Any] | tuple[Any, ...], items: list[Wire], atol: float) -> bool:
    return len(expected) == len(items) and all(_same(wanted, item, atol) for wanted, item in zip(expected, items, strict=True))


def _same_scalar(expected: Any, got: Any, atol: float) -> bool:
    if expected == got:
        return True
    if not isinstance(expected, (int, float)) or not isinstance(got, (int, float)):
        return False
    if expected != expected:
        return got != got
    try:
        return atol > 0 and math.isfinite(got) and math.isfinite(expected) and abs(got - expected) <= atol + _RTOL * abs(expected)
    except OverflowError:
        return False


def _same_tagged(expected: Any, tag: Any, payload: Any, atol: float) -> bool:
    if tag == "tuple":
        return isinstance(expected, tuple) and _same_sequence(expected, payload, atol)
    if tag in _MAPPINGS:
        return isinstance(expected, dict) and _fits(expected, payload) and _same_items(expected, payload, atol)
    if tag in ("set", "frozenset"):
        return isinstance(expected, (set, frozenset)) and _fits(expected, payload) and {decode(item) for item in payload} == expected
    if tag in _NUMBER_TAGS:
        return isinstance(expected, (int, float, complex)) and _same_scalar(expected, decode({"t": tag, "v": payload}), atol)
    if tag == "array":  # numpy compares by element, and says yes or no of a single one only.
        one, other = _only_element(expected), _only_element(payload)
        return not isinstance(one, (list, tuple)) and not isinstance(other, list) and _same(one, other, atol)
    if tag in ("bytes", "bytearray"):
        return isinstance(expected, bytes) and expected.hex() == payload
    return False


def _fits(expected: Any, payload: list[Wire]) -> bool:
    """As many elements as expected, and no more inside them: a hash table of the candidate's making, full of collisions, is never built."""
    sizes = sum(1 + sum(map(_wire_size, item)) for item in payload) if isinstance(expected, dict) else sum(map(_wire_size, payload))
    return len(expected) == len(payload) and 1 + sizes <= _size(expected)


def _size(value: Any) -> int:
    if isinstance(value, dict):
        return 1 + sum(1 + _size(key) + _size(item) for key, item in value.items())
    if isinstance(value, (list, tuple, set, frozenset)):
        return 1 + sum(map(_size, value))
    return 1


def _wire_size(wire: Wire) -> int:
    if isinstance(wire, dict) and wire["t"] in _MAPPINGS:
        return 1 + sum(1 + _wire_size(key) + _wire_size(item) for key, item in wire["v"])
    if isinstance(wire, dict) and wire["t"] in _COLLECTIONS:
        wire = wire["v"]
    return 1 + sum(map(_wire_size, wire)) if isinstance(wire, list) else 1


def _same_items(expected: dict[Any, Any], items: list[Any], atol: float) -> bool:
    seen = set()
    for wire_key, wire_value in items:
        key = decode(wire_key)
        if key in seen or key not in expected or not _same(expected[key], wire_value, atol):
            return False
        seen.add(key)
    return True
