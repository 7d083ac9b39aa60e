"""Comparing a received value with an expected one that has been through JSON, where tuples are lists and keys are texts.

The expected value leads here too: what it does not ask for is not looked at.
"""

from __future__ import annotations

from typing import Any

from reward_servers.sandbox.worker.referee.compare import equal, type_name
from reward_servers.sandbox.worker.values import Wire, decode

_SEQUENCES = frozenset({"tuple", "deque", "array"})
_MAPPINGS = frozenset({"dict", "Counter", "OrderedDict"})
_NAMES = {None: "null", True: "true", False: "false"}


def equal_json(expected: Any, wire: Wire, atol: float = 0.0, *, boxed: bool = False) -> bool:
    """Whether the two would be one JSON text, numbers being compared as numbers, within `atol` as `compare.equal` has it.

    With `boxed` an expected list of one may also hold the value itself: APPS writes some results so, and does not say which.
    """
    if _same(expected, wire, atol):
        return True
    return boxed and isinstance(expected, list) and len(expected) == 1 and _same(expected[0], wire, atol)


def _same(expected: Any, wire: Wire, atol: float) -> bool:
    if isinstance(expected, (list, tuple)):
        items = _items(wire)
        return items is not None and len(items) == len(expected) and all(_same(a, b, atol) for a, b in zip(expected, items, strict=True))
    if isinstance(expected, dict):
        return type_name(wire) in _MAPPINGS and _same_mapping(expected, wire["v"], atol)
    return equal(expected, wire) or (atol > 0 and _number(expected) and equal(float(expected), _as_float(wire), atol))


def _items(wire: Wire) -> list[Wire] | None:
    if isinstance(wire, dict) and wire["t"] in _SEQUENCES:
        wire = wire["v"]
    return wire if isinstance(wire, list) else None


def _same_mapping(expected: dict[Any, Any], pairs: list[Any], atol: float) -> bool:
    """Every key once on either side, as the text that JSON makes of it."""
    wanted = {_key(key): value for key, value in expected.items()}
    seen = set()
    for wire_key, wire_value in pairs:
        if isinstance(wire_key, (list, dict)):
            return False
        key = _key(decode(wire_key))
        if key in seen or key not in wanted or not _same(wanted[key], wire_value, atol):
            return False
        seen.add(key)
    return len(seen) == len(wanted)


def _key(key: Any) -> str:
    return _NAMES[key] if key is None or isinstance(key, bool) else str(key)


def _number(value: Any) -> bool:
    """A number that a float can stand for; whole numbers beyond that are compared exactly only."""
    return isinstance(value, float) or (isinstance(value, int) and not isinstance(value, bool) and abs(value) < 1 << 53)


def _as_float(wire: Wire) -> Wire:
    return float(wire) if type(wire) is int and abs(wire) < 1 << 53 else wire
