"""A received value as text that a person reads as Python; equal values have equal texts. No value is built that could collide or grow."""

from __future__ import annotations

import math
from typing import Any

from reward_servers.sandbox.worker.values import Wire

_BRACKETS = {"tuple": ("(", ")"), "set": ("{", "}"), "frozenset": ("{", "}"), "deque": ("[", "]")}
_MAPPINGS = frozenset({"dict", "Counter", "OrderedDict"})
_UNORDERED = frozenset({"set", "frozenset"})


def literal(wire: Wire) -> str:
    """The text. Sets and mappings are written in the order of their texts, 1.0 as 1. Truth values stay apart from numbers.

    Raises an ordinary exception for what is malformed.
    """
    if isinstance(wire, list):
        return f"[{', '.join(map(literal, wire))}]"
    if not isinstance(wire, dict):
        return _scalar(wire)
    tag, payload = wire["t"], wire["v"]
    if tag in _BRACKETS:
        return _sequence(tag, list(map(literal, payload)))
    if tag in _MAPPINGS:
        return f"{{{', '.join(sorted(f'{literal(key)}: {literal(value)}' for key, value in payload))}}}"
    if tag == "array":
        return literal(payload)
    return f"{tag}({payload!r})"


def _sequence(tag: str, items: list[str]) -> str:
    if tag in _UNORDERED:
        return f"{{{', '.join(sorted(set(items)))}}}" if items else "set()"
    opening, closing = _BRACKETS[tag]
    comma = "," if tag == "tuple" and len(items) == 1 else ""
    return f"{opening}{', '.join(items)}{comma}{closing}"


def _scalar(value: Any) -> str:
    if isinstance(value, float) and math.isfinite(value) and value == int(value):
        return repr(int(value))
    return repr(value)
