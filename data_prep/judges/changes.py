"""`change`: a value a little different and of the same shape, an input that one might try next (after evalplus' type-aware mutation)."""

from __future__ import annotations

from random import Random
from typing import Any


def change(value: Any, draw: Random) -> Any:
    """A new value of the same type, whose elements are of the types that it had; the old one is not touched."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return draw.choice([value + 1, value - 1, 0 if value else 2, 2 * value, value // 2, abs(value) + draw.randint(1, 9)])
    if isinstance(value, float):
        return round(draw.choice([value + 1.0, value - 0.5, value * 2.0, value / 2.0, 0.0]), 6)
    if isinstance(value, str):
        return "".join(_rearrange(list(value), draw, change_character))
    if isinstance(value, list):
        return _rearrange(value, draw, change)
    if isinstance(value, tuple):
        # A tuple's length is often its meaning, an argument list's always.
        index = draw.randrange(len(value)) if value else 0
        return tuple(change(item, draw) if number == index else item for number, item in enumerate(value))
    if isinstance(value, dict):
        chosen = draw.choice(list(value)) if value else None
        return {key: change(item, draw) if key == chosen else item for key, item in value.items()}
    if isinstance(value, set):
        return set(_rearrange(sorted(value, key=repr), draw, change)) or value
    return value


def change_character(character: str, draw: Random) -> str:
    """Another character of the same sort."""
    for alphabet in ("0123456789", "abcdefghijklmnopqrstuvwxyz", "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "()", "[]", "{}", "<>", "+-*/"):
        if character in alphabet:
            return draw.choice(alphabet)
    return character


def _rearrange(items: list[Any], draw: Random, change_item: Any) -> list[Any]:
    """One step: an element changed, left out, repeated or moved; the order reversed."""
    new = list(items)
    if not new:
        return new
    place = draw.randrange(len(new))
    step = draw.choice(["change", "change", "drop", "repeat", "swap", "reverse"])
    if step == "change":
        new[place] = change_item(new[place], draw)
    elif step == "drop":
        del new[place]
    elif step == "repeat":
        new.insert(draw.randrange(len(new) + 1), new[place])
    elif step == "swap":
        other = draw.randrange(len(new))
        new[place], new[other] = new[other], new[place]
    else:
        new.reverse()
    return new
